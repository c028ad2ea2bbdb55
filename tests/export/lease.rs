use std::sync::Arc;

use export_run::RunOutcome;
use futures_util::future::join_all;
use sporlog_model::RunId;
use sporlog_store::{LeaseAttempt, RunStatus, RunTrigger};
use sporlog_verify::Options;

use super::bucket::{ids_of_whole_bucket, verified};
use super::{Exporter, LEASE_OVER, MORNING};
use crate::harness::{Fault, Faults, ManualClock, System};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_an_organization_alone_while_another_holds_it() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    let ids = exporter.record(2).await;
    let silent = RunId::random();
    let lease = exporter.store.acquire_lease(&exporter.scope, silent, RunTrigger::Manual).await.unwrap();
    assert!(matches!(lease, LeaseAttempt::Held { .. }));
    assert_eq!(exporter.run().await, RunOutcome::Busy);
    clock.advance(LEASE_OVER.saturating_sub(std::time::Duration::from_secs(2)));
    assert_eq!(exporter.run().await, RunOutcome::Busy);
    assert_eq!(exporter.runs().await.len(), 1, "a run that is turned away leaves no trace");

    // The other one went silent.
    clock.advance(std::time::Duration::from_secs(2));
    exporter.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    let runs = exporter.runs().await;
    let interrupted = runs.iter().find(|run| run.id == silent).unwrap();
    assert_eq!((interrupted.status, interrupted.trigger), (RunStatus::Failed, RunTrigger::Manual));
    assert_eq!(interrupted.error_code.as_deref(), Some("interrupted"));
    assert!(interrupted.error.is_some() && interrupted.finished_at.is_some());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_one_organization_is_nothing_to_another() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    system.enable_export("a").await;
    system.enable_export("b").await;
    let (a, b) = (Exporter::of(&system, "a", &clock), Exporter::of(&system, "b", &clock));
    a.store.acquire_lease(&a.scope, RunId::random(), RunTrigger::Manual).await.unwrap();
    b.record(1).await;
    b.exports(1).await;
    assert_eq!(a.run().await, RunOutcome::Busy);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_that_start_at_once_one_exports() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    for round in 0..5 {
        let org = format!("org-{round}");
        let bucket = system.enable_export(&org).await;
        let exporter = Arc::new(Exporter::of(&system, &org, &clock));
        let ids = exporter.record(20).await;
        let runs = (0..8).map(|_| {
            let exporter = Arc::clone(&exporter);
            tokio::spawn(async move { exporter.run().await })
        });
        let outcomes: Vec<RunOutcome> = join_all(runs).await.into_iter().map(Result::unwrap).collect();
        let exported = |outcome: &&RunOutcome| matches!(outcome, RunOutcome::Succeeded { event_count: 20, .. });
        assert_eq!(outcomes.iter().filter(exported).count(), 1, "{outcomes:?}");
        let others = |outcome: &RunOutcome| {
            matches!(outcome, RunOutcome::Succeeded { .. } | RunOutcome::Busy | RunOutcome::Empty { .. })
        };
        assert!(outcomes.iter().all(others), "{outcomes:?}");
        assert_eq!(ids_of_whole_bucket(&system, &bucket, &org), ids);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_silent_for_too_long_loses_its_lease_and_writes_nothing_twice() {
    let system = System::start().await;
    let mut lost = 0;
    for number in 0.. {
        let org = format!("held-{number}");
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(&org).await;
        let faults = Faults::before(&system.stack).await;
        let (slow, rival) = (Exporter::behind(&system, &org, &clock, &faults), Exporter::of(&system, &org, &clock));
        let mut ids = slow.record(3).await;
        faults.at(number, Fault::Hold);
        let meanwhile = async {
            clock.advance(LEASE_OVER);
            ids.extend(rival.record(2).await);
            let outcome = rival.run().await;
            assert!(matches!(outcome, RunOutcome::Succeeded { .. }), "request {number}: {outcome:?}");
            // And one that the rival does not export.
            ids.extend(rival.record(1).await);
        };
        let (outcome, held) = faults.hold(slow.run(), meanwhile).await;
        if !held {
            break;
        }
        let exported = ids_of_whole_bucket(&system, &bucket, &org);
        assert_eq!(verified(&system, &[&bucket], &org, &Options::default()).events, exported.len() as u64);
        let known = exported.iter().all(|id| ids.contains(id));
        assert!(known && exported.len() >= 5, "request {number}: {outcome:?}, {exported:?}");
        match outcome {
            RunOutcome::Lost { .. } => lost += 1,
            // It was held before it had the lease. Its time is over meanwhile.
            RunOutcome::Empty { .. } | RunOutcome::Busy => assert!(number < 4, "{number}"),
            other => panic!("request {number}: {other:?}"),
        }
        // The chain goes on.
        ids.extend(rival.record(1).await);
        rival.run().await;
        // Live events may come before the history that they were recorded after.
        let mut exported = ids_of_whole_bucket(&system, &bucket, &org);
        exported.sort_unstable();
        ids.sort_unstable();
        assert_eq!(exported, ids, "request {number}");
    }
    assert!(lost > 10, "{lost}");
    system.stop().await;
}
