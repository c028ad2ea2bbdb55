use std::time::Duration;

use sporlog_auth::{Service, TenantScope};
use sporlog_export::{Bucket, ExportError, WrittenSegment};
use sporlog_model::export::{Digest, SegmentPlan};
use sporlog_model::{Destination, Instant, OrgId, RunId, error_chain};
use sporlog_store::{ExportState, Lease, LeaseAttempt, RunObject, RunStatus, RunTrigger, StoreError};

use crate::segment::SegmentError;
use crate::{ExportRun, RunOutcome, backoff, segment};

/// A run begins no segment when less than this is left of its time: enough to read, put and commit a full one.
const TIME_FOR_A_SEGMENT: Duration = Duration::from_mins(1);

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Store(StoreError),
    /// Another run has the lease now, and with it the only right to write.
    #[error("the lease was lost")]
    LeaseLost,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        // Every change of the state is conditional on the lease.
        if matches!(error, StoreError::Conflict) { Self::LeaseLost } else { Self::Store(error) }
    }
}

impl From<SegmentError> for Stopped {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Store(error) => Self::Store(error),
            SegmentError::Line(_) => {
                Self::Export(ExportError::internal("line_failed", "An event could not be written as a line."))
            }
        }
    }
}

impl ExportRun {
    pub(crate) async fn run(
        &self,
        org: &OrgId,
        trigger: RunTrigger,
        deadline: Instant,
    ) -> Result<RunOutcome, StoreError> {
        let scope = TenantScope::for_service(Service::ExportRun, org);
        let run_id = RunId::random();
        let (lease, config, mut state) = match self.store.acquire_lease(&scope, run_id).await? {
            LeaseAttempt::Busy => return Ok(RunOutcome::Busy),
            LeaseAttempt::Disabled => return Ok(RunOutcome::Disabled),
            LeaseAttempt::Held { lease, config, state, taken_over } => {
                if let Some(silent) = taken_over {
                    self.store.abandon_run(&scope, silent).await?;
                }
                (lease, *config, *state)
            }
        };
        let failures = state.consecutive_failures;
        self.store.start_run(&scope, run_id, trigger, failures + 1).await?;
        let first_seq = state.next_seq;
        let stopped = self.export(&lease, &config.destination, &mut state, deadline).await.err();
        let event_count = state.next_seq - first_seq;
        let now = self.clock.now();
        let (status, error, due_at, outcome) = match &stopped {
            None if event_count == 0 => (RunStatus::Empty, None, now, RunOutcome::Empty { run_id }),
            None => (RunStatus::Succeeded, None, now, RunOutcome::Succeeded { run_id, event_count }),
            Some(Stopped::LeaseLost) => return Ok(RunOutcome::Lost { run_id }),
            Some(error) => {
                tracing::error!(%org, %run_id, cause = error_chain(error), "export failed");
                let (code, sentence) = match error {
                    Stopped::Export(error) => (error.code, error.sentence),
                    _ => ("store_unavailable", "Sporlog could not read its own log."),
                };
                let due_at = now.plus(backoff::wait_after(failures + 1, fastrand::f64()));
                (RunStatus::Failed, Some((code, sentence)), due_at, RunOutcome::Failed { run_id, error_code: code })
            }
        };
        match self.store.finish_run(lease, status, error, due_at).await {
            Ok(()) => Ok(outcome),
            Err(StoreError::Conflict) => Ok(RunOutcome::Lost { run_id }),
            Err(error) => Err(error),
        }
    }

    /// Segment after segment: first the one that was planned and not committed, then what has settled since.
    async fn export(
        &self,
        lease: &Lease,
        destination: &Destination,
        state: &mut ExportState,
        deadline: Instant,
    ) -> Result<(), Stopped> {
        let scope = lease.scope();
        // Only a run that has something to write asks for the role.
        let mut bucket = None;
        if let Some(plan) = state.plan.take() {
            let written = segment::again(&self.store, scope, plan.segment()).await?;
            if !plan.describes(&written.summary) {
                let sentence = "The log no longer holds what was planned to be exported.";
                return Err(ExportError::internal("plan_mismatch", sentence).into());
            }
            self.deliver(lease, destination, &mut bucket, state, &plan, written).await?;
        }
        while self.clock.now().plus(TIME_FOR_A_SEGMENT) < deadline {
            let settled = self.clock.now().minus(self.settle);
            let Some((segment, written)) = segment::next(&self.store, scope, state, settled).await? else {
                break;
            };
            let previous = state.previous_digest_sha256.clone();
            let summary = written.summary.clone();
            let plan = SegmentPlan::new(segment, summary, lease.run(), scope.org(), &destination.prefix, previous);
            self.store.persist_plan(lease, &plan).await?;
            self.deliver(lease, destination, &mut bucket, state, &plan, written).await?;
        }
        Ok(())
    }

    /// Puts a planned segment and its digest, then commits. Repeating any of it changes nothing.
    async fn deliver(
        &self,
        lease: &Lease,
        destination: &Destination,
        bucket: &mut Option<Bucket>,
        state: &mut ExportState,
        plan: &SegmentPlan,
        written: WrittenSegment,
    ) -> Result<(), Stopped> {
        let org = lease.scope().org();
        let bucket = match bucket {
            Some(bucket) => bucket,
            None => bucket.insert(Bucket::assume(&self.clients, destination, org, lease.run()).await?),
        };
        let unwritable = |_| ExportError::internal("digest_failed", "The digest could not be written.");
        let (digest, digest_sha256) = Digest::of(plan, org).to_bytes().map_err(unwritable)?;
        bucket.put_new(&plan.object_key, "application/gzip", written.gzip).await?;
        bucket.put_new(&plan.digest_key, "application/json", digest).await?;
        let object = RunObject {
            key: plan.object_key.clone(),
            sha256: plan.sha256.clone(),
            event_count: plan.event_count,
            byte_count: plan.byte_count,
        };
        self.store.commit_segment(lease, plan, &digest_sha256, &object).await?;
        state.exported_to = Some(plan.window_end);
        state.next_seq = plan.last_seq + 1;
        state.previous_digest_sha256 = Some(digest_sha256);
        Ok(())
    }
}
