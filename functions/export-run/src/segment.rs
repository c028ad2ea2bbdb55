use std::io;
use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_export::{SegmentWriter, WrittenSegment};
use sporlog_model::Day;
use sporlog_model::export::Segment;
use sporlog_store::{Store, StoreError};

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

/// The first segment with an event of what is `left`; `None` when there is none.
pub(crate) async fn next(
    store: &Store,
    scope: &TenantScope,
    left: Segment,
) -> Result<Option<(Segment, WrittenSegment)>, SegmentError> {
    if left.window_start >= left.window_end {
        return Ok(None);
    }
    for day in store.feed_days(scope, left.window_start, left.window_end).await? {
        let window_end = left.window_end.min(day.start().plus(DAY));
        let of_day = Segment { window_end, ..left };
        let (segment, written) = build(store, scope, day, of_day, Some(LIMITS)).await?;
        if written.summary.event_count > 0 {
            return Ok(Some((segment, written)));
        }
    }
    Ok(None)
}

/// A segment that [`next`] found to have no event.
pub(crate) fn empty(scope: &TenantScope, segment: Segment) -> Result<(Segment, WrittenSegment), SegmentError> {
    Ok((segment, SegmentWriter::new(scope.org(), segment.first_seq).finish()?))
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
