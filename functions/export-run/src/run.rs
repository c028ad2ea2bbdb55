use std::time::Duration;

use sporlog_auth::{Service, TenantScope};
use sporlog_export::{Bucket, ExportError, FaultKind, WrittenSegment};
use sporlog_model::export::{Segment, SegmentPlan};
use sporlog_model::{Destination, Instant, OrgId, RunId, error_chain};
use sporlog_store::{ExportState, Lease, LeaseAttempt, RunStatus, RunTrigger, StoreError};
use tokio::time::timeout;

use crate::segment::SegmentError;
use crate::{ExportRun, RunOutcome, backoff, segment};

/// A run begins no segment when less than this is left of its time.
const TIME_FOR_A_SEGMENT: Duration = Duration::from_mins(1);

/// What is left of a run's time when it gives up on a write: enough to say so in its record.
const TIME_FOR_THE_END: Duration = Duration::from_secs(15);

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
        run_id: RunId,
        deadline: Instant,
    ) -> Result<RunOutcome, StoreError> {
        let scope = TenantScope::for_service(Service::ExportRun, org);
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
            self.recover(lease, destination, state, plan, deadline).await?;
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
            match self.store.persist_plan(lease, &plan, None).await {
                Ok(()) => {}
                // Configured anew: the next run goes by that. If the lease is lost, the end of this run finds out.
                Err(StoreError::Conflict) => break,
                Err(error) => return Err(error.into()),
            }
            self.put(bucket, &plan, &written, deadline).await?;
            self.commit(lease, state, &plan).await?;
        }
        Ok(())
    }

    /// Finishes a plan that an earlier run left behind: where and as whom it was begun, since part of it may be there. Only
    /// if the configuration has changed since, and that place refuses, does the segment go to the new one instead.
    async fn recover(
        &self,
        lease: &Lease,
        destination: &Destination,
        state: &mut ExportState,
        plan: SegmentPlan,
        deadline: Instant,
    ) -> Result<(), Stopped> {
        let written = segment::again(&self.store, lease.scope(), plan.segment()).await?;
        if !plan.describes(&written.summary) {
            let sentence = "The log no longer holds what was planned to be exported.";
            return Err(ExportError::internal("plan_mismatch", sentence).into());
        }
        let begun = plan.destination(destination);
        // The old role, if it still lets us in; else the new one, which may reach the old bucket as well.
        let with_new_role = Destination { role_arn: destination.role_arn.clone(), ..begun.clone() };
        let mut places = vec![begun, with_new_role];
        places.dedup();
        let may_move = places.first() != Some(destination);
        let mut refused = None;
        for place in places {
            match self.put_in(lease, &place, &plan, &written, deadline).await {
                Ok(()) => return self.commit(lease, state, &plan).await,
                Err(error) if error.kind == FaultKind::Configuration && may_move => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(org = %lease.scope().org(), code = refused.map(|error| error.code), "a planned segment moves");
        let previous = state.previous_digest_sha256.clone();
        let moved = self::plan(plan.segment(), &written, lease, destination, previous)?;
        self.store.persist_plan(lease, &moved, Some(&plan)).await?;
        self.put_in(lease, destination, &moved, &written, deadline).await?;
        self.commit(lease, state, &moved).await
    }

    async fn put_in(
        &self,
        lease: &Lease,
        place: &Destination,
        plan: &SegmentPlan,
        written: &WrittenSegment,
        deadline: Instant,
    ) -> Result<(), ExportError> {
        let bucket = self.open(lease, place).await?;
        self.put(&bucket, plan, written, deadline).await
    }

    async fn open(&self, lease: &Lease, destination: &Destination) -> Result<Bucket, ExportError> {
        Bucket::assume(&self.clients, destination, lease.scope().org(), lease.run()).await
    }

    /// Puts a planned segment and its digest. Repeating it changes nothing.
    async fn put(
        &self,
        bucket: &Bucket,
        plan: &SegmentPlan,
        written: &WrittenSegment,
        deadline: Instant,
    ) -> Result<(), ExportError> {
        let puts = async {
            // A window without events has no object.
            if let Some(object) = &plan.object {
                bucket.put_new(&object.key, "application/gzip", written.gzip.clone()).await?;
            }
            bucket.put_new(&plan.digest_key, "application/json", plan.digest.clone().into()).await
        };
        let time_left = deadline.minus(TIME_FOR_THE_END).since(self.clock.now());
        timeout(time_left, puts).await.unwrap_or_else(|_| Err(ExportError::out_of_time()))
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
    SegmentPlan::unsigned(segment, summary, org, destination, previous_digest_sha256)
        .map_err(|_| ExportError::internal("digest_failed", "The digest could not be written."))
}
