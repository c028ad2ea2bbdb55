//! Logs of up to a million events, made quickly: the store encodes each event as ever, but what it sends is caught, and what is wanted
//! of it is put into the engine's file by the ten thousand. Of a log that is exported those are the entries of the feed, which is all
//! that an export reads; of a history all rows.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::{Response, StatusCode};
use dynoxide::{Database, ImportOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::{Clock, Instant};
use sporlog_store::Store;

use crate::Failure;
use crate::engine::{TABLE, TestEngine, scope, variables};
use crate::events::{Generator, numbered};
use crate::workspace::cache;

/// When the first event is recorded.
const FIRST: &str = "2026-11-01T00:00:00Z";
/// From one event to the next: ten a second, so that a million take more than a day.
const STEP: Duration = Duration::from_millis(100);
/// Events that go into the file at a time.
const BATCH: usize = 10_000;
/// Events of an order, on average.
const EVENTS_OF_AN_ORDER: u64 = 20;

/// What the rows are made by. Another one makes another file.
const GENERATOR: [&str; 6] = [
    include_str!("feed.rs"),
    include_str!("events.rs"),
    include_str!("../../shared/store/src/append.rs"),
    include_str!("../../shared/store/src/body.rs"),
    include_str!("../../shared/store/src/event_item.rs"),
    include_str!("../../shared/store/src/keys.rs"),
];

/// The organization whose feed has this many events.
pub(crate) fn org_of(count: u64) -> String {
    format!("feed-{count}")
}

/// The days of which a feed of this many events has entries.
pub(crate) fn days_of(count: u64) -> Result<Vec<String>, Failure> {
    let (first, last) = (recorded_at(0)?, recorded_at(count.saturating_sub(1))?);
    let days = if first.day() == last.day() { vec![first.day()] } else { vec![first.day(), last.day()] };
    Ok(days.into_iter().map(|day| day.to_string()).collect())
}

fn recorded_at(number: u64) -> Result<Instant, Failure> {
    Ok(Instant::parse(FIRST)?.plus(STEP * u32::try_from(number)?))
}

/// A file of the engine with an organization whose feed has this many events; made at the first time, or when what makes it has
/// changed.
pub(crate) async fn database(count: u64) -> Result<PathBuf, Failure> {
    cached("feed", &count.to_string(), async |engine| fill(engine.database(), count).await).await
}

/// A file of the engine, made by `make` if it is not there. `size` tells files of one kind from each other.
pub(crate) async fn cached(
    kind: &str,
    size: &str,
    make: impl AsyncFnOnce(&TestEngine) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let mut hasher = Sha256::new();
    for source in GENERATOR {
        hasher.update(source);
    }
    hasher.update(size);
    let path = cache()?.join(format!("{kind}-{}.sqlite", &hex::encode(hasher.finalize())[..16]));
    if path.exists() {
        return Ok(path);
    }
    eprintln!("filling {}", path.display());
    let unfinished = path.with_extension("unfinished");
    for leftover in ["unfinished", "unfinished-wal", "unfinished-shm"] {
        // From a run that was cut.
        let _ = std::fs::remove_file(path.with_extension(leftover));
    }
    let engine = TestEngine::file(&unfinished)?;
    engine.database().enable_bulk_loading()?;
    make(&engine).await?;
    engine.database().disable_bulk_loading()?;
    drop(engine);
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// A history of one order, with this many events a second apart.
pub(crate) async fn fill_history(database: &Database, org: &str, order: &str, count: u64) -> Result<(), Failure> {
    let caught = Catch::of(Wanted::AllRows);
    let (store, scope) = (caught.store(Clock::system())?, scope(org)?);
    let mut generator = Generator::new(count);
    for number in 0..count {
        let at = Instant::parse(FIRST)?.plus(Duration::from_secs(number));
        store.append(&scope, &generator.event(order, at)?).await?;
        if caught.len() >= BATCH {
            caught.import(database)?;
        }
    }
    caught.import(database)?;
    // What counts one event, once for all of them.
    let mut update = caught.last_update.lock().unwrap_or_else(PoisonError::into_inner).take();
    update["ExpressionAttributeValues"][":one"]["N"] = count.to_string().into();
    database.update_item(serde_json::from_value(update)?)?;
    Ok(())
}

async fn fill(database: &Database, count: u64) -> Result<(), Failure> {
    let workers = 2;
    let tasks = (0..workers).map(|worker| {
        let database = database.clone();
        tokio::spawn(async move { fill_every(&database, count, worker, workers).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

/// Fills in each `of`th event, beginning with `first`.
async fn fill_every(database: &Database, count: u64, first: u64, of: u64) -> Result<(), Failure> {
    let now = Arc::new(Mutex::new(recorded_at(0)?));
    let clock = {
        let now = Arc::clone(&now);
        Clock::from_fn(move || *now.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let caught = Catch::of(Wanted::Feed);
    let (store, scope) = (caught.store(clock)?, scope(&org_of(count))?);
    let mut generator = Generator::new(first + 1);
    for number in (first..count).step_by(usize::try_from(of)?) {
        let at = recorded_at(number)?;
        *now.lock().unwrap_or_else(PoisonError::into_inner) = at;
        // Spread, so that the events of an order are not neighbours.
        let order = numbered(number.wrapping_mul(2_654_435_761) % (count / EVENTS_OF_AN_ORDER + 1));
        let event = generator.event(&order, at.minus(Duration::from_millis(20)))?;
        store.append(&scope, &event).await?;
        if caught.len() >= BATCH {
            caught.import(database)?;
        }
    }
    caught.import(database)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Feed,
    AllRows,
}

/// Takes the place of the connection: keeps what is wanted of what is sent, and answers that all went well.
#[derive(Debug, Clone)]
struct Catch {
    wanted: Wanted,
    rows: Arc<Mutex<Vec<Value>>>,
    last_update: Arc<Mutex<Value>>,
}

impl Catch {
    fn of(wanted: Wanted) -> Self {
        Self { wanted, rows: Arc::default(), last_update: Arc::default() }
    }

    fn store(&self, clock: Clock) -> Result<Store, Failure> {
        let environment = Environment::from_values(variables("http://127.0.0.1:1", None));
        let shared = Aws::from_environment(&environment)?.service(AwsService::DynamoDb);
        let connector = SharedHttpConnector::new(self.clone());
        let http = http_client_fn(move |_, _| connector.clone());
        Ok(Store::new(Client::from_conf(Builder::from(&shared).http_client(http).build()), TABLE, clock))
    }

    fn len(&self) -> usize {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn import(&self, database: &Database) -> Result<(), Failure> {
        let rows = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        let items = rows.into_iter().map(serde_json::from_value).collect::<Result<Vec<_>, _>>()?;
        database.import_items(TABLE, items, ImportOptions::default())?;
        Ok(())
    }

    fn keep(&self, mut request: Value) {
        let put = request["Item"].take();
        let mut rows = vec![put];
        for item in request["TransactItems"].as_array_mut().into_iter().flatten() {
            rows.push(item["Put"]["Item"].take());
            if !item["Update"].is_null() {
                *self.last_update.lock().unwrap_or_else(PoisonError::into_inner) = item["Update"].take();
            }
        }
        let wanted = |row: &Value| {
            row["pk"]["S"].as_str().is_some_and(|pk| self.wanted == Wanted::AllRows || pk.contains("#FEED"))
        };
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).extend(rows.into_iter().filter(wanted));
    }
}

impl HttpConnector for Catch {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.keep(serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default());
        let answered = StatusCode::try_from(200).map(|status| Response::new(status, "{}".into()));
        HttpConnectorFuture::ready(answered.map_err(|error| ConnectorError::other(error.into(), None)))
    }
}
