//! One run of one organization's export: from its log into its bucket, exactly once.
//!
//! `run.rs` is a run from its lease to its record, `export.rs` the protocol in between: recovery, plan, put, commit.
//! `segment.rs` reads the feed into segments, `backoff.rs` says when to try again. Start with [`ExportRun::handle`]; `docs/architecture.md` tells why it is safe to be cut anywhere.

mod backoff;
mod export;
mod run;
mod segment;
mod stopped;

use std::time::{Duration, Instant as StdInstant};

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError, Metrics};
use sporlog_export::{BucketClients, Signer};
use sporlog_model::{Clock, Instant, OrgId, RunId, elapsed_ms, error_chain};
use sporlog_store::{RunTrigger, Store};

/// The function, set up from `TABLE_NAME`, `SETTLE_SECONDS`, `SIGNING_KEY_ID` (empty for none) and the variables Lambda sets.
#[derive(Debug)]
pub struct ExportRun {
    store: Store,
    clients: BucketClients,
    /// Vouches for digests, if there is a key for that.
    signer: Option<Signer>,
    clock: Clock,
    metrics: Metrics,
    /// How old an event must be to be exported: by then every write of an earlier instant is visible.
    settle: Duration,
}

/// Whose export to run, and who asks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRequest {
    pub org_id: OrgId,
    pub trigger: RunTrigger,
    /// The id that the run is to have, when whoever asks for it has to know.
    #[serde(default)]
    pub run_id: Option<RunId>,
}

/// What a run did.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum RunOutcome {
    Succeeded {
        run_id: RunId,
        event_count: u64,
    },
    /// There was nothing to export.
    Empty {
        run_id: RunId,
    },
    /// Recorded with the run; the next attempt is set.
    Failed {
        run_id: RunId,
        error_code: &'static str,
    },
    /// Another run is at it.
    Busy,
    /// There is no export, or it is switched off.
    Disabled,
    /// Another run took over while this one was silent. What it had not committed, the other one finishes.
    Lost {
        run_id: RunId,
    },
}

impl RunOutcome {
    /// For the log: a word, the run, the events that it exported, the code of what failed.
    fn told(&self) -> (&'static str, Option<RunId>, u64, Option<&'static str>) {
        match self {
            Self::Succeeded { run_id, event_count } => ("succeeded", Some(*run_id), *event_count, None),
            Self::Empty { run_id } => ("empty", Some(*run_id), 0, None),
            Self::Failed { run_id, error_code } => ("failed", Some(*run_id), 0, Some(error_code)),
            Self::Busy => ("busy", None, 0, None),
            Self::Disabled => ("disabled", None, 0, None),
            Self::Lost { run_id } => ("lost", Some(*run_id), 0, None),
        }
    }
}

impl ExportRun {
    /// Reads the configuration and builds the clients.
    pub fn from_environment(environment: &Environment, clock: Clock) -> Result<Self, EnvironmentError> {
        let (table, settle_seconds, signing_key_id) = environment.read(|reader| {
            (reader.required("TABLE_NAME"), reader.parsed::<u64>("SETTLE_SECONDS"), reader.optional("SIGNING_KEY_ID"))
        })?;
        let aws = Aws::from_environment(environment)?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws.service(AwsService::DynamoDb));
        Ok(Self {
            store: Store::new(dynamodb, table, clock.clone()),
            clients: BucketClients::new(&aws.service(AwsService::Sts), aws.service(AwsService::S3)),
            signer: signing_key_id.map(|key_id| Signer::new(&aws.service(AwsService::Kms), key_id)),
            clock,
            metrics: Metrics::of(environment),
            settle: Duration::from_secs(settle_seconds),
        })
    }

    /// Runs the export of one organization until nothing is left or the time is nearly up; `deadline_ms` is when Lambda
    /// ends the invocation, in milliseconds since 1970.
    pub async fn handle(&self, request: RunRequest, deadline_ms: u64) -> Result<RunOutcome, Diagnostic> {
        let began = StdInstant::now();
        let deadline = i64::try_from(deadline_ms).ok().and_then(|ms| Instant::from_epoch_millis(ms).ok());
        let RunRequest { org_id, trigger, run_id } = request;
        match self.run(&org_id, trigger, run_id.unwrap_or_else(RunId::random), deadline.unwrap_or(Instant::MAX)).await {
            Ok(outcome) => {
                let duration_ms = elapsed_ms(began);
                let (outcome_name, run_id, events, code) = outcome.told();
                let (run_id, code) = (run_id.map(|id| id.to_string()), code.unwrap_or("-"));
                let run_id = run_id.as_deref().unwrap_or("-");
                tracing::info!(org = %org_id, run_id, outcome = outcome_name, events, code, duration_ms, "export run");
                Ok(outcome)
            }
            Err(error) => {
                // Nothing could be recorded. The lease runs out and the next tick finds the organization still due.
                tracing::error!(org = %org_id, cause = error_chain(&error), "export run broke off");
                Err(Diagnostic { error_type: "StoreUnavailable".to_owned(), error_message: error.to_string() })
            }
        }
    }
}
