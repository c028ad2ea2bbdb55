//! A table that was restored to an earlier point, an organization that moved to another table: whether its export goes on
//! without a gap, and whether nothing goes on that should not.

mod anywhere;
mod back;
mod moved;
mod repeated;
mod tables;

use std::time::Duration;

use sporlog_local::bucket_end;
use sporlog_model::{EntityType, Event, Instant};
use sporlog_store::{ExportState, ExportedSoFar};
use sporlog_verify::TrustedKeys;
use uuid::Uuid;

use self::tables::Tables;
use crate::export::bucket::source;
use crate::export::{Exporter, MORNING};
use crate::harness::{FolioEvent, ManualClock, System, org};

/// An organization that exports, and what its table, bucket and clock are.
struct Scene {
    system: System,
    tables: Tables,
    clock: ManualClock,
    bucket: String,
    exporter: Exporter,
}

impl Scene {
    async fn set() -> Self {
        let system = System::start().await;
        let (tables, clock) = (Tables::of(&system), ManualClock::at(MORNING));
        let bucket = system.enable_export("diku").await;
        let exporter = Exporter::with(&system, "diku", &clock, &[]);
        Self { system, tables, clock, bucket, exporter }
    }
}

/// Records new events, a second apart, which have settled afterwards; answers them, for their source to send again.
async fn record(exporter: &Exporter, clock: &ManualClock, count: usize) -> Vec<Event> {
    let new = || FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string()).event();
    let events: Vec<_> = (0..count).map(|_| new()).collect();
    send(exporter, clock, &events).await;
    events
}

async fn send(exporter: &Exporter, clock: &ManualClock, events: &[Event]) {
    for event in events {
        exporter.store.append(&exporter.scope, event).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    clock.advance(Duration::from_mins(1));
}

/// What `sporlog resume-export` does.
async fn resume(system: &System, exporter: &Exporter, bucket: &str, id: &str) -> Result<ExportState, String> {
    let (store, scope) = (&exporter.store, &exporter.scope);
    let standing = store.standing_export(scope).await.unwrap().unwrap();
    assert!(!standing.running);
    let state = match end_of(system, bucket, id, &standing.state)? {
        None => standing.state.clone(),
        Some(end) => {
            let days = store.feed_days(scope, Instant::MIN, Instant::MAX).await.unwrap();
            let first = days.first().map(|day| day.start());
            // Some of these exports stand still for days; `back` has what is refused then.
            standing.moved_to(&end, first, true).map_err(|error| error.to_string())?
        }
    };
    store.resume_export(scope, &standing, &state).await.unwrap();
    Ok(state)
}

fn end_of(system: &System, bucket: &str, id: &str, state: &ExportState) -> Result<Option<ExportedSoFar>, String> {
    let sources = vec![source(system, bucket)];
    let end = if system.keys(bucket).iter().any(|key| key.contains("/digests/")) {
        bucket_end::read(&sources, &org(id), state, &TrustedKeys::default()).map(Some)
    } else {
        bucket_end::none(&sources, &org(id), state).map(|()| None)
    };
    end.map_err(|error| error.to_string())
}
