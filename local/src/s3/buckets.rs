//! Bucket rows.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::objects::timestamp;
use super::{Storage, StorageError};

/// A bucket as it is stored.
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) created_at: Timestamp,
}

pub(super) enum Deleted {
    Done,
    NotFound,
    NotEmpty,
}

impl Storage {
    /// Creates the bucket; one that exists stays as it is, in its own region. True when it is new.
    pub fn create_bucket(&self, name: &str, region: &str) -> Result<bool, StorageError> {
        check_name(name)?;
        self.write_now(|transaction| create(transaction, name, region))
    }
}

/// Refuses what S3 refuses as a name.
pub(super) fn check_name(name: &str) -> Result<(), StorageError> {
    if s3s::path::check_bucket_name(name) {
        return Ok(());
    }
    Err(StorageError::InvalidName(format!("{name:?} is not a bucket name")))
}

/// True when the bucket is new. The command line creates buckets as well, so the time is `SQLite`'s own.
pub(super) fn create(transaction: &Transaction<'_>, name: &str, region: &str) -> Result<bool, StorageError> {
    let created = transaction.execute(
        "INSERT OR IGNORE INTO bucket (name, region, created_at)
         VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
        [name, region],
    )?;
    Ok(created == 1)
}

pub(super) fn region(connection: &Connection, name: &str) -> Result<Option<String>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT region FROM bucket WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(super) fn list(connection: &Connection) -> Result<Vec<Bucket>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT name, region, created_at FROM bucket ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (name, region, created_at) = row?;
        Ok(Bucket { name, region, created_at: timestamp(created_at)? })
    })
    .collect()
}

pub(super) fn delete(transaction: &Transaction<'_>, name: &str) -> Result<Deleted, StorageError> {
    let holds_objects: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM object WHERE bucket = ?1)", [name], |row| row.get(0))?;
    if holds_objects {
        return Ok(Deleted::NotEmpty);
    }
    match transaction.execute("DELETE FROM bucket WHERE name = ?1", [name])? {
        0 => Ok(Deleted::NotFound),
        _ => Ok(Deleted::Done),
    }
}
