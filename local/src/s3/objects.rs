//! Object rows: put, find, read, delete.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::attributes::Attributes;
use super::{Storage, StorageError, buckets, listing};

/// An object without its bytes.
#[derive(Debug, Clone)]
pub(super) struct ObjectHead {
    pub(super) size: u64,
    /// MD5 of the bytes in hexadecimal, without quotes.
    pub(super) etag: String,
    pub(super) modified_at: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) body: i64,
}

/// An object as the command line and tests read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// MD5 of the bytes in hexadecimal, without the quotes that HTTP puts around it.
    pub etag: String,
    /// When it was written.
    pub modified_at: Timestamp,
    /// As sent with the PUT.
    pub content_type: Option<String>,
    /// As sent with the PUT, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// The bytes as stored, that is, still encoded.
    pub body: Bytes,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The key within the bucket.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes in hexadecimal, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified_at: Timestamp,
}

/// What a PUT asks of the object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`.
    Etag(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PutOutcome {
    Stored,
    /// The condition does not hold.
    PreconditionFailed,
    /// `If-Match` on an object that is not there.
    NoSuchKey,
    NoSuchBucket,
}

pub(super) struct NewObject {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) attributes: Attributes,
    pub(super) body: Bytes,
    pub(super) modified_at: Timestamp,
}

impl Storage {
    /// All objects of the bucket whose keys start with `prefix`, in key order; none when there is no such bucket.
    pub fn list_objects(&self, bucket: &str, prefix: &str) -> Result<Vec<ListedObject>, StorageError> {
        self.read_now(|connection| listing::all(connection, bucket, prefix))
    }

    /// The object with its bytes, or `None`.
    pub fn get_object(&self, bucket: &str, key: &str) -> Result<Option<StoredObject>, StorageError> {
        self.read_now(|connection| {
            let Some(head) = find(connection, bucket, key)? else {
                return Ok(None);
            };
            let body = read_body(connection, head.body, 0, head.size)?;
            Ok(Some(StoredObject {
                etag: head.etag,
                modified_at: head.modified_at,
                content_type: head.attributes.content_type,
                content_encoding: head.attributes.content_encoding,
                body,
            }))
        })
    }
}

/// Decides the condition and writes in the caller's one transaction, so that of two racing writers only one wins.
pub(super) fn put(
    transaction: &Transaction<'_>,
    object: &NewObject,
    condition: &Condition,
) -> Result<PutOutcome, StorageError> {
    if buckets::region(transaction, &object.bucket)?.is_none() {
        return Ok(PutOutcome::NoSuchBucket);
    }
    let present = find(transaction, &object.bucket, &object.key)?;
    match (condition, &present) {
        (Condition::Absent, Some(_)) => return Ok(PutOutcome::PreconditionFailed),
        (Condition::Etag(_), None) => return Ok(PutOutcome::NoSuchKey),
        (Condition::Etag(etag), Some(present)) if *etag != present.etag => return Ok(PutOutcome::PreconditionFailed),
        _ => {}
    }
    let attributes = serde_json::to_string(&object.attributes).map_err(|error| StorageError::Corrupt(error.into()))?;
    transaction.prepare_cached("INSERT INTO body (bytes) VALUES (?1)")?.execute([&object.body[..]])?;
    let body = transaction.last_insert_rowid();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO object (bucket, key, size, etag, modified_at, attributes, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            object.bucket,
            object.key,
            object.body.len() as u64,
            object.etag,
            object.modified_at.as_millisecond(),
            attributes,
            body
        ])?;
    if let Some(replaced) = present {
        delete_body(transaction, replaced.body)?;
    }
    Ok(PutOutcome::Stored)
}

pub(super) fn find(connection: &Connection, bucket: &str, key: &str) -> Result<Option<ObjectHead>, StorageError> {
    let columns = |row: &Row<'_>| {
        Ok((row.get::<_, u64>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?, row.get::<_, i64>(4)?))
    };
    let row = connection
        .prepare_cached("SELECT size, etag, modified_at, attributes, body FROM object WHERE bucket = ?1 AND key = ?2")?
        .query_row([bucket, key], columns)
        .optional()?;
    let Some((size, etag, modified_at, attributes, body)) = row else {
        return Ok(None);
    };
    let attributes = serde_json::from_str(&attributes).map_err(|error| StorageError::Corrupt(error.into()))?;
    Ok(Some(ObjectHead { size, etag, modified_at: timestamp(modified_at)?, attributes, body }))
}

/// `length` bytes of the body from `start`.
pub(super) fn read_body(connection: &Connection, body: i64, start: u64, length: u64) -> Result<Bytes, StorageError> {
    // SQLite counts from 1.
    let bytes: Vec<u8> = connection
        .prepare_cached("SELECT substr(bytes, ?2 + 1, ?3) FROM body WHERE id = ?1")?
        .query_row(params![body, start, length], |row| row.get(0))?;
    Ok(Bytes::from(bytes))
}

/// True when there was one.
pub(super) fn delete(transaction: &Transaction<'_>, bucket: &str, key: &str) -> Result<bool, StorageError> {
    let Some(object) = find(transaction, bucket, key)? else {
        return Ok(false);
    };
    transaction.prepare_cached("DELETE FROM object WHERE bucket = ?1 AND key = ?2")?.execute([bucket, key])?;
    delete_body(transaction, object.body)?;
    Ok(true)
}

fn delete_body(transaction: &Transaction<'_>, body: i64) -> Result<(), StorageError> {
    transaction.prepare_cached("DELETE FROM body WHERE id = ?1")?.execute([body])?;
    Ok(())
}

pub(super) fn timestamp(milliseconds: i64) -> Result<Timestamp, StorageError> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| StorageError::Corrupt(Box::new(error)))
}
