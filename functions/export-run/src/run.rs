use std::time::Duration;

use sporlog_auth::{Service, TenantScope};
use sporlog_export::{Bucket, ExportError, FaultKind, WrittenSegment};
use sporlog_model::export::{Segment, SegmentPlan};
use sporlog_model::{Destination, Instant, OrgId, RunId, error_chain};
use sporlog_store::{ExportState, Lease, LeaseAttempt, RunStatus, RunTrigger, StoreError};

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
        let (lease, config, mut state) = match self.store.acquire_lease(&scope, run_id, trigger).await? {
            LeaseAttempt::Busy => return Ok(RunOutcome::Busy),
            LeaseAttempt::Disabled => return Ok(RunOutcome::Disabled),
            LeaseAttempt::Held { lease, config, state } => (lease, *config, *state),
        };
        let failures = state.consecutive_failures;
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
        if let Some(plan) = state.plan.take() {
            self.recover(lease, destination, state, plan).await?;
        }
        // Only a run that has something to write asks for the role.
        let mut bucket = None;
        while self.clock.now().plus(TIME_FOR_A_SEGMENT) < deadline {
            let settled = self.clock.now().minus(self.settle);
            let Some((segment, written)) = segment::next(&self.store, scope, state, settled).await? else { break };
            let bucket = match &bucket {
                Some(bucket) => bucket,
                None => bucket.insert(self.open(lease, destination).await?),
            };
            let previous = state.previous_digest_sha256.clone();
            let plan = plan(segment, &written, lease, destination, previous)?;
            self.store.persist_plan(lease, &plan, None).await?;
            self.deliver(lease, bucket, state, &plan, written).await?;
        }
        Ok(())
    }

    /// Finishes a plan that an earlier run left behind: where it was begun, since part of it may be there. Only if the
    /// configuration has changed since, and that place refuses, does the segment go to the new one instead.
    async fn recover(
        &self,
        lease: &Lease,
        destination: &Destination,
        state: &mut ExportState,
        plan: SegmentPlan,
    ) -> Result<(), Stopped> {
        let written = segment::again(&self.store, lease.scope(), plan.segment()).await?;
        if !plan.describes(&written.summary) {
            let sentence = "The log no longer holds what was planned to be exported.";
            return Err(ExportError::internal("plan_mismatch", sentence).into());
        }
        let begun = plan.destination(destination);
        if begun == *destination {
            let bucket = self.open(lease, destination).await?;
            return self.deliver(lease, &bucket, state, &plan, written).await;
        }
        let finished = match self.open(lease, &begun).await {
            Ok(bucket) => self.put(&bucket, &plan, &written).await,
            Err(error) => Err(error),
        };
        match finished {
            Ok(()) => self.commit(lease, state, &plan).await,
            Err(error) if error.kind == FaultKind::Configuration => {
                let bucket = self.open(lease, destination).await?;
                let previous = state.previous_digest_sha256.clone();
                let moved = self::plan(plan.segment(), &written, lease, destination, previous)?;
                self.store.persist_plan(lease, &moved, Some(&plan)).await?;
                self.deliver(lease, &bucket, state, &moved, written).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn open(&self, lease: &Lease, destination: &Destination) -> Result<Bucket, ExportError> {
        Bucket::assume(&self.clients, destination, lease.scope().org(), lease.run()).await
    }

    /// Puts a planned segment and its digest, then commits. Repeating any of it changes nothing.
    async fn deliver(
        &self,
        lease: &Lease,
        bucket: &Bucket,
        state: &mut ExportState,
        plan: &SegmentPlan,
        written: WrittenSegment,
    ) -> Result<(), Stopped> {
        self.put(bucket, plan, &written).await?;
        self.commit(lease, state, plan).await
    }

    async fn put(&self, bucket: &Bucket, plan: &SegmentPlan, written: &WrittenSegment) -> Result<(), ExportError> {
        bucket.put_new(&plan.object_key, "application/gzip", written.gzip.clone()).await?;
        bucket.put_new(&plan.digest_key, "application/json", plan.digest.clone().into()).await?;
        Ok(())
    }

    async fn commit(&self, lease: &Lease, state: &mut ExportState, plan: &SegmentPlan) -> Result<(), Stopped> {
        self.store.commit_segment(lease, plan).await?;
        state.exported_to = Some(plan.window_end);
        state.next_seq = plan.last_seq + 1;
        state.previous_digest_sha256 = Some(plan.digest_sha256());
        Ok(())
    }
}

fn plan(
    segment: Segment,
    written: &WrittenSegment,
    lease: &Lease,
    destination: &Destination,
    previous_digest_sha256: Option<String>,
) -> Result<SegmentPlan, ExportError> {
    let (summary, org) = (written.summary.clone(), lease.scope().org());
    SegmentPlan::new(segment, summary, lease.run(), org, destination, previous_digest_sha256)
        .map_err(|_| ExportError::internal("digest_failed", "The digest could not be written."))
}
