//! The messages, in one table of `SQLite`.
//!
//! A statement here takes microseconds (WAL, `synchronous = NORMAL`: a commit survives the death of the process), so callers on the async
//! runtime wait for it in place.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::message::{MAX_MESSAGE_BYTES, Message, MessageAttribute, size};
use crate::{clock, template::QueueSpec};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    first_received_ms INTEGER,
    visible_ms INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    receipt TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS message_by_visibility ON message (queue, visible_ms, number);
CREATE INDEX IF NOT EXISTS message_by_receipt ON message (receipt);";

/// Why an operation on a queue failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No queue has that name.
    #[error("The specified queue does not exist.")]
    NoSuchQueue,
    /// The message is larger than SQS takes.
    #[error("One or more parameters are invalid. Reason: Message must be shorter than {MAX_MESSAGE_BYTES} bytes.")]
    TooLarge,
    /// No message was received with that receipt handle.
    #[error("The input receipt handle is invalid.")]
    NoSuchReceipt,
    /// The database failed.
    #[error("the queue database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A stored message cannot be read.
    #[error("a stored message is damaged: {0}")]
    Corrupt(#[from] serde_json::Error),
}

/// The queues of a template and their messages.
#[derive(Debug)]
pub struct Queues {
    specs: BTreeMap<String, QueueSpec>,
    connection: Mutex<Connection>,
    /// Woken whenever a message may have become receivable earlier than was known.
    changed: Notify,
    clock: Clock,
}

/// The wall clock at the start, moved by the runtime's clock: under a paused runtime time stands still here too.
#[derive(Debug)]
struct Clock {
    started_ms: i64,
    started: Instant,
}

impl Clock {
    fn now_ms(&self) -> i64 {
        self.started_ms + millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

impl Queues {
    /// Opens the messages in the file at `path`, or in memory without one.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(specs: &[QueueSpec], path: Option<&Path>) -> Result<Self, QueueError> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        let started_ms = clock::now().as_millisecond();
        Ok(Self {
            specs: specs.iter().map(|spec| (spec.logical_id.clone(), spec.clone())).collect(),
            connection: Mutex::new(connection),
            changed: Notify::new(),
            clock: Clock { started_ms, started: Instant::now() },
        })
    }

    /// The names of the queues, the process's own included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.keys().map(String::as_str)
    }

    /// The settings of a queue.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn spec(&self, queue: &str) -> Result<&QueueSpec, QueueError> {
        self.specs.get(queue).ok_or(QueueError::NoSuchQueue)
    }

    /// Stores a message, receivable after `delay`, and gives its id.
    ///
    /// # Errors
    /// When the queue does not exist or the message is too large.
    pub fn send(
        &self,
        queue: &str,
        body: &str,
        attributes: &BTreeMap<String, MessageAttribute>,
        delay: Duration,
    ) -> Result<String, QueueError> {
        self.spec(queue)?;
        if size(body, attributes) > MAX_MESSAGE_BYTES {
            return Err(QueueError::TooLarge);
        }
        let id = Uuid::new_v4().to_string();
        let now = self.clock.now_ms();
        self.connection().execute(
            "INSERT INTO message (id, queue, body, attributes, sent_ms, visible_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id, queue, body, serde_json::to_string(attributes)?, now, now + millis(delay)],
        )?;
        self.changed.notify_waiters();
        Ok(id)
    }

    /// Stores a message as if it had been received at once, and gives the receipt. It has no limit: it is the process's own.
    pub(crate) fn keep(&self, queue: &str, body: &str) -> Result<String, QueueError> {
        let spec = self.spec(queue)?;
        let (id, receipt, now) = (Uuid::new_v4().to_string(), Uuid::new_v4().simple().to_string(), self.clock.now_ms());
        self.connection().execute(
            "INSERT INTO message (id, queue, body, attributes, sent_ms, first_received_ms, visible_ms, receives, receipt)
             VALUES (?1, ?2, ?3, '{}', ?4, ?4, ?5, 1, ?6)",
            params![id, queue, body, now, now + millis(spec.visibility_timeout), receipt],
        )?;
        Ok(receipt)
    }

    /// Makes every message of a queue receivable.
    pub(crate) fn release(&self, queue: &str) -> Result<(), QueueError> {
        self.connection().execute("UPDATE message SET visible_ms = 0 WHERE queue = ?1", params![queue])?;
        Ok(())
    }

    /// Receives up to `most` messages and hides them for `visibility` (by default the queue's own). Those that were received too often
    /// go to the dead-letter queue instead, those that are too old are deleted.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub fn receive(&self, queue: &str, most: usize, visibility: Option<Duration>) -> Result<Vec<Message>, QueueError> {
        let spec = self.spec(queue)?;
        let now = self.clock.now_ms();
        let hidden_until = now + millis(visibility.unwrap_or(spec.visibility_timeout));
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM message WHERE queue = ?1 AND sent_ms < ?2",
            params![queue, now - millis(spec.retention)],
        )?;
        let moved = redrive(&transaction, spec, now)?;
        let messages = {
            let mut due = transaction.prepare_cached(
                "UPDATE message SET receives = receives + 1, visible_ms = ?3, receipt = lower(hex(randomblob(16))),
                     first_received_ms = coalesce(first_received_ms, ?2)
                 WHERE number IN (SELECT number FROM message WHERE queue = ?1 AND visible_ms <= ?2 ORDER BY visible_ms, number LIMIT ?4)
                 RETURNING id, receipt, body, attributes, sent_ms, first_received_ms, receives",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let rows =
                due.query_map(params![queue, now, hidden_until, most], read_message)?.collect::<Result<Vec<_>, _>>()?;
            rows.into_iter()
                .map(|(message, attributes)| Ok(Message { attributes: serde_json::from_str(&attributes)?, ..message }))
                .collect::<Result<Vec<_>, QueueError>>()?
        };
        transaction.commit()?;
        drop(connection);
        if moved > 0 {
            self.changed.notify_waiters();
        }
        Ok(messages)
    }

    /// Receives as [`Queues::receive`], waiting up to `wait` for a first message.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub async fn receive_within(
        &self,
        queue: &str,
        most: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let until = Instant::now() + wait;
        loop {
            // Registered before looking, so that a message sent in between is not slept over.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let messages = self.receive(queue, most, visibility)?;
            if !messages.is_empty() || Instant::now() >= until {
                return Ok(messages);
            }
            let next = self.next_visible(queue)?.map_or(until, |after| until.min(Instant::now() + after));
            // Either way the queue is looked at again.
            drop(tokio::time::timeout_at(next, changed).await);
        }
    }

    /// Deletes a received message; one that is gone already is no error, as in SQS.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.spec(queue)?;
        self.connection().execute("DELETE FROM message WHERE queue = ?1 AND receipt = ?2", params![queue, receipt])?;
        Ok(())
    }

    /// Makes a received message receivable again after `after`.
    ///
    /// # Errors
    /// When the queue or the receipt does not exist.
    pub fn change_visibility(&self, queue: &str, receipt: &str, after: Duration) -> Result<(), QueueError> {
        self.spec(queue)?;
        let visible = self.clock.now_ms() + millis(after);
        let statement = "UPDATE message SET visible_ms = ?3 WHERE queue = ?1 AND receipt = ?2";
        if self.connection().execute(statement, params![queue, receipt, visible])? == 0 {
            return Err(QueueError::NoSuchReceipt);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Deletes every message of a queue.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub fn purge(&self, queue: &str) -> Result<(), QueueError> {
        self.spec(queue)?;
        self.connection().execute("DELETE FROM message WHERE queue = ?1", params![queue])?;
        Ok(())
    }

    /// How many messages are receivable and how many are hidden.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub fn count(&self, queue: &str) -> Result<(u64, u64), QueueError> {
        self.spec(queue)?;
        let counts = self.connection().query_row(
            "SELECT count(*) FILTER (WHERE visible_ms <= ?2), count(*) FILTER (WHERE visible_ms > ?2) FROM message WHERE queue = ?1",
            params![queue, self.clock.now_ms()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(counts)
    }

    fn next_visible(&self, queue: &str) -> Result<Option<Duration>, QueueError> {
        let next: Option<i64> = self
            .connection()
            .query_row("SELECT min(visible_ms) FROM message WHERE queue = ?1", params![queue], |row| row.get(0))
            .optional()?
            .flatten();
        let after = |visible: i64| u64::try_from(visible - self.clock.now_ms()).unwrap_or(0).max(1);
        Ok(next.map(|visible| Duration::from_millis(after(visible))))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic between two statements leaves an open transaction, which SQLite rolls back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn redrive(transaction: &Transaction<'_>, spec: &QueueSpec, now: i64) -> Result<usize, QueueError> {
    let Some(redrive) = &spec.redrive else { return Ok(0) };
    // The message keeps its id and the time it was sent, as SQS keeps them.
    Ok(transaction.execute(
        "UPDATE message SET queue = ?1, receives = 0, receipt = NULL, first_received_ms = NULL
         WHERE queue = ?2 AND visible_ms <= ?3 AND receives >= ?4",
        params![redrive.queue, spec.logical_id, now, redrive.max_receives],
    )?)
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<(Message, String)> {
    let message = Message {
        id: row.get(0)?,
        receipt: row.get(1)?,
        body: row.get(2)?,
        attributes: BTreeMap::new(),
        sent_ms: row.get(4)?,
        first_received_ms: row.get(5)?,
        receives: row.get(6)?,
    };
    Ok((message, row.get(3)?))
}
