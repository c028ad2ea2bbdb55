//! Starts an export run for every organization whose export is due.
//!
//! Invoked by a schedule; what the event says does not matter. Reads only the due slice of the index and hands each
//! organization to `export-run`, asynchronously. Starting one twice is harmless: a lease keeps runs apart. Each tick also
//! measures how long the organization waits that waits longest.

use std::time::Instant as StdInstant;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use futures_util::stream::{self, StreamExt};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::json;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError, Metric, Metrics};
use sporlog_model::{Clock, Instant, OrgId, elapsed_ms, error_chain};
use sporlog_store::{Store, StoreError, WaitingOrg};

/// Index shards read, and runs started, at the same time.
const CALLS_AT_ONCE: usize = 16;

/// The function, set up from `TABLE_NAME`, `EXPORT_RUN_FUNCTION` and the variables Lambda sets.
#[derive(Debug)]
pub struct ExportDispatch {
    store: Store,
    lambda: aws_sdk_lambda::Client,
    run_function: String,
    clock: Clock,
    metrics: Metrics,
}

/// What one tick did.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Dispatched {
    /// Organizations for which a run was started.
    pub started: usize,
}

impl ExportDispatch {
    /// Reads the configuration and builds the clients.
    pub fn from_environment(environment: &Environment, clock: Clock) -> Result<Self, EnvironmentError> {
        let (table, run_function) =
            environment.read(|reader| (reader.required("TABLE_NAME"), reader.required("EXPORT_RUN_FUNCTION")))?;
        let aws = Aws::from_environment(environment)?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws.service(AwsService::DynamoDb));
        Ok(Self {
            store: Store::new(dynamodb, table, clock.clone()),
            lambda: aws_sdk_lambda::Client::new(&aws.service(AwsService::Lambda)),
            run_function,
            clock,
            metrics: Metrics::of(environment),
        })
    }

    /// One tick. Everything that can be started is, before what cannot becomes an error: a fault in one shard or one
    /// invocation delays nobody else.
    pub async fn handle(&self) -> Result<Dispatched, Diagnostic> {
        let began = StdInstant::now();
        let now = self.clock.now();
        let shards = stream::iter(Store::due_shards()).map(|shard| self.read(shard, now));
        let found: Vec<_> = shards.buffer_unordered(CALLS_AT_ONCE).collect().await;
        let mut failures = Vec::new();
        let mut due = Vec::new();
        // Who failed is not due before the next attempt, so neither of the two alone tells who waits longest.
        let mut longest: Option<WaitingOrg> = None;
        for shard in found {
            match shard {
                Ok((of_shard, behind)) => {
                    // The one that is due longest comes first.
                    let waiting = [longest, of_shard.first().cloned(), behind];
                    longest = waiting.into_iter().flatten().min_by_key(|waiting| waiting.since);
                    due.extend(of_shard);
                }
                Err(error) => failures.push(error_chain(&error)),
            }
        }
        let age_seconds = longest.as_ref().map_or(0, |longest| now.since(longest.since).as_secs());
        // An age that leaves a shard out would look like health.
        if failures.is_empty() {
            self.metrics.record(&[(Metric::ExportAge, age_seconds)], now.epoch_seconds());
        }
        let starts = stream::iter(due).map(|due| self.start(due.org));
        let started: Vec<_> = starts.buffer_unordered(CALLS_AT_ONCE).collect().await;
        let count = started.iter().filter(|start| start.is_ok()).count();
        failures.extend(started.into_iter().filter_map(Result::err));
        let oldest_org = longest.as_ref().map_or("-", |longest| longest.org.as_str());
        let duration_ms = elapsed_ms(began);
        let failed = failures.len();
        tracing::info!(started = count, failed, age_seconds, oldest_org, duration_ms, "exports dispatched");
        match failures.first() {
            None => Ok(Dispatched { started: count }),
            Some(first) => {
                tracing::error!(cause = first, failed = failures.len(), "not every due export was started");
                let error_message = format!("{} calls failed; the next tick tries again", failures.len());
                Err(Diagnostic { error_type: "NotDispatched".to_owned(), error_message })
            }
        }
    }

    /// What the index says of one shard: who is due, and who is furthest behind.
    async fn read(&self, shard: u8, now: Instant) -> Result<(Vec<WaitingOrg>, Option<WaitingOrg>), StoreError> {
        tokio::try_join!(self.store.due_exports(shard, now), self.store.furthest_behind(shard))
    }

    async fn start(&self, org: OrgId) -> Result<(), String> {
        let payload = json!({"orgId": org.as_str(), "trigger": "schedule"}).to_string();
        let invoke = self.lambda.invoke().function_name(&self.run_function).invocation_type(InvocationType::Event);
        match invoke.payload(Blob::new(payload)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error_chain(&error)),
        }
    }
}
