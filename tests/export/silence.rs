use std::time::Duration;

use export_run::RunOutcome;
use sporlog_store::RunStatus;
use sporlog_verify::{Options, VerifyError};

use super::bucket::{chain, verified, verify};
use super::{Exporter, MORNING, Scene};
use crate::harness::{Fault, ManualClock, System};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_organization_has_a_digest_a_day() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(1).await;
    exporter.exports(1).await;
    let mut counts = Vec::new();
    for _ in 0..72 {
        clock.advance(HOUR);
        assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
        counts.push(chain(&system, &bucket, "org_id=diku").len());
        // What somebody who watches for silence asks, every hour.
        let max_age = Some((Duration::from_hours(25), clock.now()));
        if counts.len() >= 24 {
            verified(&system, &[&bucket], "diku", &Options { max_age, ..Options::default() });
        }
    }
    let each_day = |day: usize| counts[24 * day - 2..24 * day].to_vec();
    assert_eq!((each_day(1), each_day(2), each_day(3)), (vec![1, 2], vec![2, 3], vec![3, 4]));
    let run = exporter.runs().await.swap_remove(0);
    assert_eq!((run.status, run.event_count, run.first_seq), (RunStatus::Empty, 0, None));
    assert!(run.digest_key.is_some() && run.window_end.is_some());

    // The numbers go on.
    exporter.record(2).await;
    exporter.exports(2).await;
    assert_eq!(verified(&system, &[&bucket], "diku", &Options::default()).events, 3);
    // And without a run, silence is noticed.
    clock.advance(26 * HOUR);
    let max_age = Some((Duration::from_hours(25), clock.now()));
    let stale = verify(&system, &[&bucket], "diku", &Options { max_age, ..Options::default() });
    assert!(matches!(stale, Err(VerifyError::Fault(_))));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_without_an_event_says_so_after_a_day() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.run().await;
    clock.advance(23 * HOUR);
    exporter.run().await;
    assert!(system.keys(&bucket).is_empty());
    clock.advance(HOUR);
    exporter.run().await;
    let report = verified(&system, &[&bucket], "diku", &Options::default());
    assert_eq!((report.digests, report.events, report.objects), (1, 0, 0));
    assert_eq!(report.complete_from.to_string(), "2026-03-01T07:59:00.000000Z");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_with_nothing_to_say_asks_for_no_role_and_writes_no_plan() {
    let Scene { system, clock, faults, exporter, .. } = Scene::set().await;
    exporter.record(1).await;
    exporter.exports(1).await;
    faults.forget();
    clock.advance(HOUR);
    exporter.run().await;
    let mut operations = faults.operations();
    operations.dedup();
    assert_eq!(operations, ["GetItem", "DescribeTable", "TransactWriteItems", "Query", "TransactWriteItems"]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_in_the_middle_of_a_run_is_assumed_again_once() {
    let Scene { system, bucket, faults, exporter, .. } = Scene::set().await;
    exporter.record(2).await;
    faults.on("PutObject", [Fault::Pass, Fault::ExpiredToken]);
    exporter.exports(2).await;
    let assumed = faults.operations().iter().filter(|operation| *operation == "AssumeRole").count();
    assert_eq!((assumed, faults.clear()), (2, 0));
    exporter.record(2).await;
    faults.on("PutObject", [Fault::ExpiredToken, Fault::ExpiredToken]);
    let outcome = exporter.run().await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "session_expired", .. }), "{outcome:?}");
    exporter.exports(2).await;
    assert_eq!(verified(&system, &[&bucket], "diku", &Options::default()).events, 4);
    system.stop().await;
}
