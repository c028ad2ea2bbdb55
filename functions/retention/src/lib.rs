//! Deletes the events that an organization's retention periods no longer allow.
//!
//! Invoked by a schedule, for everything that is due, and by `audit-config` right after a period was shortened, for one group.
//! Start with [`Retention::handle`]; what is deleted and how that may be cut is in the store (`Store::sweep`).

use std::time::{Duration, Instant as StdInstant};

use futures_util::stream::{self, StreamExt};
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sporlog_auth::{Service, TenantScope};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_model::settings::SettingGroup;
use sporlog_model::{Clock, Instant, OrgId, elapsed_ms, error_chain};
use sporlog_store::{DueRetention, Store, StoreError, SweepOutcome};

/// Sweeps, and reads of the index, at the same time.
const AT_ONCE: usize = 8;

/// What is left of an invocation's time when no further transaction is begun.
const TIME_FOR_THE_END: Duration = Duration::from_secs(30);

/// The function, set up from `TABLE_NAME` and the variables Lambda sets.
#[derive(Debug)]
pub struct Retention {
    store: Store,
    clock: Clock,
}

/// Whose events to look at. The schedule names nobody: then at everything that is due.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRequest {
    pub org_id: Option<OrgId>,
    pub group: Option<SettingGroup>,
}

/// What an invocation did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionReport {
    /// Groups that hold nothing any more that is too old.
    pub finished: usize,
    /// Groups whose sweep goes on at the next tick.
    pub unfinished: usize,
    /// Groups that another sweep is at, or that keep their events for ever.
    pub skipped: usize,
    /// Events deleted by the finished sweeps, with those that sweeps cut before them had deleted.
    pub deleted_events: u64,
}

impl Retention {
    /// Reads the configuration and builds the client.
    pub fn from_environment(environment: &Environment, clock: Clock) -> Result<Self, EnvironmentError> {
        let table = environment.read(|reader| reader.required("TABLE_NAME"))?;
        let client = aws_sdk_dynamodb::Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
        Ok(Self { store: Store::new(client, table, clock.clone()), clock })
    }

    /// Sweeps one group, or all that are due. `deadline_ms` is when Lambda ends the invocation, in milliseconds since 1970. A
    /// fault in one group delays no other; it becomes the invocation's error when the others are done.
    pub async fn handle(&self, request: RetentionRequest, deadline_ms: u64) -> Result<RetentionReport, Diagnostic> {
        let began = StdInstant::now();
        let deadline = i64::try_from(deadline_ms).ok().and_then(|ms| Instant::from_epoch_millis(ms).ok());
        let deadline = deadline.unwrap_or(Instant::MAX).minus(TIME_FOR_THE_END);
        let mut failures = Vec::new();
        let due = match (request.org_id, request.group.and_then(SettingGroup::events)) {
            (Some(org), Some(group)) => vec![DueRetention { org, group }],
            (Some(_), None) => Vec::new(),
            (None, _) => self.due(&mut failures).await,
        };
        let sweeps = stream::iter(due).map(|due| self.sweep(due, deadline));
        let swept: Vec<_> = sweeps.buffer_unordered(AT_ONCE).collect().await;
        let mut report = RetentionReport::default();
        for outcome in swept {
            match outcome {
                Ok(SweepOutcome::Finished { removed }) => {
                    report.finished += 1;
                    report.deleted_events += removed;
                }
                Ok(SweepOutcome::Unfinished) => report.unfinished += 1,
                Ok(SweepOutcome::Busy | SweepOutcome::NoPeriod) => report.skipped += 1,
                Err(error) => failures.push(error_chain(&error)),
            }
        }
        let RetentionReport { finished, unfinished, skipped, deleted_events } = report;
        let (failed, duration_ms) = (failures.len(), elapsed_ms(began));
        tracing::info!(finished, unfinished, skipped, deleted_events, failed, duration_ms, "retention");
        match failures.first() {
            None => Ok(report),
            Some(first) => {
                tracing::error!(cause = first, failed = failures.len(), "not everything could be swept");
                let error_message = format!("{} sweeps or reads failed; the next tick tries again", failures.len());
                Err(Diagnostic { error_type: "NotSwept".to_owned(), error_message })
            }
        }
    }

    async fn due(&self, failures: &mut Vec<String>) -> Vec<DueRetention> {
        let now = self.clock.now();
        let shards = stream::iter(Store::due_shards()).map(|shard| self.store.due_retentions(shard, now));
        let mut due = Vec::new();
        for shard in shards.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match shard {
                Ok(found) => due.extend(found),
                Err(error) => failures.push(error_chain(&error)),
            }
        }
        due
    }

    async fn sweep(&self, due: DueRetention, deadline: Instant) -> Result<SweepOutcome, StoreError> {
        let DueRetention { org, group } = due;
        let scope = TenantScope::for_service(Service::Retention, &org);
        let swept = Box::pin(self.store.sweep(&scope, group, deadline)).await;
        if let Ok(outcome) = &swept {
            tracing::info!(%org, group = group.name(), ?outcome, "sweep");
        }
        swept
    }
}
