use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use sporlog_auth::TenantScope;
use sporlog_model::export::SegmentPlan;
use sporlog_model::{Instant, OrgId, RunId};

use crate::history::SortOrder;
use crate::row::Row;
use crate::table::{Change, text};
use crate::{Covered, Store, StoreError, keys};

/// Runs that found nothing to do are forgotten after this time: there is one at every tick of the schedule.
const EMPTY_RUN_KEPT: Duration = Duration::from_hours(30 * 24);

/// One run of an organization's export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    pub trigger: RunTrigger,
    pub status: RunStatus,
    pub window_start: Option<Instant>,
    pub window_end: Option<Instant>,
    pub first_seq: Option<u64>,
    pub last_seq: Option<u64>,
    pub event_count: u64,
    /// Of the uncompressed lines.
    pub byte_count: u64,
    pub objects: Vec<RunObject>,
    /// The newest digest of the run.
    pub digest_key: Option<String>,
    /// 1 for the first attempt, 2 for the first after a failure.
    pub attempt: u64,
    pub started_at: Instant,
    pub finished_at: Option<Instant>,
    pub error_code: Option<String>,
    pub error: Option<String>,
    pub next_attempt_at: Option<Instant>,
}

/// Who started it, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunTrigger {
    Schedule,
    Manual,
    /// The schedule, while what was recorded before the export was switched on was not all exported.
    Backfill,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    Running,
    Succeeded,
    /// There was nothing to export.
    Empty,
    Failed,
}

/// An object that a run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunObject {
    pub key: String,
    /// Of the uncompressed lines.
    pub sha256: String,
    pub event_count: u64,
    /// Of the uncompressed lines.
    pub byte_count: u64,
}

impl RunTrigger {
    const ALL: [Self; 3] = [Self::Schedule, Self::Manual, Self::Backfill];

    /// The name in the published list of runs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
        }
    }
}

impl RunStatus {
    const ALL: [Self; 4] = [Self::Running, Self::Succeeded, Self::Empty, Self::Failed];

    /// The name in the published list of runs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Empty => "empty",
            Self::Failed => "failed",
        }
    }
}

impl Store {
    /// The item of a run that begins now.
    pub(crate) fn run_begun(&self, org: &OrgId, id: RunId, trigger: RunTrigger, attempt: u64) -> Row {
        Row::at(keys::run(org, id))
            .with_text("trigger", trigger.name())
            .with_text("status", RunStatus::Running.name())
            .with_number("attempt", attempt)
            .with_text("started_at", self.clock.now().to_string())
    }

    /// How the item of a run changes that went silent.
    pub(crate) fn run_interrupted(&self) -> Change {
        let error = ("interrupted", "The run stopped without an end; the next one continued where it was.");
        self.run_ended(RunStatus::Failed, Some(error), None)
    }

    /// How a run's item changes when one of its segments is in the bucket.
    pub(crate) fn run_exported(plan: &SegmentPlan, covered: Covered) -> Result<Change, StoreError> {
        let object = plan.object.as_ref().map(|object| RunObject {
            key: object.key.clone(),
            sha256: object.sha256.clone(),
            event_count: plan.event_count,
            byte_count: object.byte_count,
        });
        let byte_count = object.as_ref().map_or(0, |object| object.byte_count);
        let object = object.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let objects = object.map_err(|error| StoreError::Refused(Box::new(error)))?.into_iter().map(text).collect();
        // A window without events has no numbers.
        let numbers = match plan.event_count {
            0 => "",
            _ => ", first_seq = if_not_exists(first_seq, :first), last_seq = :last",
        };
        let mut change = Change::new(format!(
            "SET objects = list_append(if_not_exists(objects, :none), :objects), \
             window_start = :start, window_end = :end, digest_key = :key{numbers} \
             ADD event_count :events, byte_count :bytes"
        ));
        if plan.event_count > 0 {
            change = change.number(":first", plan.first_seq).number(":last", plan.last_seq);
        }
        Ok(change
            .value(":none", AttributeValue::L(Vec::new()))
            .value(":objects", AttributeValue::L(objects))
            .text(":start", covered.from.to_string())
            .text(":end", covered.to.to_string())
            .text(":key", &plan.digest_key)
            .number(":events", plan.event_count)
            .number(":bytes", byte_count))
    }

    /// How a run's item changes when it ends.
    pub(crate) fn run_ended(
        &self,
        status: RunStatus,
        error: Option<(&str, &str)>,
        next_attempt_at: Option<Instant>,
    ) -> Change {
        let now = self.clock.now();
        let mut change = Change::new("SET #status = :status, finished_at = :now")
            .name("#status", "status")
            .text(":status", status.name())
            .text(":now", now.to_string());
        if let Some((code, sentence)) = error {
            change.expression.push_str(", error_code = :code, #error = :error");
            change = change.name("#error", "error").text(":code", code).text(":error", sentence);
        }
        if let Some(instant) = next_attempt_at {
            change.expression.push_str(", next_attempt_at = :next");
            change = change.text(":next", instant.to_string());
        }
        if status == RunStatus::Empty {
            change.expression.push_str(", #ttl = :ttl");
            change = change.name("#ttl", "ttl").number(":ttl", now.plus(EMPTY_RUN_KEPT).epoch_seconds());
        }
        change
    }

    /// The newest runs, newest first; `before` continues an earlier list.
    pub async fn runs(&self, scope: &TenantScope, before: Option<RunId>, limit: u64) -> Result<Vec<Run>, StoreError> {
        let partition = keys::export_partition(scope.org());
        let mut request = self.range(&partition, keys::RUN_PREFIX, SortOrder::Descending);
        if let Some(before) = before {
            let key = keys::run(scope.org(), before);
            request = request.exclusive_start_key("pk", text(key.pk)).exclusive_start_key("sk", text(key.sk));
        }
        let rows = self.slice(request, 0, limit).await?;
        rows.iter().map(parse_run).collect()
    }
}

fn parse_run(row: &Row) -> Result<Run, StoreError> {
    let instant = |text: &str| Instant::parse(text).ok();
    let id = row.parse("sk", |sk| RunId::parse(sk.strip_prefix(keys::RUN_PREFIX)?).ok())?;
    let some_count = |name| row.0.contains_key(name).then(|| row.count(name)).transpose();
    let objects = match row.0.get("objects").map(|value| value.as_l()) {
        None => Vec::new(),
        Some(Ok(list)) => {
            let object = |value: &AttributeValue| serde_json::from_str(value.as_s().ok()?).ok();
            list.iter().map(|value| object(value).ok_or_else(|| row.corrupt("objects"))).collect::<Result<_, _>>()?
        }
        Some(Err(_)) => return Err(row.corrupt("objects")),
    };
    Ok(Run {
        id,
        trigger: row.parse("trigger", |text| RunTrigger::ALL.into_iter().find(|t| t.name() == text))?,
        status: row.parse("status", |text| RunStatus::ALL.into_iter().find(|s| s.name() == text))?,
        window_start: row.parse_optional("window_start", instant)?,
        window_end: row.parse_optional("window_end", instant)?,
        first_seq: some_count("first_seq")?,
        last_seq: some_count("last_seq")?,
        event_count: row.count("event_count")?,
        byte_count: row.count("byte_count")?,
        objects,
        digest_key: row.optional_text("digest_key").map(str::to_owned),
        attempt: row.count("attempt")?,
        started_at: row.parse("started_at", instant)?,
        finished_at: row.parse_optional("finished_at", instant)?,
        error_code: row.optional_text("error_code").map(str::to_owned),
        error: row.optional_text("error").map(str::to_owned),
        next_attempt_at: row.parse_optional("next_attempt_at", instant)?,
    })
}
