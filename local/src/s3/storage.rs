//! The `SQLite` file: how it is opened, shared and written to.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

/// How long a statement waits for another process that holds the file's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bodies lie apart from the object rows, so that a listing never reads past them.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS bucket (
        name TEXT PRIMARY KEY, region TEXT NOT NULL, created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS object (
        bucket TEXT NOT NULL REFERENCES bucket (name), key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        modified_at INTEGER NOT NULL, attributes TEXT NOT NULL, body INTEGER NOT NULL REFERENCES body (id),
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS role (
        name TEXT PRIMARY KEY, bucket TEXT NOT NULL, external_id TEXT, deny TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS session (
        access_key TEXT PRIMARY KEY, secret_key TEXT NOT NULL, token TEXT NOT NULL, role TEXT NOT NULL,
        name TEXT NOT NULL, policy TEXT, expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// `SQLite` refused or failed.
    #[error("the S3 store failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A row does not hold what this program writes.
    #[error("the S3 store holds a row that cannot be read")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gave no random bytes for new credentials.
    #[error("no random bytes for credentials")]
    Random(#[from] getrandom::Error),
    /// The thread that ran the query ended without an answer.
    #[error("the S3 store's worker ended")]
    Worker(#[from] tokio::task::JoinError),
    /// A name that AWS would not accept, and why.
    #[error("{0}")]
    InvalidName(String),
}

/// Buckets, objects, roles and sessions of one `SQLite` file, or of memory. A clone is another handle on the same store.
///
/// Several processes may open one file: what one commits, the next request of another sees.
#[derive(Clone)]
pub struct Storage {
    writer: Arc<Mutex<Connection>>,
    /// The same connection as `writer` when the store is in memory; otherwise its own, so that WAL lets reads go on
    /// during a large PUT.
    reader: Arc<Mutex<Connection>>,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Storage {
    /// Opens the file, creating it and its tables when they are absent.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let mut writer = Connection::open(path)?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        use_write_ahead_log(&writer)?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        create_tables(&mut writer)?;
        let reader = Connection::open(path)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Self { writer: Arc::new(Mutex::new(writer)), reader: Arc::new(Mutex::new(reader)) })
    }

    /// A store that lives as long as this value and its clones, and that nothing else can see.
    pub fn memory() -> Result<Self, StorageError> {
        let mut connection = Connection::open_in_memory()?;
        create_tables(&mut connection)?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self { writer: Arc::clone(&connection), reader: connection })
    }

    /// Reads on the calling thread, all from one moment: what another process commits in between is not seen.
    pub(super) fn read_now<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut connection = lock(&self.reader);
        work(&*connection.transaction()?)
    }

    /// Runs `work` in one transaction that holds the write lock from its start: what it reads cannot change before it
    /// writes. This is what makes a conditional PUT have one winner.
    pub(super) fn write_now<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut connection = lock(&self.writer);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = work(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }

    /// [`Self::read_now`] off the async threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let storage = self.clone();
        tokio::task::spawn_blocking(move || logged(storage.read_now(work))).await?
    }

    /// [`Self::write_now`] off the async threads. The work is done even when the caller goes away in the meantime.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let storage = self.clone();
        tokio::task::spawn_blocking(move || logged(storage.write_now(work))).await?
    }
}

/// Logs a failure where it happens: the server runs the protocol under no subscriber (see `server.rs`), and the client
/// is told no more than "`InternalError`".
fn logged<T>(outcome: Result<T, StorageError>) -> Result<T, StorageError> {
    if let Err(error) = &outcome {
        tracing::error!(error = error as &dyn std::error::Error, "the local S3 store failed");
    }
    outcome
}

/// A panic in another query rolled its transaction back; the connection itself is as good as before.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn create_tables(connection: &mut Connection) -> Result<(), StorageError> {
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.commit()?;
    Ok(())
}

/// Two processes that open a new file at the same moment both want to change its mode; `SQLite` refuses one of them at
/// once, without the busy timeout, since waiting could deadlock. The other one has then done the work.
fn use_write_ahead_log(connection: &Connection) -> Result<(), StorageError> {
    const ATTEMPTS: u32 = 200;
    for attempt in 1..=ATTEMPTS {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy && attempt < ATTEMPTS =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => return Ok(outcome?),
        }
    }
    Ok(())
}
