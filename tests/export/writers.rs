use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use sporlog_model::{Clock, EntityType};
use sporlog_store::{RunTrigger, Store};
use sporlog_verify::Options;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::bucket::{ids_of_whole_bucket, verified};
use crate::harness::{FolioEvent, System, org, scope_of, store};

/// For how long writers write, in true time.
const WRITING: Duration = Duration::from_secs(8);
const WRITERS: u64 = 20;

/// How much faster than true time all clocks run: eight seconds are eighty, enough for a settle lag of sixty.
const PACE: u32 = 10;

/// The settle lag less the difference between two clocks, in true time: what is left for a write to become visible.
const TIME_FOR_A_WRITE: Duration = Duration::from_secs(3);

/// What a clock shows beyond the time, or less.
#[derive(Debug, Clone, Copy)]
enum Skew {
    Fast(Duration),
    Slow(Duration),
}

impl Skew {
    /// Of one writer of many: up to thirty seconds, the faster and the slower ones by turns.
    fn of(number: u64) -> Self {
        let span = Duration::from_millis(30_000 * (number / 2 + 1) / (WRITERS / 2));
        if number.is_multiple_of(2) { Self::Fast(span) } else { Self::Slow(span) }
    }

    fn clock(self, start: Instant) -> Clock {
        let begin = sporlog_model::Instant::parse("2026-03-01T08:00:00Z").unwrap();
        Clock::from_fn(move || {
            let now = begin.plus(start.elapsed() * PACE);
            match self {
                Self::Fast(span) => now.plus(span),
                Self::Slow(span) => now.minus(span),
            }
        })
    }
}

/// Appends events of some entities until the time is over; answers their ids.
async fn write(store: Store, until: Instant) -> Vec<String> {
    let scope = scope_of("diku");
    let mut ids = Vec::new();
    while Instant::now() < until {
        let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string());
        let began = Instant::now();
        store.append(&scope, &event.event()).await.unwrap();
        assert!(began.elapsed() < TIME_FOR_A_WRITE, "this machine is too slow for the pace of this test");
        ids.push(event.id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_whose_clocks_differ_lose_nothing_while_an_exporter_reads_behind_them() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let environment = system.environment_of("ExportRunFunction", &[("SETTLE_SECONDS", "60")]);
    let start = Instant::now();
    let clock = |skew: Skew| skew.clock(start);
    let right = clock(Skew::Fast(Duration::ZERO));
    let exporter = Arc::new(ExportRun::from_environment(&environment, right).unwrap());
    let until = start + WRITING;
    let writers: Vec<_> =
        (0..WRITERS).map(|number| tokio::spawn(write(store(&environment, clock(Skew::of(number))), until))).collect();
    let over = Arc::new(AtomicBool::new(false));
    let exports = tokio::spawn({
        let (exporter, over) = (Arc::clone(&exporter), Arc::clone(&over));
        async move {
            let mut ticks = interval(Duration::from_millis(100));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut exported = 0;
            while !over.load(Ordering::Relaxed) {
                ticks.tick().await;
                exported += run(&exporter).await;
            }
            exported
        }
    });
    let mut ids = BTreeSet::new();
    for writer in writers {
        ids.extend(writer.await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    let while_writing = exports.await.unwrap();
    assert!(while_writing > 0, "some were exported while others were written");
    // All clocks have passed all that was written.
    let later = clock(Skew::Fast(Duration::from_mins(10)));
    let last = ExportRun::from_environment(&environment, later).unwrap();
    let rest = run(&last).await;
    let exported = ids_of_whole_bucket(&system, &bucket, "diku");
    assert_eq!((exported.len(), while_writing + rest), (ids.len(), ids.len() as u64), "none missing, none twice");
    assert_eq!(exported.into_iter().collect::<BTreeSet<_>>(), ids);
    let report = verified(&system, &[&bucket], "diku", &Options::default());
    assert!(report.objects > 3, "{report:?}");
    system.stop().await;
}

/// One run; answers how many events it exported.
async fn run(exporter: &ExportRun) -> u64 {
    let request = RunRequest { org_id: org("diku"), trigger: RunTrigger::Schedule, run_id: None };
    match Box::pin(exporter.handle(request, u64::MAX)).await.unwrap() {
        RunOutcome::Succeeded { event_count, .. } => event_count,
        RunOutcome::Empty { .. } => 0,
        other => panic!("{other:?}"),
    }
}
