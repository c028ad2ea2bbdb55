use std::time::Duration;

use serde_json::{Value, json};
use sporlog_auth::TenantScope;
use sporlog_model::{Actor, EntityId, EntityType, Instant, OrgId};

use crate::export_state::{TABLE_ID, is_of_table, parse_state};
use crate::org::own_event;
use crate::row::Row;
use crate::table::Change;
use crate::{Backfill, ExportConfig, ExportState, Store, StoreError, keys};

/// An organization's export as it stands in a table that may have been restored or copied.
#[derive(Debug)]
pub struct StandingExport {
    row: Row,
    pub config: ExportConfig,
    pub state: ExportState,
    /// Whether the state came to be what it is in this table. If not, no run exports anything.
    pub of_this_table: bool,
    /// Whether a run is at it.
    pub running: bool,
    /// When this was.
    read_at: Instant,
}

/// Where an export ends by what is in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSoFar {
    /// The number of the next event.
    pub next_seq: u64,
    pub newest_digest_sha256: String,
    /// What is there of the live stream: from the first instant up to, not including, the second.
    pub live: Option<(Instant, Instant)>,
    /// The same of the backfill.
    pub backfill: Option<(Instant, Instant)>,
}

/// Why a state cannot be moved to where the bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForward {
    #[error(
        "the state in the table is ahead of the bucket, which ends with number {0}: not all of the export was read"
    )]
    Behind(u64),
    #[error("the bucket has a window that ends at {0}, which is still to come: Sporlog did not write that")]
    ToCome(Instant),
    #[error(
        "the newest window in the bucket ended at {0}, and an export that is on writes one every day: not all of the \
         export was read; if it was switched off or stood still, say --export-was-off"
    )]
    Stale(Instant),
    #[error("the bucket has no window of this export, and the state in the table has")]
    NoWindow,
}

/// By how much the clocks of the export and of whoever resumes it may differ.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// An export that is on writes a digest every 24 hours; one hour more for the run that does.
const LONGEST_SILENCE: Duration = Duration::from_hours(25);

impl StandingExport {
    /// Whether the bucket holds nothing that the state does not know.
    pub fn is_at(&self, bucket: &ExportedSoFar) -> bool {
        self.state.previous_digest_sha256.as_deref() == Some(bucket.newest_digest_sha256.as_str())
    }

    /// The state that goes on where the bucket ends; the bucket's chain must have the digest that the state names. A plan
    /// stays only where it is the next thing to write. `first_event_from` is from when on the log has events;
    /// `export_was_off` allows that nothing was written for more than a day.
    pub fn moved_to(
        &self,
        bucket: &ExportedSoFar,
        first_event_from: Option<Instant>,
        export_was_off: bool,
    ) -> Result<ExportState, NotForward> {
        let ends = || [bucket.live, bucket.backfill].into_iter().flatten().map(|(_, end)| end);
        if let Some(end) = ends().find(|end| *end > self.read_at.plus(CLOCKS_DIFFER)) {
            return Err(NotForward::ToCome(end));
        }
        if let Some((_, end)) = bucket.live
            && !export_was_off
            && end < self.read_at.minus(LONGEST_SILENCE)
        {
            return Err(NotForward::Stale(end));
        }
        if self.is_at(bucket) {
            return Ok(self.state.clone());
        }
        let known = self.state.exported_to;
        let behind = || NotForward::Behind(bucket.next_seq.saturating_sub(1));
        let (live_from, exported_to) = match (bucket.live, known, bucket.backfill) {
            (Some((from, to)), _, _) => (from, to),
            // Only history was exported: the live stream begins where the first run said, …
            (None, Some(begun), _) => (begun, begun),
            // … or, when the table no longer knows that run, where the history ends for now. Nothing lies in between.
            (None, None, Some((_, to))) => (to, to),
            (None, None, None) => return Err(NotForward::NoWindow),
        };
        if bucket.next_seq < self.state.next_seq || known.is_some_and(|known| known > exported_to) {
            return Err(behind());
        }
        let backfill = match (bucket.backfill, known) {
            (Some((_, to)), _) => Some(Backfill { from: to, to: live_from }),
            (None, Some(_)) => self.state.backfill,
            (None, None) => first_event_from.map(|from| Backfill { from, to: live_from }),
        };
        Ok(ExportState {
            exported_to: Some(exported_to),
            backfill: backfill.filter(|left| left.from < left.to),
            next_seq: bucket.next_seq,
            previous_digest_sha256: Some(bucket.newest_digest_sha256.clone()),
            plan: None,
            consecutive_failures: 0,
            config_fault_since: None,
        })
    }

    /// What must not have changed since the row was read.
    fn unchanged(&self, mut change: Change) -> Change {
        const WATCHED: [&str; 9] = [
            "configured_at",
            "lease_run",
            "lease_until",
            "plan_uri",
            "next_seq",
            "previous_digest_sha256",
            "exported_to",
            "backfill_from",
            TABLE_ID,
        ];
        let mut conditions = Vec::new();
        for name in WATCHED {
            match self.row.0.get(name) {
                Some(value) => {
                    conditions.push(format!("{name} = :was_{name}"));
                    change = change.value(&format!(":was_{name}"), value.clone());
                }
                None => conditions.push(format!("attribute_not_exists({name})")),
            }
        }
        change.only_if(conditions.join(" AND "))
    }
}

impl Store {
    /// The export as it stands; `None` when the organization has none.
    pub async fn standing_export(&self, scope: &TenantScope) -> Result<Option<StandingExport>, StoreError> {
        let Some(row) = self.get(keys::export_state(scope.org())).await? else { return Ok(None) };
        let Some(config) = self.export_config(scope).await? else { return Ok(None) };
        let state = parse_state(&row)?;
        let held_until = row.parse_optional("lease_until", |text| Instant::parse(text).ok())?;
        let read_at = self.clock.now();
        let running = held_until.is_some_and(|until| until >= read_at);
        let of_this_table = is_of_table(&row, &state, &self.table_id().await?);
        Ok(Some(StandingExport { row, config, state, of_this_table, running, read_at }))
    }

    /// Lets the export go on in this table, from `state`: in one transaction with an event that says so. An enabled export is
    /// due at once. [`StoreError::Conflict`] when the export is no longer as it was read.
    pub async fn resume_export(
        &self,
        scope: &TenantScope,
        standing: &StandingExport,
        state: &ExportState,
    ) -> Result<(), StoreError> {
        let (org, now) = (scope.org(), self.clock.now());
        let table = self.table_id().await?;
        let change = resumed(org, standing, state, table.as_str(), now);
        let [before, after] = [&standing.state, state].map(document);
        let config = EntityId::from(standing.config.id);
        let event = own_event(EntityType::ExportConfig, config, now, RESUME, &Actor::sporlog(), Some(before), after)?;
        let change = self.update(keys::export_state(org), standing.unchanged(change));
        self.append_with(scope, &event, vec![change]).await.map(|_| ())
    }
}

const RESUME: &str = "Resume";

/// What the log tells of where an export is.
fn document(state: &ExportState) -> Value {
    let instant = |instant: Option<Instant>| instant.map(|instant| instant.to_string());
    json!({
        "nextSeq": state.next_seq,
        "newestDigestSha256": state.previous_digest_sha256,
        "exportedTo": instant(state.exported_to),
        "backfillFrom": instant(state.backfill.map(|backfill| backfill.from)),
    })
}

/// How the row changes.
fn resumed(org: &OrgId, standing: &StandingExport, state: &ExportState, table: &str, now: Instant) -> Change {
    let mut set = vec![format!("{TABLE_ID} = :table"), "next_seq = :seq".to_owned()];
    let mut remove = vec!["consecutive_failures", "config_fault_since"];
    let mut values = vec![
        ("previous_digest_sha256", state.previous_digest_sha256.clone()),
        ("exported_to", state.exported_to.map(|at| at.to_string())),
    ];
    match state.backfill {
        Some(Backfill { from, to }) => {
            values.extend([("backfill_from", Some(from.to_string())), ("backfill_to", Some(to.to_string()))]);
        }
        None => remove.extend(["backfill_from", "backfill_to"]),
    }
    // In the index: switched on.
    if standing.row.optional_text("gsi1pk").is_some() {
        let (partition, sort) = keys::due(org, now);
        values.extend([("gsi1pk", Some(partition)), ("gsi1sk", Some(sort))]);
    }
    if state.plan.is_none() {
        remove.extend(["#plan", "plan_uri"]);
    }
    let values: Vec<_> = values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    set.extend(values.iter().map(|(name, _)| format!("{name} = :{name}")));
    let change = Change::new(format!("SET {} REMOVE {}", set.join(", "), remove.join(", ")))
        .text(":table", table)
        .number(":seq", state.next_seq);
    let change = if state.plan.is_none() { change.name("#plan", "plan") } else { change };
    values.into_iter().fold(change, |change, (name, value)| change.text(&format!(":{name}"), value))
}
