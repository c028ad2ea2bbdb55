use std::collections::BTreeMap;
use std::time::Duration;

use export_run::RunOutcome;
use sporlog_model::Instant;
use sporlog_store::{RunStatus, RunTrigger};
use sporlog_verify::{Backfill, Options};

use super::bucket::{chain, ids_of_whole_bucket, verified};
use super::{Exporter, LEASE_OVER};
use crate::harness::{Fault, Faults, ManualClock, System};
use crate::kyc;

const DAYS: usize = 20;
const EVENTS_A_DAY: usize = 1_000;

/// An organization with a history of twenty days.
async fn with_history(system: &System, clock: &ManualClock, faults: &Faults) -> (String, Exporter, Exporter) {
    let bucket = system.enable_export("diku").await;
    let (slow, direct) = (Exporter::behind(system, "diku", clock, faults), Exporter::of(system, "diku", clock));
    for _ in 0..DAYS {
        for numbers in (0..EVENTS_A_DAY).collect::<Vec<_>>().chunks(40) {
            let changes: Vec<_> = numbers.iter().map(|number| kyc::change(*number, clock.now())).collect();
            let case = kyc::case(numbers[0] as u64 % 8 + 1);
            direct.store.append_case_entries(&direct.scope, case, &changes, clock.now(), None).await.unwrap();
            clock.advance(Duration::from_micros(1));
        }
        clock.advance(Duration::from_hours(24));
    }
    (bucket, slow, direct)
}

#[tokio::test(flavor = "multi_thread")]
async fn live_events_wait_for_one_segment_of_the_history_at_most() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-02-01T08:00:00Z");
    let faults = Faults::before(&system.stack).await;
    let (bucket, slow, direct) = with_history(&system, &clock, &faults).await;
    let mut arrivals: Vec<String> = Vec::new();
    let mut triggers = Vec::new();
    for round in 0.. {
        assert!(round < 40, "the backfill ends");
        // During each write of an object or digest an event comes, and it has settled when the write is done.
        faults.clear();
        faults.on("PutObject", [Fault::Hold; 64]);
        let outcome = faults.hold_each(slow.run(), async || arrivals.extend(direct.record(1).await)).await;
        assert!(matches!(outcome, RunOutcome::Succeeded { .. }), "{outcome:?}");
        triggers.push(direct.runs().await[0].trigger);
        let report = verified(&system, &[&bucket], "diku", &Options::default());
        if let Backfill::Finished { from } = report.backfill {
            assert_eq!(from.to_string(), "2026-02-01T00:00:00.000000Z");
            break;
        }
    }
    faults.clear();
    direct.run().await;
    // From the first of February on, and with nothing between the streams.
    let report = verified(&system, &[&bucket], "diku", &Options::default());
    assert_eq!(report.events, (DAYS * EVENTS_A_DAY + arrivals.len()) as u64);
    assert_eq!(report.complete_from, Instant::parse("2026-02-01").unwrap());
    // Between two segments of the history stand the events that came while the first was written.
    let streams: Vec<String> = chain(&system, &bucket, "org_id=diku")
        .into_iter()
        .map(|(_, digest)| digest["stream"].as_str().unwrap().to_owned())
        .collect();
    let two_in_a_row = streams.windows(2).filter(|pair| pair.iter().all(|stream| stream == "backfill")).count();
    // The closing digest follows the last segment.
    assert!(two_in_a_row <= 1, "{streams:?}");
    assert!(triggers.len() > 3, "a run ends in time, so that it took several: {triggers:?}");
    assert_eq!(triggers[0], RunTrigger::Schedule);
    assert!(triggers[1..].iter().all(|trigger| *trigger == RunTrigger::Backfill), "{triggers:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_is_interrupted_goes_on() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-02-01T08:00:00Z");
    let faults = Faults::before(&system.stack).await;
    let bucket = system.enable_export("diku").await;
    let (slow, direct) = (Exporter::behind(&system, "diku", &clock, &faults), Exporter::of(&system, "diku", &clock));
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.extend(direct.record(3).await);
        clock.advance(Duration::from_hours(24));
    }
    let mut left = Vec::new();
    for _ in 0..4 {
        faults.on("PutObject", [Fault::Pass, Fault::Pass, Fault::Pass, Fault::CutAfter]);
        assert_eq!(faults.cut(slow.run()).await, None);
        clock.advance(LEASE_OVER);
        faults.clear();
        left.push(direct.state().await.backfill.unwrap());
    }
    // Each went on where the one before was cut: with the plan that it left.
    let from: Vec<_> = left.iter().map(|backfill| backfill.from).collect();
    assert!(from.is_sorted_by(|a, b| a < b) && left.iter().all(|backfill| backfill.to == left[0].to), "{left:?}");
    direct.run().await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    assert_eq!(direct.state().await.backfill, None);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_ends_where_the_live_stream_begins_and_a_run_tells_all_it_covered() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-02-01T08:00:00Z");
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(2).await;
    clock.set("2026-02-03T12:00:00Z");
    exporter.exports(2).await;
    let run = exporter.runs().await.swap_remove(0);
    let covered = (run.window_start.unwrap().to_string(), run.window_end.unwrap().to_string());
    assert_eq!(covered, ("2026-02-01T00:00:00.000000Z".to_owned(), "2026-02-03T11:59:00.000000Z".to_owned()));
    assert_eq!((run.status, run.first_seq, run.last_seq), (RunStatus::Succeeded, Some(1), Some(2)));
    let digests: BTreeMap<_, _> = chain(&system, &bucket, "org_id=diku").into_iter().collect();
    assert_eq!(digests.len(), 2, "the history and what closes it");
    exporter.record(1).await;
    exporter.exports(1).await;
    let report = verified(&system, &[&bucket], "diku", &Options::default());
    assert_eq!(report.backfill, Backfill::Finished { from: Instant::parse("2026-02-01").unwrap() });
    assert_eq!(report.complete_from, Instant::parse("2026-02-01").unwrap());
    system.stop().await;
}
