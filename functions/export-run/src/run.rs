use std::time::Duration;

use sporlog_auth::{Service, TenantScope};
use sporlog_boot::Metric;
use sporlog_model::{Instant, OrgId, RunId, error_chain};
use sporlog_store::{Lease, LeaseAttempt, LiveStream, RunEnd, RunFailure, RunTrigger, StoreError};

use crate::export::{Export, Progress};
use crate::stopped::{PLAN_MISMATCH, Stopped};
use crate::{ExportRun, RunOutcome, backoff};

/// A run ends before the next tick of the schedule starts another, so that no tick finds the lease taken and what was
/// recorded meanwhile waits for one tick at most.
const LONGEST_RUN: Duration = Duration::from_mins(4);

/// How long a destination may refuse before its export is switched off.
const PATIENCE: Duration = Duration::from_hours(24);

impl ExportRun {
    pub(crate) async fn run(
        &self,
        org: &OrgId,
        trigger: RunTrigger,
        run_id: RunId,
        deadline: Instant,
    ) -> Result<RunOutcome, StoreError> {
        let deadline = deadline.min(self.clock.now().plus(LONGEST_RUN));
        let scope = TenantScope::for_service(Service::ExportRun, org);
        let (lease, config, state, of_this_table) = match self.store.acquire_lease(&scope, run_id, trigger).await? {
            LeaseAttempt::Busy => return Ok(RunOutcome::Busy),
            LeaseAttempt::Disabled => return Ok(RunOutcome::Disabled),
            LeaseAttempt::Held { lease, config, state, of_this_table } => (lease, *config, *state, of_this_table),
        };
        let (failures, fault_since) = (state.consecutive_failures, state.config_fault_since);
        let mut export = Export::new(self, &lease, &config.destination, state, deadline);
        let stopped = if of_this_table { export.run().await.err() } else { Some(Stopped::restored_table()) };
        let Progress { event_count, digest_count } = export.progress();
        let live = export.live_stream(stopped.is_none());
        if event_count > 0 {
            self.metrics.record(&[(Metric::EventsExported, event_count)], self.clock.now().epoch_seconds());
        }
        let (ended, outcome) = match &stopped {
            None if event_count == 0 => {
                (self.store.finish_run(&lease, RunEnd::Empty, live).await, RunOutcome::Empty { run_id })
            }
            None => {
                let ended = self.store.finish_run(&lease, RunEnd::Succeeded, live).await;
                (ended, RunOutcome::Succeeded { run_id, event_count })
            }
            Some(Stopped::LeaseLost) => return Ok(RunOutcome::Lost { run_id }),
            Some(stopped) => {
                tracing::error!(%org, %run_id, cause = error_chain(stopped), "export failed");
                // What was written in this run shows that the destination let Sporlog in.
                let fault_since = fault_since.filter(|_| digest_count == 0);
                let ended = self.fail(&lease, stopped, live, failures, fault_since).await;
                (ended, RunOutcome::Failed { run_id, error_code: stopped.told().0 })
            }
        };
        match ended {
            Ok(()) => Ok(outcome),
            Err(StoreError::Conflict) => Ok(RunOutcome::Lost { run_id }),
            Err(error) => Err(error),
        }
    }

    /// Ends a run that failed: with the next attempt, or, when the destination has refused for long enough, with the end of
    /// all attempts. `fault_since` is since when runs before this one were refused.
    async fn fail(
        &self,
        lease: &Lease,
        stopped: &Stopped,
        live: LiveStream,
        failures: u64,
        fault_since: Option<Instant>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (code, sentence) = stopped.told();
        self.measure(stopped, now);
        // Any other failure says nothing of the destination.
        let config_fault_since =
            if stopped.is_of_the_configuration() { fault_since.or(Some(now)) } else { fault_since };
        if let Some(since) = fault_since
            && stopped.is_of_the_configuration()
            && now.since(since) >= PATIENCE
        {
            match self.store.switch_export_off(lease, code, sentence, since).await {
                Ok(()) => {
                    tracing::error!(org = %lease.scope().org(), code, %since, "export switched off");
                    self.metrics.count(Metric::ExportSwitchedOff, now.epoch_seconds());
                    return Ok(());
                }
                // Configured in this moment, which may have mended it; or the lease is lost, as the end finds out.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        let next_attempt_at = now.plus(backoff::wait_after(failures + 1, fastrand::f64()));
        let failure = RunFailure { code, sentence, next_attempt_at, config_fault_since };
        self.store.finish_run(lease, RunEnd::Failed(failure), live).await
    }

    /// What a failed run is to the alarms.
    fn measure(&self, stopped: &Stopped, now: Instant) {
        let mut values = vec![(Metric::ExportRunFailed, 1)];
        if stopped.is_ours() {
            values.push((Metric::ExportRunFault, 1));
        }
        if stopped.told().0 == PLAN_MISMATCH {
            values.push((Metric::ExportPlanMismatch, 1));
        }
        self.metrics.record(&values, now.epoch_seconds());
    }
}
