use std::time::Duration;

use sporlog_model::{EntityType, Instant, RetentionGroup};
use sporlog_store::{SortField, SweepOutcome};

use super::{Keeper, NOW};
use crate::harness::{Fault, Faults, FolioEvent, ManualClock, System};

const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// An organization with events of the first days of November, a day apart, and a keeper of its own whose requests pass
/// through faults.
struct Case {
    direct: Keeper,
    through: Keeper,
    faults: Faults,
}

impl Case {
    async fn of(system: &System, events: u8) -> Self {
        let faults = Faults::before(&system.stack).await;
        let clock = ManualClock::at(NOW);
        let direct = Keeper::through(&system.environment(&[]), "diku", &clock);
        let through = Keeper::behind(system, "diku", &clock, &faults);
        for n in 1..=events {
            let order = FolioEvent::of(EntityType::Order, ORDER);
            direct.record(&FolioEvent { action_date: format!("2026-11-{n:02}T10:00:00Z"), ..order }).await;
        }
        Self { direct, through, faults }
    }

    async fn left(&self) -> usize {
        self.direct.history(EntityType::Order, ORDER, SortField::OccurredAt).await.len()
    }

    async fn days(&self) -> usize {
        self.direct.store.feed_days(&self.direct.scope, Instant::MIN, Instant::MAX).await.unwrap().len()
    }
}

/// Somebody must keep everything from now on: a sweep that is under way deletes no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_is_taken_away_stops_a_sweep() {
    for (days, left) in [(-1, 5), (30, 5), (5, 0)] {
        let system = System::start().await;
        let case = Case::of(&system, 5).await;
        case.direct.keep(RetentionGroup::Acquisition, 10).await;
        // Its first deletion is on the way.
        case.faults.on("TransactWriteItems", [Fault::Pass, Fault::Hold]);
        let meanwhile = async { case.direct.keep(RetentionGroup::Acquisition, days).await };
        let (swept, held) = case.faults.hold(case.through.sweep(RetentionGroup::Acquisition), meanwhile).await;
        assert!(held);
        let stopped = if days == 5 { SweepOutcome::Finished { removed: 5 } } else { SweepOutcome::Busy };
        assert_eq!(swept, stopped, "{days}");
        assert_eq!(case.left().await, left, "{days}");
        system.stop().await;
    }
}

/// The one who shortens it meets the lease of the sweep that is under way, and leaves the rest to that.
#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_is_shortened_during_a_sweep_acts_at_once() {
    let system = System::start().await;
    let case = Case::of(&system, 5).await;
    case.direct.keep(RetentionGroup::Acquisition, 17).await;
    case.faults.on("TransactWriteItems", [Fault::Pass, Fault::Hold]);
    let meanwhile = async {
        case.direct.clock.advance(Duration::from_secs(1));
        case.direct.keep(RetentionGroup::Acquisition, 15).await;
        assert_eq!(case.direct.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Busy);
    };
    let (swept, _) = case.faults.hold(case.through.sweep(RetentionGroup::Acquisition), meanwhile).await;
    assert_eq!(swept, SweepOutcome::Finished { removed: 5 });
    assert_eq!(case.left().await, 0);
    assert_eq!(case.direct.reported().await.iter().sum::<u64>(), 5);
    system.stop().await;
}

/// What a sweep deleted before it was cut is told, even when the period is gone by the time of the next.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_told_also_when_the_period_is_gone() {
    let system = System::start().await;
    let case = Case::of(&system, 5).await;
    case.direct.keep(RetentionGroup::Acquisition, 10).await;
    // Each event is in a day of its own, so each has its transaction; the lease comes before them.
    case.faults.on("TransactWriteItems", [Fault::Pass, Fault::Pass, Fault::Pass, Fault::CutAfter]);
    assert!(case.faults.cut(case.through.sweep(RetentionGroup::Acquisition)).await.is_none());
    let gone = 5 - case.left().await;
    assert!((1..5).contains(&gone));
    assert_eq!(case.direct.reported().await, [0_u64; 0]);
    case.direct.keep(RetentionGroup::Acquisition, -1).await;
    assert_eq!(case.direct.sweep(RetentionGroup::Acquisition).await, SweepOutcome::NoPeriod);
    assert_eq!(case.direct.reported().await, [gone as u64]);
    system.stop().await;
}

/// A dead sweep's lease runs out, and then another one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_dead_sweep_runs_out() {
    let system = System::start().await;
    let case = Case::of(&system, 2).await;
    case.direct.keep(RetentionGroup::Acquisition, 10).await;
    case.faults.on("TransactWriteItems", [Fault::Pass, Fault::CutBefore]);
    assert!(case.faults.cut(case.through.sweep(RetentionGroup::Acquisition)).await.is_none());
    assert_eq!(case.direct.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Busy);
    case.direct.clock.advance(Duration::from_mins(15));
    assert_eq!(case.direct.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Busy);
    case.direct.clock.advance(Duration::from_mins(2));
    assert_eq!(case.direct.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Finished { removed: 2 });
    system.stop().await;
}

/// Days of which nothing is left are no longer listed, whether one night swept them or two.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_day_is_forgotten() {
    let system = System::start().await;
    let case = Case::of(&system, 5).await;
    let keeper = &case.direct;
    keeper.keep(RetentionGroup::Acquisition, 10).await;
    // The day on which the period was set, and five of events.
    assert_eq!(case.days().await, 6);
    // In the middle of the third day, before and after its event, and when that day is over. The first two tell what they did,
    // and so list the day of the sweep.
    for (night, days) in [("2026-11-13T09:00:00Z", 5), ("2026-11-13T11:00:00Z", 5), ("2026-11-14T09:00:00Z", 4)] {
        keeper.clock.set(night);
        assert!(matches!(keeper.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Finished { .. }));
        assert_eq!(case.days().await, days, "{night}");
    }
    system.stop().await;
}

/// A sweep that finds nothing to delete also sees that its time is up.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_only_looks_ends_in_time() {
    let system = System::start().await;
    let case = Case::of(&system, 19).await;
    let keeper = &case.direct;
    keeper.keep(RetentionGroup::Kyc, 1).await;
    let sweep = Box::pin(keeper.store.sweep(&keeper.scope, RetentionGroup::Kyc, keeper.clock.now()));
    assert_eq!(sweep.await.unwrap(), SweepOutcome::Unfinished);
    assert_eq!(keeper.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 0 });
    assert_eq!(case.left().await, 19);
    system.stop().await;
}
