use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use sporlog_model::{Actor, EntityId, EntityType, Instant};

use crate::org::own_event;
use crate::table::Change;
use crate::{Lease, LiveStream, RunStatus, Store, StoreError, keys};

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd<'a> {
    Succeeded,
    /// There was nothing to export.
    Empty,
    Failed(RunFailure<'a>),
}

/// Why a run failed, and what follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFailure<'a> {
    pub code: &'a str,
    /// For the customer.
    pub sentence: &'a str,
    pub next_attempt_at: Instant,
    /// Since when the destination refuses; `None` when it does not, as far as this run has seen.
    pub config_fault_since: Option<Instant>,
}

impl RunEnd<'_> {
    const fn status(self) -> RunStatus {
        match self {
            Self::Succeeded => RunStatus::Succeeded,
            Self::Empty => RunStatus::Empty,
            Self::Failed(_) => RunStatus::Failed,
        }
    }
}

impl Store {
    /// Ends a run and gives the lease back. The export is due again at once; after a failure, at its next attempt, unless
    /// somebody changed the configuration during the run, since that may have mended it. An organization that is not up to
    /// date is behind from then on, until a run ends that brings it up to date.
    pub async fn finish_run(&self, lease: &Lease, end: RunEnd<'_>, live: LiveStream) -> Result<(), StoreError> {
        if live == LiveStream::UpToDate && !matches!(end, RunEnd::Failed(_)) {
            return self.end_run(lease, end, live, false).await;
        }
        match self.end_run(lease, end, live, true).await {
            Err(StoreError::Conflict) => {
                let next_attempt_at = self.clock.now();
                let end = match end {
                    RunEnd::Failed(failure) => {
                        RunEnd::Failed(RunFailure { next_attempt_at, config_fault_since: None, ..failure })
                    }
                    ended => ended,
                };
                self.end_run(lease, end, live, false).await
            }
            ended => ended,
        }
    }

    /// `unchanged`: only if the export was not configured since the run began.
    async fn end_run(
        &self,
        lease: &Lease,
        end: RunEnd<'_>,
        live: LiveStream,
        unchanged: bool,
    ) -> Result<(), StoreError> {
        let org = lease.scope().org();
        let mut set = vec!["gsi1pk = :due_pk", "gsi1sk = :due_sk"];
        let mut remove = vec!["lease_until"];
        let mut add = "";
        let mut release = Change::default();
        let (due_at, run_end) = match end {
            RunEnd::Succeeded | RunEnd::Empty => {
                remove.extend(["consecutive_failures", "config_fault_since"]);
                (self.clock.now(), self.run_ended(end.status(), None, None))
            }
            RunEnd::Failed(RunFailure { code, sentence, next_attempt_at, config_fault_since }) => {
                match config_fault_since {
                    Some(since) => {
                        set.push("config_fault_since = :since");
                        release = release.text(":since", since.to_string());
                    }
                    None => remove.push("config_fault_since"),
                }
                add = " ADD consecutive_failures :one";
                release = release.number(":one", 1);
                let run_end = self.run_ended(RunStatus::Failed, Some((code, sentence)), Some(next_attempt_at));
                (next_attempt_at, run_end)
            }
        };
        let entry = match live {
            LiveStream::UpToDate => {
                remove.push("behind_since");
                lease.waiting.is_behind().then(|| self.leave_behind_index(org))
            }
            LiveStream::ExportedTo(instant) if unchanged => {
                let since = lease.waiting.after(instant);
                set.push("behind_since = :behind_since");
                release = release.text(":behind_since", since.to_string());
                Some(self.enter_behind_index(org, since))
            }
            // Configured during the run, and maybe switched off: the next run finds out.
            LiveStream::ExportedTo(_) => None,
        };
        let (due_partition, due_sort) = keys::due(org, due_at);
        release.expression = format!("SET {} REMOVE {}{add}", set.join(", "), remove.join(", "));
        release = release.text(":due_pk", due_partition).text(":due_sk", due_sort);
        release = if unchanged { unconfigured(release, lease) } else { release.only_if("lease_run = :run") };
        let release = self.update(keys::export_state(org), release.text(":run", lease.run().to_string()));
        let run = self.update(keys::run(org, lease.run()), run_end);
        self.transact([release, run].into_iter().chain(entry).collect()).await
    }

    /// Ends a run that failed as those before it have since `since`, and switches the export off: in one transaction with the
    /// event that says so. Where the export is stays, so nothing is lost. [`StoreError::Conflict`] when somebody configured
    /// the export during the run, or the lease is lost: then nothing has changed.
    pub async fn switch_export_off(
        &self,
        lease: &Lease,
        code: &str,
        sentence: &str,
        since: Instant,
    ) -> Result<(), StoreError> {
        let (org, now) = (lease.scope().org(), self.clock.now());
        let off = Change::new(
            "SET enabled = :off, disabled_reason = :code, disabled_at = :now, updated_at = :now ADD version :one",
        )
        .only_if("enabled = :on")
        .value(":off", AttributeValue::Bool(false))
        .value(":on", AttributeValue::Bool(true))
        .number(":one", 1)
        .text(":code", code)
        .text(":now", now.to_string());
        let release = Change::new(
            "SET configured_at = :now REMOVE lease_until, gsi1pk, gsi1sk, behind_since, config_fault_since \
             ADD consecutive_failures :one",
        )
        .text(":now", now.to_string())
        .text(":run", lease.run().to_string())
        .number(":one", 1);
        let end = self.run_ended(RunStatus::Failed, Some((code, sentence)), None);
        let mut changes = vec![
            self.update(keys::export_state(org), unconfigured(release, lease)),
            self.update(keys::export_config(org), off),
            self.update(keys::run(org, lease.run()), end),
        ];
        changes.extend(lease.waiting.is_behind().then(|| self.leave_behind_index(org)));
        let by = Actor::sporlog();
        let report = json!({"enabled": false, "code": code, "reason": sentence, "failingSince": since.to_string()});
        let event =
            own_event(EntityType::ExportConfig, EntityId::from(lease.config()), now, DISABLE, &by, None, report)?;
        self.append_with(lease.scope(), &event, changes).await.map(|_| ())
    }
}

const DISABLE: &str = "Disable";

/// `change`, if the lease is held and the export was not configured since the run began.
fn unconfigured(change: Change, lease: &Lease) -> Change {
    change.only_if("lease_run = :run AND configured_at = :configured_at").text(":configured_at", &lease.configured_at)
}
