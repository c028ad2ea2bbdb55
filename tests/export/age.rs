//! How old the export is of the organization whose export is oldest, as a tick of the schedule measures it.

use std::collections::BTreeSet;
use std::time::Duration;

use export_run::RunOutcome;
use sporlog_local::s3::Deny;
use sporlog_model::Instant;
use sporlog_store::Store;

use super::dispatch::{Lambda, enable};
use super::{Exporter, MORNING};
use crate::harness::{Captured, Fault, Faults, ManualClock, System};

const TICK: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);

/// The age that a tick measures now.
async fn age(system: &System, clock: &ManualClock) -> Duration {
    let captured = Captured::start();
    Lambda::default().dispatch(system, clock).await.0.unwrap();
    let ages = captured.metric("ExportAge");
    assert_eq!(ages.len(), 1, "one value for each tick");
    Duration::from_secs(ages[0])
}

#[tokio::test]
async fn an_organization_that_is_idle_or_exported_is_as_old_as_the_last_tick() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    assert_eq!(age(&system, &clock).await, Duration::ZERO, "nobody waits");
    let exporter = enable(&system, "diku", &clock).await;
    clock.advance(TICK);
    assert_eq!(age(&system, &clock).await, TICK, "it was switched on then");
    exporter.record(2).await;
    exporter.exports(2).await;
    clock.advance(TICK);
    assert_eq!(age(&system, &clock).await, TICK);
    // Nothing is recorded for most of a day, so its newest segment gets old, and nothing is wrong.
    for _ in 0..20 {
        clock.advance(HOUR);
        assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
        clock.advance(TICK);
        assert_eq!(age(&system, &clock).await, TICK);
    }
    assert!(clock.now().since(exporter.state().await.exported_to.unwrap()) > 20 * HOUR);
    system.stop().await;
}

#[tokio::test]
async fn one_that_fails_grows_old_though_it_is_not_due_until_it_has_caught_up() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let (works, fails) = (enable(&system, "works", &clock).await, enable(&system, "fails", &clock).await);
    fails.record(1).await;
    fails.exports(1).await;
    let good = clock.now();
    fails.deny(&system, Some(Deny::Assume)).await;
    fails.record(1).await;
    for _ in 0..5 {
        fails.fails("assume_role_denied").await;
        works.run().await;
        let next = fails.runs().await[0].next_attempt_at.unwrap();
        clock.set(&next.minus(Duration::from_secs(1)).to_string());
        assert!(!fails.is_due(clock.now()).await);
        let expected = Duration::from_secs(clock.now().since(good).as_secs());
        assert_eq!(age(&system, &clock).await, expected);
        clock.set(&next.to_string());
    }
    // Configured anew, which mends nothing: it is due at once, and as old as it was.
    fails.set_enabled(true).await;
    assert_eq!(age(&system, &clock).await.as_secs(), clock.now().since(good).as_secs());
    fails.fails("assume_role_denied").await;
    assert_eq!(age(&system, &clock).await.as_secs(), clock.now().since(good).as_secs());

    fails.deny(&system, None).await;
    fails.exports(1).await;
    works.run().await;
    clock.advance(TICK);
    assert_eq!(age(&system, &clock).await, TICK);
    system.stop().await;
}

#[tokio::test]
async fn one_that_was_idle_before_it_failed_is_not_as_old_as_its_last_event() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let exporter = enable(&system, "diku", &clock).await;
    exporter.record(1).await;
    exporter.exports(1).await;
    clock.advance(20 * HOUR);
    exporter.run().await;
    let good = clock.now();
    exporter.deny(&system, Some(Deny::Put)).await;
    exporter.record(1).await;
    exporter.fails("put_denied").await;
    clock.advance(HOUR);
    assert_eq!(age(&system, &clock).await.as_secs(), clock.now().since(good).as_secs());
    system.stop().await;
}

#[tokio::test]
async fn a_run_whose_time_is_up_leaves_its_organization_behind() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let exporter = enable(&system, "diku", &clock).await;
    exporter.record(1).await;
    exporter.exports(1).await;
    let good = clock.now();
    exporter.record(1).await;
    clock.advance(HOUR);
    // No time for a segment.
    let deadline_ms = u64::try_from(clock.now().plus(Duration::from_secs(30)).epoch_seconds()).unwrap() * 1_000;
    assert!(matches!(exporter.run_until(deadline_ms).await, RunOutcome::Empty { .. }));
    assert_eq!(age(&system, &clock).await.as_secs(), clock.now().since(good).as_secs());
    exporter.exports(1).await;
    assert_eq!(age(&system, &clock).await, Duration::ZERO);
    system.stop().await;
}

#[tokio::test]
async fn one_that_is_switched_off_is_not_waited_for() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let exporter = enable(&system, "diku", &clock).await;
    exporter.deny(&system, Some(Deny::Put)).await;
    exporter.record(1).await;
    exporter.fails("put_denied").await;
    clock.advance(HOUR);
    assert!(age(&system, &clock).await >= HOUR);
    exporter.set_enabled(false).await;
    assert_eq!(age(&system, &clock).await, Duration::ZERO);

    // On again, it waits from then on.
    exporter.set_enabled(true).await;
    clock.advance(TICK);
    assert_eq!(age(&system, &clock).await, TICK);
    exporter.fails("put_denied").await;
    assert_eq!(age(&system, &clock).await, TICK);

    // Sporlog gives up after a day.
    clock.advance(25 * HOUR);
    assert!(age(&system, &clock).await > 25 * HOUR);
    exporter.fails("put_denied").await;
    assert!(!exporter.store.export_config(&exporter.scope).await.unwrap().unwrap().enabled);
    assert_eq!(age(&system, &clock).await, Duration::ZERO);
    system.stop().await;
}

#[tokio::test]
async fn one_that_is_switched_off_while_its_run_fails_does_not_come_back() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    enable(&system, "diku", &clock).await;
    let faults = Faults::before(&system.stack).await;
    let exporter = Exporter::behind(&system, "diku", &clock, &faults);
    exporter.record(1).await;
    exporter.deny(&system, Some(Deny::Put)).await;
    faults.on("PutObject", [Fault::Hold]);
    let (outcome, held) = faults.hold(exporter.run(), exporter.set_enabled(false)).await;
    assert!(held && matches!(outcome, RunOutcome::Failed { .. }), "{outcome:?}");
    // The run could not know; the next one takes it out of both indexes.
    clock.advance(HOUR);
    assert_eq!(exporter.run().await, RunOutcome::Disabled);
    assert_eq!(age(&system, &clock).await, Duration::ZERO);
    system.stop().await;
}

#[tokio::test]
async fn of_many_in_all_shards_the_oldest_counts() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let mut failing = Vec::new();
    for number in 0..40 {
        let exporter = enable(&system, &format!("org-{number}"), &clock).await;
        exporter.deny(&system, Some(Deny::Assume)).await;
        exporter.record(1).await;
        let since = clock.now();
        exporter.set_enabled(false).await;
        exporter.set_enabled(true).await;
        exporter.fails("assume_role_denied").await;
        failing.push((exporter, since));
    }
    let mut shards = BTreeSet::new();
    for shard in Store::due_shards() {
        if let Some(behind) = exporter_store(&failing).furthest_behind(shard).await.unwrap() {
            let oldest = failing.iter().find(|(exporter, _)| exporter.org == behind.org.as_str()).unwrap();
            assert_eq!(behind.since, oldest.1);
            shards.insert(shard);
        }
    }
    assert!(shards.len() >= 8, "{shards:?}");
    for (exporter, since) in &failing {
        assert_eq!(age(&system, &clock).await.as_secs(), clock.now().since(*since).as_secs());
        exporter.deny(&system, None).await;
        assert!(matches!(exporter.run().await, RunOutcome::Succeeded { .. }));
    }
    assert_eq!(age(&system, &clock).await, Duration::ZERO);
    system.stop().await;
}

fn exporter_store(exporters: &[(Exporter, Instant)]) -> &Store {
    &exporters[0].0.store
}

#[tokio::test]
async fn a_tick_that_has_not_seen_everybody_says_nothing() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    enable(&system, "diku", &clock).await;
    let faults = Faults::before(&system.stack).await;
    faults.on("Query", [Fault::InternalError; 200]);
    let endpoint = format!("http://{}", faults.address);
    let captured = Captured::start();
    let (outcome, _) =
        Lambda::default().dispatch_with(&system, &clock, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    assert_eq!(outcome, Err("NotDispatched".to_owned()));
    assert!(captured.metric("ExportAge").is_empty());
    system.stop().await;
}
