use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_model::export::SegmentPlan;
use sporlog_model::{Instant, RunId};

use crate::export_state::parse_state;
use crate::table::Change;
use crate::{ExportConfig, ExportState, RunStatus, RunTrigger, Store, StoreError, keys};

/// For how long a run may be silent before another takes over. Longer than the function may run, so that a run which is
/// alive is never taken for dead.
const LEASE: Duration = Duration::from_secs(330);

/// The right to change one organization's export state. Lost when another run takes it over; every change checks.
///
/// In the state's item, `lease_run` is the last run that had it and `lease_until` is there while that run has it.
#[derive(Debug)]
pub struct Lease {
    scope: TenantScope,
    run: RunId,
    /// When the export was configured last, as far as this run knows.
    configured_at: String,
}

impl Lease {
    /// The run that holds it.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The organization.
    pub fn scope(&self) -> &TenantScope {
        &self.scope
    }
}

/// What came of asking for the lease.
#[derive(Debug)]
pub enum LeaseAttempt {
    Held {
        lease: Lease,
        config: Box<ExportConfig>,
        state: Box<ExportState>,
    },
    /// Another run has it.
    Busy,
    /// There is no export, or it is switched off.
    Disabled,
}

impl Store {
    /// Begins a run, if no other run of the organization's export is alive.
    ///
    /// One transaction takes the lease, puts the run on record and, if a run before went silent, says so in its record: at no
    /// point is there a lease without a run, or a dead run that seems to be alive.
    pub async fn acquire_lease(
        &self,
        scope: &TenantScope,
        run: RunId,
        trigger: RunTrigger,
    ) -> Result<LeaseAttempt, StoreError> {
        let org = scope.org();
        let Some(before) = self.get(keys::export_state(org)).await? else { return Ok(LeaseAttempt::Disabled) };
        let config = match self.export_config(scope).await? {
            Some(config) if config.enabled => config,
            _ => {
                return match self.clear_due(scope).await {
                    // Switched on in this moment: then it is due and the next tick takes it.
                    Ok(()) | Err(StoreError::Conflict) => Ok(LeaseAttempt::Disabled),
                    Err(error) => Err(error),
                };
            }
        };
        let now = self.clock.now();
        let last_run = before.parse_optional("lease_run", |text| RunId::parse(text).ok())?;
        let held_until = before.parse_optional("lease_until", |text| Instant::parse(text).ok())?;
        if held_until.is_some_and(|until| until >= now) {
            return Ok(LeaseAttempt::Busy);
        }
        let mut state = parse_state(&before)?;
        let silent = last_run.filter(|_| held_until.is_some());
        let configured_at = before.text("configured_at")?.to_owned();
        // Configuration and state are still those that were read: nobody configured the export, no run came and went, and
        // one that was silent has not come back.
        let holder = if last_run.is_some() { "lease_run = :last" } else { "attribute_not_exists(lease_run)" };
        let free = if held_until.is_some() { "lease_until < :now" } else { "attribute_not_exists(lease_until)" };
        let mut expression = "SET lease_run = :run, lease_until = :until".to_owned();
        if silent.is_some() {
            // A run that went silent failed, if only nobody was left to say so.
            state.consecutive_failures += 1;
            expression.push_str(" ADD consecutive_failures :one");
        }
        let mut take = Change::new(expression)
            .only_if(format!("configured_at = :configured_at AND {holder} AND {free}"))
            .text(":run", run.to_string())
            .text(":until", now.plus(LEASE).to_string())
            .text(":configured_at", &configured_at);
        if let Some(last_run) = last_run {
            take = take.text(":last", last_run.to_string());
        }
        if held_until.is_some() {
            take = take.text(":now", now.to_string());
        }
        if silent.is_some() {
            take = take.number(":one", 1);
        }
        let mut items = vec![
            self.update(keys::export_state(org), take),
            self.create(self.run_begun(org, run, trigger, state.consecutive_failures + 1)),
        ];
        if let Some(silent) = silent {
            items.push(self.update(keys::run(org, silent), self.run_interrupted()));
        }
        match self.transact(items).await {
            Ok(()) => {
                let lease = Lease { scope: scope.clone(), run, configured_at };
                Ok(LeaseAttempt::Held { lease, config: Box::new(config), state: Box::new(state) })
            }
            Err(StoreError::Conflict) => Ok(LeaseAttempt::Busy),
            Err(error) => Err(error),
        }
    }

    /// Keeps the plan of the next segment, before anything of it is written to the bucket; in the place of `replaced`, when
    /// that one can no longer be finished. [`StoreError::Conflict`] when the export was configured again meanwhile, or the
    /// lease is lost: either way this run may begin nothing more.
    pub async fn persist_plan(
        &self,
        lease: &Lease,
        plan: &SegmentPlan,
        replaced: Option<&SegmentPlan>,
    ) -> Result<(), StoreError> {
        let free = if replaced.is_some() { "plan_uri = :replaced" } else { "attribute_not_exists(#plan)" };
        let mut change = Change::new("SET #plan = :plan, plan_uri = :uri, lease_until = :until")
            .only_if(format!("lease_run = :run AND configured_at = :configured_at AND {free}"))
            .name("#plan", "plan")
            .text(":plan", serde_json::to_string(plan).map_err(|error| StoreError::Refused(Box::new(error)))?)
            .text(":uri", plan.digest_uri())
            .text(":until", self.clock.now().plus(LEASE).to_string())
            .text(":run", lease.run.to_string())
            .text(":configured_at", &lease.configured_at);
        if let Some(replaced) = replaced {
            change = change.text(":replaced", replaced.digest_uri());
        }
        // A transaction, of one item, for its request token: the client sends the request again when an answer was lost.
        self.transact(vec![self.update(keys::export_state(lease.scope.org()), change)]).await
    }

    /// Records that a planned segment and its digest are in the bucket: progress, chain and the run's totals change
    /// together, or not at all.
    pub async fn commit_segment(&self, lease: &Lease, plan: &SegmentPlan) -> Result<(), StoreError> {
        let now = self.clock.now();
        let progress = Change::new(
            "SET exported_to = :to, next_seq = :seq, previous_digest_sha256 = :digest, last_exported_at = :now, \
             lease_until = :until REMOVE #plan, plan_uri",
        )
        .only_if("lease_run = :run AND plan_uri = :uri")
        .name("#plan", "plan")
        .text(":to", plan.window_end.to_string())
        .number(":seq", plan.last_seq + 1)
        .text(":digest", plan.digest_sha256())
        .text(":now", now.to_string())
        .text(":until", now.plus(LEASE).to_string())
        .text(":run", lease.run.to_string())
        .text(":uri", plan.digest_uri());
        let totals = Self::run_exported(plan)?;
        self.transact(vec![
            self.update(keys::export_state(lease.scope.org()), progress),
            self.update(keys::run(lease.scope.org(), lease.run), totals),
        ])
        .await
    }

    /// Ends a run and gives the lease back. The export is due again at `due_at`; at once if somebody changed the
    /// configuration during a run that failed, since that may have mended it.
    pub async fn finish_run(
        &self,
        lease: Lease,
        status: RunStatus,
        error: Option<(&str, &str)>,
        due_at: Instant,
    ) -> Result<(), StoreError> {
        let configured_at = (status == RunStatus::Failed).then_some(lease.configured_at.as_str());
        match self.end_run(&lease, configured_at, status, error, due_at).await {
            Err(StoreError::Conflict) if configured_at.is_some() => {
                self.end_run(&lease, None, status, error, self.clock.now()).await
            }
            ended => ended,
        }
    }

    /// `configured_at`: only if the export was not configured since.
    async fn end_run(
        &self,
        lease: &Lease,
        configured_at: Option<&str>,
        status: RunStatus,
        error: Option<(&str, &str)>,
        due_at: Instant,
    ) -> Result<(), StoreError> {
        let org = lease.scope.org();
        let (due_partition, due_sort) = keys::due(org, due_at);
        let due = "SET gsi1pk = :due_pk, gsi1sk = :due_sk REMOVE lease_until";
        let mut release = match status {
            RunStatus::Failed => Change::new(format!("{due} ADD consecutive_failures :one")).number(":one", 1),
            RunStatus::Running | RunStatus::Succeeded | RunStatus::Empty => {
                Change::new(format!("{due}, consecutive_failures"))
            }
        };
        release = match configured_at {
            None => release.only_if("lease_run = :run"),
            Some(instant) => {
                release.only_if("lease_run = :run AND configured_at = :configured_at").text(":configured_at", instant)
            }
        };
        let release =
            release.text(":due_pk", due_partition).text(":due_sk", due_sort).text(":run", lease.run.to_string());
        let next_attempt_at = (status == RunStatus::Failed).then_some(due_at);
        let end = self.run_ended(status, error, next_attempt_at);
        let items = vec![self.update(keys::export_state(org), release), self.update(keys::run(org, lease.run), end)];
        self.transact(items).await
    }
}
