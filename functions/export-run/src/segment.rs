use std::io;
use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_export::{SegmentWriter, WrittenSegment};
use sporlog_model::export::{Segment, Stream};
use sporlog_model::{Day, Instant};
use sporlog_store::{ExportState, Store, StoreError};

/// Where a segment ends, so that one PUT from memory is enough whatever the backlog.
#[derive(Debug, Clone, Copy)]
struct Limits {
    events: u64,
    /// Of lines.
    bytes: u64,
}

const LIMITS: Limits = Limits { events: 50_000, bytes: 64 * 1024 * 1024 };

impl Limits {
    fn reached_by(self, writer: &SegmentWriter) -> bool {
        writer.event_count() >= self.events || writer.byte_count() >= self.bytes
    }
}

const TICK: Duration = Duration::from_micros(1);
const DAY: Duration = Duration::from_hours(24);

/// Why a segment could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegmentError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a line could not be written")]
    Line(#[from] io::Error),
}

/// The next segment after what is exported, of events recorded before `settled`; `None` when there is none.
pub(crate) async fn next(
    store: &Store,
    scope: &TenantScope,
    state: &ExportState,
    settled: Instant,
) -> Result<Option<(Segment, WrittenSegment)>, SegmentError> {
    let from = state.exported_to.unwrap_or(Instant::MIN);
    if from >= settled {
        return Ok(None);
    }
    for day in store.feed_days(scope, from, settled).await? {
        let window_start = state.exported_to.unwrap_or_else(|| day.start());
        let window_end = settled.min(day.start().plus(DAY));
        let segment = Segment { stream: Stream::Live, window_start, window_end, first_seq: state.next_seq };
        let (segment, written) = build(store, scope, day, segment, Some(LIMITS)).await?;
        if written.summary.event_count > 0 {
            return Ok(Some((segment, written)));
        }
    }
    Ok(None)
}

/// The bytes of a segment that was planned before: the same events, so the same bytes. The window alone says which; it was
/// planned by a release whose limits may have been others.
pub(crate) async fn again(
    store: &Store,
    scope: &TenantScope,
    segment: Segment,
) -> Result<WrittenSegment, SegmentError> {
    Ok(build(store, scope, segment.day(), segment, None).await?.1)
}

/// Reads a segment's events. Ends early, at an instant, when it is full: all events of that instant are in it, so that the
/// window alone says which events are, and the next window can begin there.
async fn build(
    store: &Store,
    scope: &TenantScope,
    day: Day,
    segment: Segment,
    limits: Option<Limits>,
) -> Result<(Segment, WrittenSegment), SegmentError> {
    let mut feed = store.feed(scope, day, segment.window_start, segment.window_end);
    let mut writer = SegmentWriter::new(scope.org(), segment.first_seq);
    let mut full_at = None;
    while let Some(recorded) = feed.next().await? {
        if full_at.is_some_and(|instant| recorded.recorded_at > instant) {
            break;
        }
        writer.push(&recorded)?;
        if full_at.is_none() && limits.is_some_and(|limits| limits.reached_by(&writer)) {
            full_at = Some(recorded.recorded_at);
        }
    }
    let window_end = full_at.map_or(segment.window_end, |instant| instant.plus(TICK));
    Ok((Segment { window_end, ..segment }, writer.finish()?))
}
