use std::time::Duration;
use std::{io, mem};

use sporlog_auth::TenantScope;
use sporlog_export::{SegmentWriter, WrittenSegment};
use sporlog_model::export::Segment;
use sporlog_model::{Day, Instant, RecordedEvent};
use sporlog_store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

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

/// Bytes of events that go from the reader to the writer at a time, so that the threads seldom wait for each other, and how
/// many such batches may be between them. Bounds the memory: an event that begins a batch can have 4 MB.
const BATCH_BYTES: usize = 128 * 1024;
const BATCHES_AHEAD: usize = 4;

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
///
/// A thread of its own numbers, hashes and compresses the lines, so that the next pages are on their way meanwhile.
async fn build(
    store: &Store,
    scope: &TenantScope,
    day: Day,
    segment: Segment,
    limits: Option<Limits>,
) -> Result<(Segment, WrittenSegment), SegmentError> {
    let (sender, events) = mpsc::channel(BATCHES_AHEAD);
    let writer = SegmentWriter::new(scope.org(), segment.first_seq);
    let writing = spawn_blocking(move || write(writer, events, limits));
    let mut feed = store.feed(scope, day, segment.window_start, segment.window_end);
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(recorded) = feed.next().await? {
        bytes += recorded.size();
        batch.push(recorded);
        if bytes >= BATCH_BYTES {
            bytes = 0;
            // The segment is full, or could not be written: the end of the thread says which.
            if sender.send(mem::take(&mut batch)).await.is_err() {
                break;
            }
        }
    }
    let _ = sender.send(batch).await;
    drop(sender);
    let (written, full_at) = writing.await.map_err(io::Error::other)??;
    let window_end = full_at.map_or(segment.window_end, |instant| instant.plus(TICK));
    Ok((Segment { window_end, ..segment }, written))
}

/// Writes events until there are no more, or the segment is full; says in the latter case which instant is the last in it.
fn write(
    mut writer: SegmentWriter,
    mut events: mpsc::Receiver<Vec<RecordedEvent>>,
    limits: Option<Limits>,
) -> io::Result<(WrittenSegment, Option<Instant>)> {
    let mut full_at = None;
    'segment: while let Some(batch) = events.blocking_recv() {
        for recorded in batch {
            if full_at.is_some_and(|instant| recorded.recorded_at > instant) {
                break 'segment;
            }
            writer.push(&recorded)?;
            if full_at.is_none() && limits.is_some_and(|limits| limits.reached_by(&writer)) {
                full_at = Some(recorded.recorded_at);
            }
        }
    }
    Ok((writer.finish()?, full_at))
}
