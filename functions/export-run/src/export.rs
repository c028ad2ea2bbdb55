use std::time::Duration;

use sporlog_export::{Bucket, ExportError, FaultKind, WrittenSegment};
use sporlog_model::export::{Segment, SegmentPlan, Stream};
use sporlog_model::{Destination, Instant};
use sporlog_store::{Backfill, Covered, ExportState, Lease, LiveStream, StoreError};
use tokio::time::timeout;

use crate::stopped::{PLAN_MISMATCH, Stopped};
use crate::{ExportRun, segment};

/// A run begins no segment when less than this is left of its time.
const TIME_FOR_A_SEGMENT: Duration = Duration::from_mins(1);

/// What is left of a run's time when it gives up on a write: enough to say so in its record.
const TIME_FOR_THE_END: Duration = Duration::from_secs(15);

/// When the live stream is this far behind and there is no event, a digest says so: silence must not look like health.
const LONGEST_SILENCE: Duration = Duration::from_hours(24);

/// Segments of one run. Each is named in the run's item, which has a limit; the rest waits for the next run, which is due at once.
const MOST_SEGMENTS: usize = 200;

/// After so many failed runs since the configuration was changed, a segment that was begun in the place before is begun again in
/// the new one, whatever the old one answers.
const FAILURES_OF_A_LEFT_PLACE: u64 = 3;

/// Whether anybody can have begun to write a plan.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    /// It was made in this moment.
    First,
    /// An earlier run, or an earlier attempt of this one, may have.
    Again,
}

/// What came of a segment that an earlier run left behind.
enum Recovered {
    Finished,
    /// The configuration has changed in this moment; the next run goes by that.
    ConfiguredAnew,
}

/// What a run that holds the lease writes into the bucket, and how far it has come.
#[derive(Debug)]
pub(crate) struct Export<'a> {
    function: &'a ExportRun,
    lease: &'a Lease,
    destination: &'a Destination,
    state: ExportState,
    deadline: Instant,
    /// Up to where live events are exported now, before anything else is. What settles meanwhile waits for the next round, or
    /// the next run: an organization that is never idle would otherwise have an object for every few of its events.
    live_to: Option<Instant>,
    /// Up to where the run has found every live event exported.
    live_done_to: Option<Instant>,
    /// The destination's, once there was something to write.
    bucket: Option<Bucket>,
    /// A session that ended was assumed again. Once: after that it is not the session's age.
    renewed: bool,
    covered: Option<Covered>,
    progress: Progress,
}

/// What a run has committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) event_count: u64,
    pub(crate) digest_count: u64,
}

impl<'a> Export<'a> {
    pub(crate) fn new(
        function: &'a ExportRun,
        lease: &'a Lease,
        destination: &'a Destination,
        state: ExportState,
        deadline: Instant,
    ) -> Self {
        Self {
            function,
            lease,
            destination,
            state,
            deadline,
            live_to: None,
            live_done_to: None,
            bucket: None,
            renewed: false,
            covered: None,
            progress: Progress::default(),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// How far the live stream has come; `ended_well` when the run did not fail.
    pub(crate) fn live_stream(&self, ended_well: bool) -> LiveStream {
        match self.live_done_to {
            Some(_) if ended_well => LiveStream::UpToDate,
            done_to => LiveStream::ExportedTo(done_to.max(self.state.exported_to).unwrap_or(Instant::MIN)),
        }
    }

    /// Segment after segment: first the one that was planned and not committed, then what has settled since and what is to
    /// be filled in, until nothing is left or time is nearly up.
    pub(crate) async fn run(&mut self) -> Result<(), Stopped> {
        if let Some(plan) = self.state.plan.take()
            && let Recovered::ConfiguredAnew = self.recover(plan).await?
        {
            return Ok(());
        }
        let mut segments = 0;
        while segments < MOST_SEGMENTS && self.function.clock.now().plus(TIME_FOR_A_SEGMENT) < self.deadline {
            segments += 1;
            let Some((segment, written)) = self.next().await? else { break };
            let plan = self.plan(segment, &written).await?;
            match self.function.store.persist_plan(self.lease, &plan, None).await {
                Ok(()) => {}
                // Configured anew: the next run goes by that. If the lease is lost, the end of this run finds out.
                Err(StoreError::Conflict) => break,
                Err(error) => return Err(error.into()),
            }
            match self.put(&plan, &written, Attempt::First).await {
                Ok(()) => self.commit(&plan).await?,
                Err(error) => {
                    if error.is_place_taken() {
                        // Or the next run would take what is there for this plan's own.
                        self.function.store.distrust_export(self.lease).await?;
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// The next segment. Live events come before the backfill, and are looked for again before each of its segments: so they
    /// wait for one of those at most, and the backfill for one round of them.
    async fn next(&mut self) -> Result<Option<(Segment, WrittenSegment)>, Stopped> {
        let (store, scope) = (&self.function.store, self.lease.scope());
        let settled = || self.function.clock.now().minus(self.function.settle);
        let live_to = *self.live_to.get_or_insert_with(settled);
        let exported_to = match self.state.exported_to {
            Some(instant) => instant,
            None => self.begin(live_to).await?,
        };
        let first_seq = self.state.next_seq;
        let left = Segment { stream: Stream::Live, window_start: exported_to, window_end: live_to, first_seq };
        if let Some(found) = segment::next(store, scope, left).await? {
            return Ok(Some(found));
        }
        self.live_done_to = Some(live_to);
        if live_to.since(exported_to) >= LONGEST_SILENCE {
            return Ok(Some(segment::empty(scope, left)?));
        }
        let Some(Backfill { from, to }) = self.state.backfill else { return Ok(None) };
        self.live_to = None;
        let left = Segment { stream: Stream::Backfill, window_start: from, window_end: to, first_seq };
        match segment::next(store, scope, left).await? {
            Some(found) => Ok(Some(found)),
            // What is left of the backfill has no event. A digest says so, and its windows reach the first live one.
            None => Ok(Some(segment::empty(scope, left)?)),
        }
    }

    /// The first run of an organization: what is recorded from now on is live, what was recorded before is filled in.
    async fn begin(&mut self, live_from: Instant) -> Result<Instant, Stopped> {
        let store = &self.function.store;
        let days = store.feed_days(self.lease.scope(), Instant::MIN, live_from).await?;
        let backfill = days.first().map(|day| Backfill { from: day.start(), to: live_from });
        let backfill = backfill.filter(|backfill| backfill.from < backfill.to);
        store.begin_export(self.lease, live_from, backfill).await?;
        self.state.exported_to = Some(live_from);
        self.state.backfill = backfill;
        Ok(live_from)
    }

    /// Finishes a plan that an earlier run left behind: where and as whom it was begun, since part of it may be there. Only
    /// if the configuration has changed since, and that place refuses, does the segment go to the new one instead.
    async fn recover(&mut self, plan: SegmentPlan) -> Result<Recovered, Stopped> {
        let written = segment::again(&self.function.store, self.lease.scope(), plan.segment()).await?;
        if !plan.describes(&written.summary) {
            // Whether its object is in the bucket cannot be told: a session may write and not look.
            let sentence = "The log no longer holds what was begun to be exported, and Sporlog cannot tell whether it is in the bucket; its operator must look.";
            return Err(ExportError::internal(PLAN_MISMATCH, sentence).into());
        }
        let begun = plan.destination(self.destination);
        // The old role, if it still lets us in; else the new one, which may reach the old bucket as well.
        let with_new_role = Destination { role_arn: self.destination.role_arn.clone(), ..begun.clone() };
        let mut places = vec![begun, with_new_role];
        places.dedup();
        let may_move = places.first() != Some(self.destination);
        // A place may also be unreachable without saying that it refuses: a Region that does not exist has no address.
        let gone_for_good = self.state.consecutive_failures >= FAILURES_OF_A_LEFT_PLACE;
        let mut refused = None;
        for place in places {
            match self.put_in(&place, &plan, &written).await {
                Ok(()) => {
                    self.commit(&plan).await?;
                    return Ok(Recovered::Finished);
                }
                Err(error) if may_move && (error.kind == FaultKind::Configuration || gone_for_good) => {
                    refused = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let org = self.lease.scope().org();
        tracing::warn!(%org, code = refused.map(|error| error.code), "a planned segment moves");
        let moved = self.plan(plan.segment(), &written).await?.in_place_of(&plan);
        match self.function.store.persist_plan(self.lease, &moved, Some(&plan)).await {
            Ok(()) => {}
            // Configured anew: the next run goes by that. If the lease is lost, the end of this run finds out.
            Err(StoreError::Conflict) => return Ok(Recovered::ConfiguredAnew),
            Err(error) => return Err(error.into()),
        }
        self.put(&moved, &written, Attempt::Again).await?;
        self.commit(&moved).await?;
        Ok(Recovered::Finished)
    }

    /// The plan of a segment, signed before it is kept: whoever finishes it writes the same bytes.
    async fn plan(&mut self, segment: Segment, written: &WrittenSegment) -> Result<SegmentPlan, Stopped> {
        // Before the plan: one that could not be written anywhere would only have to be finished first.
        self.open().await?;
        let broken = || ExportError::internal("digest_failed", "The digest could not be written.");
        let (summary, org) = (written.summary.clone(), self.lease.scope().org());
        let previous = self.state.previous_digest_sha256.clone();
        let plan = SegmentPlan::unsigned(segment, summary, org, self.destination, previous).map_err(|_| broken())?;
        let Some(signer) = &self.function.signer else { return Ok(plan) };
        let signature = signer.sign(&plan.bytes_to_sign().map_err(|_| broken())?).await?;
        Ok(plan.signed(signature).map_err(|_| broken())?)
    }

    /// The configured bucket. Only a run that has something to write asks for the role.
    async fn open(&mut self) -> Result<Bucket, ExportError> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        let bucket = self.assume(self.destination).await?;
        Ok(self.bucket.insert(bucket).clone())
    }

    async fn assume(&self, place: &Destination) -> Result<Bucket, ExportError> {
        Bucket::assume(&self.function.clients, place, self.lease.scope().org(), self.lease.run()).await
    }

    /// Puts a planned segment and its digest where the configuration says. Repeating it changes nothing.
    async fn put(&mut self, plan: &SegmentPlan, written: &WrittenSegment, attempt: Attempt) -> Result<(), ExportError> {
        let bucket = self.open().await?;
        match self.put_through(&bucket, plan, written, attempt).await {
            Err(error) if error.is_expired_session() && !self.renewed => {
                self.renewed = true;
                self.bucket = None;
                let bucket = self.open().await?;
                self.put_through(&bucket, plan, written, Attempt::Again).await
            }
            put => put,
        }
    }

    /// The same in another place.
    async fn put_in(
        &self,
        place: &Destination,
        plan: &SegmentPlan,
        written: &WrittenSegment,
    ) -> Result<(), ExportError> {
        let bucket = self.assume(place).await?;
        self.put_through(&bucket, plan, written, Attempt::Again).await
    }

    async fn put_through(
        &self,
        bucket: &Bucket,
        plan: &SegmentPlan,
        written: &WrittenSegment,
        attempt: Attempt,
    ) -> Result<(), ExportError> {
        let put = async |key: &str, content_type: &str, body| match attempt {
            // Boxed, since they are large.
            Attempt::First => Box::pin(bucket.put_first(key, content_type, body)).await,
            Attempt::Again => Box::pin(bucket.put_new(key, content_type, body)).await,
        };
        let puts = async {
            // A window without events has no object.
            if let Some(object) = &plan.object {
                put(&object.key, "application/gzip", written.gzip.clone()).await?;
            }
            put(&plan.digest_key, "application/json", plan.digest.clone().into()).await
        };
        let time_left = self.deadline.minus(TIME_FOR_THE_END).since(self.function.clock.now());
        timeout(time_left, puts).await.unwrap_or_else(|_| Err(ExportError::out_of_time()))
    }

    async fn commit(&mut self, plan: &SegmentPlan) -> Result<(), Stopped> {
        let (after, covered) = (self.state.after(plan), Covered::with(self.covered, plan));
        self.function.store.commit_segment(self.lease, plan, &after, covered).await?;
        self.state = after;
        self.covered = Some(covered);
        self.progress.event_count += plan.event_count;
        self.progress.digest_count += 1;
        Ok(())
    }
}
