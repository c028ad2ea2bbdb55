//! `ListObjectsV2`: keys in order, folded at a delimiter, page by page.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::StorageError;
use super::objects::{ListedObject, timestamp};

/// Where a page starts, after the item named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// After this key.
    Key(String),
    /// After every key that starts with this common prefix.
    Prefix(String),
}

impl Position {
    /// The continuation token: opaque to clients, readable here.
    pub(super) fn to_token(&self) -> String {
        match self {
            Self::Key(key) => hex::encode(format!("k{key}")),
            Self::Prefix(prefix) => hex::encode(format!("p{prefix}")),
        }
    }

    pub(super) fn from_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(hex::decode(token).ok()?).ok()?;
        match text.split_at_checked(1)? {
            ("k", key) => Some(Self::Key(key.to_owned())),
            ("p", prefix) => Some(Self::Prefix(prefix.to_owned())),
            _ => None,
        }
    }
}

/// What to list.
pub(super) struct Query {
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    pub(super) after: Option<Position>,
    /// Keys and common prefixes together.
    pub(super) limit: usize,
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<ListedObject>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts; `None` on the last.
    pub(super) next: Option<Position>,
}

/// One index seek per item returned: what a common prefix folds away is skipped, not read.
pub(super) fn page(connection: &Connection, query: &Query) -> Result<Page, StorageError> {
    let mut page = Page::default();
    let mut position = query.after.clone();
    let mut last = None;
    while let Some(object) = next(connection, &query.bucket, &query.prefix, position.as_ref())? {
        if page.objects.len() + page.prefixes.len() >= query.limit {
            // A page of nothing has no next one: S3 answers `max-keys=0` as complete.
            page.next = last;
            break;
        }
        let here = if let Some(prefix) = common_prefix(&object.key, query) {
            page.prefixes.push(prefix.clone());
            Position::Prefix(prefix)
        } else {
            let here = Position::Key(object.key.clone());
            page.objects.push(object);
            here
        };
        last = Some(here.clone());
        position = Some(here);
    }
    Ok(page)
}

/// Every object under the prefix.
pub(super) fn all(connection: &Connection, bucket: &str, prefix: &str) -> Result<Vec<ListedObject>, StorageError> {
    let query =
        Query { bucket: bucket.to_owned(), prefix: prefix.to_owned(), delimiter: None, after: None, limit: usize::MAX };
    Ok(page(connection, &query)?.objects)
}

fn common_prefix(key: &str, query: &Query) -> Option<String> {
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let end = query.prefix.len() + rest.find(delimiter)? + delimiter.len();
    Some(key[..end].to_owned())
}

/// The first object under `prefix` after `position`. `SQLite` compares keys as UTF-8 bytes, which is S3's order.
fn next(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    position: Option<&Position>,
) -> Result<Option<ListedObject>, StorageError> {
    let found = match position {
        Some(Position::Key(key)) if key.as_str() >= prefix => seek(connection, bucket, ">", key)?,
        Some(Position::Prefix(done)) if done.as_str() >= prefix => {
            // The greatest character ends almost every key of the prefix; the loop walks over those that go on after it.
            let mut found = seek(connection, bucket, ">", &format!("{done}{}", char::MAX))?;
            while let Some(object) = &found {
                if !object.key.starts_with(done.as_str()) {
                    break;
                }
                found = seek(connection, bucket, ">", &object.key.clone())?;
            }
            found
        }
        _ => seek(connection, bucket, ">=", prefix)?,
    };
    Ok(found.filter(|object| object.key.starts_with(prefix)))
}

fn seek(
    connection: &Connection,
    bucket: &str,
    comparison: &'static str,
    key: &str,
) -> Result<Option<ListedObject>, StorageError> {
    let sql = format!(
        "SELECT key, size, etag, modified_at FROM object WHERE bucket = ?1 AND key {comparison} ?2 ORDER BY key LIMIT 1"
    );
    let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let row = connection.prepare_cached(&sql)?.query_row(params![bucket, key], columns).optional()?;
    let Some((key, size, etag, modified_at)) = row else {
        return Ok(None);
    };
    Ok(Some(ListedObject { key, size, etag, modified_at: timestamp(modified_at)? }))
}
