//! The embedded DynamoDB: the engine of `dynoxide`, with the tables of the template.
//!
//! The file is written ahead and synchronised on every commit (a WAL with `synchronous = FULL`, which is what the engine leaves in
//! place), so what was acknowledged survives a kill of the process and of the machine.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use dynoxide::{
    Database, DynoxideError,
    actions::{create_table::CreateTableRequest, update_time_to_live::UpdateTimeToLiveRequest},
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::iam::Iam;
use crate::iam::dynamodb::PartitionKeys;
use crate::template::TableSpec;

mod answers;
mod front;
mod transactions;

/// How often expired items are deleted. AWS promises days; readers must not rely on it there or here.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database could not be opened, or refused a table.
    #[error("the embedded DynamoDB: {0}")]
    Database(#[from] DynoxideError),
    /// The socket or the thread could not be had.
    #[error("the embedded DynamoDB: {0}")]
    Io(#[from] std::io::Error),
    /// The template describes a table that is not a `CreateTable` request.
    #[error("the table {table} of the template: {problem}")]
    Table {
        /// Logical id of the table.
        table: String,
        /// What the engine's request type says.
        problem: serde_json::Error,
    },
    /// The path of the database is not UTF-8.
    #[error("the path of the database is not UTF-8")]
    Path,
}

/// A running engine. It ends with [`Engine::stop`], or when it is dropped.
pub struct Engine {
    address: SocketAddr,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Engine {
    /// Serves a database on that socket: the file at `path`, or memory without one. Tables that are absent are created. A function may do
    /// what `iam` allows it, anybody else everything.
    ///
    /// # Errors
    /// When the file, a table or the socket is refused.
    pub fn start(
        listener: TcpListener,
        path: Option<&Path>,
        tables: &[TableSpec],
        iam: Iam,
    ) -> Result<Self, EngineError> {
        let database = match path {
            Some(path) => Database::new(path.to_str().ok_or(EngineError::Path)?)?,
            None => Database::memory()?,
        };
        create_absent(&database, tables)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let (served, access) = (database.clone(), (iam, PartitionKeys::of(tables)));
        // A thread and a runtime of its own: the engine's handlers block, and on the caller's runtime they would hold up everything else.
        let thread = thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || run(listener, served, access, stopped, &ready))?;
        // The sender is dropped without a word only if the thread panicked before it could say more.
        started.recv().unwrap_or_else(|_| Err(std::io::Error::other("its thread ended at once")))?;
        Ok(Self { address, database, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The database itself, to look into from a test.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Lets running requests end and closes the file. Blocks until that is done.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        // A receiver that is gone has stopped already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the embedded DynamoDB panicked");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Where the engine and its front run, and their sockets.
struct Served {
    front: Runtime,
    listener: tokio::net::TcpListener,
    engine: Runtime,
    engine_listener: tokio::net::TcpListener,
}

impl Served {
    fn new(listener: TcpListener) -> std::io::Result<Self> {
        // The engine's handlers block their threads; the front has one of its own, so that it passes on what these do not reach.
        let front = Builder::new_current_thread().enable_all().build()?;
        let engine = Builder::new_multi_thread().worker_threads(4).thread_name("dynamodb").enable_all().build()?;
        let listener = asynchronous(&front, listener)?;
        let engine_listener = asynchronous(&engine, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)?;
        Ok(Self { front, listener, engine, engine_listener })
    }
}

fn asynchronous(runtime: &Runtime, listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    let _guard = runtime.enter();
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn run(
    listener: TcpListener,
    database: Database,
    access: (Iam, PartitionKeys),
    stopped: oneshot::Receiver<()>,
    ready: &mpsc::Sender<std::io::Result<()>>,
) {
    let started = Served::new(listener).and_then(|served| Ok((served.engine_listener.local_addr()?, served)));
    let (address, Served { front, listener, engine, engine_listener }) = match started {
        Ok(started) => started,
        // Nobody listens only if the starter is gone; then there is nobody to tell.
        Err(error) => return drop(ready.send(Err(error))),
    };
    let _ = ready.send(Ok(()));
    let sweeper = engine.spawn(sweep(database.clone()));
    let (stop, front_ended) = oneshot::channel::<()>();
    let serving = dynoxide::server::serve_with_shutdown(engine_listener, database, async { drop(front_ended.await) });
    let serving = engine.spawn(serving);
    if let Err(error) = front.block_on(front::serve(listener, address, access, async { drop(stopped.await) })) {
        tracing::error!(%error, "the front of the embedded DynamoDB ended");
    }
    // Closes its connections to the engine, which ends after it.
    drop(front);
    drop(stop);
    sweeper.abort();
    let ended = engine.block_on(serving);
    if !matches!(ended, Ok(Ok(()))) {
        tracing::error!(?ended, "the embedded DynamoDB ended");
    }
}

async fn sweep(database: Database) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + SWEEP_EVERY, SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(deleted)) => tracing::debug!(deleted, "expired items deleted"),
            Ok(Err(error)) => tracing::warn!(%error, "expired items could not be deleted"),
            Err(error) => tracing::error!(%error, "the sweep of expired items panicked"),
        }
    }
}

fn create_absent(database: &Database, tables: &[TableSpec]) -> Result<(), EngineError> {
    for table in tables {
        let typed = |problem| EngineError::Table { table: table.logical_id.clone(), problem };
        let create: CreateTableRequest = serde_json::from_value(table.create.clone()).map_err(typed)?;
        match database.create_table(create) {
            Ok(_) => {}
            Err(DynoxideError::ResourceInUseException(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        if let Some(attribute) = &table.ttl_attribute {
            let enable = json!({
                "TableName": table.logical_id,
                "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
            });
            let enable: UpdateTimeToLiveRequest = serde_json::from_value(enable).map_err(typed)?;
            database.update_time_to_live(enable)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
