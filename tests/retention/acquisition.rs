use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use sporlog_model::{EntityType, EventId, RetentionGroup};
use sporlog_store::{Appended, SortField, SweepOutcome};
use uuid::Uuid;

use super::{Keeper, NOW};
use crate::harness::{Fault, Faults, FolioEvent, ManualClock, System};

const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
const PIECE: &str = "2cd4adc4-f287-49b6-a9c6-9eacdc4868e7";

fn event(entity_type: EntityType, entity_id: &str, action_date: &str) -> FolioEvent {
    let (action_date, event_date) = (action_date.to_owned(), action_date.to_owned());
    FolioEvent { action_date, event_date, ..FolioEvent::of(entity_type, entity_id) }
}

fn id(event: &FolioEvent) -> EventId {
    EventId::parse(&event.id).unwrap()
}

/// Ten days are kept: what is older goes, however it came into the log, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_goes_and_the_rest_stays() {
    let system = System::start().await;
    let keeper = Keeper::of(&system, "diku");
    let other = Keeper::of(&system, "other");
    let (mut kept, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for keeper in [&keeper, &other] {
        keeper.keep(RetentionGroup::Acquisition, if keeper.org == "diku" { 10 } else { -1 }).await;
        for entity_type in [EntityType::Order, EntityType::Piece] {
            let entity_id = if entity_type == EntityType::Order { ORDER } else { PIECE };
            for (date, late, stays) in [
                ("2019-01-01T00:00:00Z", false, false),
                ("2019-01-01T00:00:00Z", true, false),
                ("2026-11-10T11:59:59.999Z", false, false),
                ("2026-11-10T11:59:59.999Z", true, false),
                ("2026-11-10T12:00:00Z", false, true),
                ("2026-11-10T12:00:00Z", true, true),
                ("2026-11-20T11:00:00Z", true, true),
                // By a producer whose clock is ahead.
                ("2027-01-01T00:00:00Z", true, true),
            ] {
                let event = event(entity_type, entity_id, date);
                if late {
                    keeper.record_late(&event).await;
                } else {
                    keeper.record(&event).await;
                }
                if keeper.org == "diku" {
                    assert!(if stays { &mut kept } else { &mut gone }.insert(id(&event)));
                }
            }
        }
    }
    // Recorded three quarters of an hour after it happened, on both sides of the limit.
    let slow = event(EntityType::Order, ORDER, "2026-11-10T11:30:00Z");
    keeper.clock.set("2026-11-10T12:15:00Z");
    keeper.record_late(&slow).await;
    keeper.clock.set(NOW);
    gone.insert(id(&slow));

    assert_eq!(keeper.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Finished { removed: gone.len() as u64 });
    assert_eq!(other.sweep(RetentionGroup::Acquisition).await, SweepOutcome::NoPeriod);
    assert_eq!(keeper.reported().await, [gone.len() as u64]);
    let feed = keeper.feed().await;
    let acquisition = feed.iter().filter(|recorded| recorded.event.entity_type != EntityType::Retention);
    assert_eq!(acquisition.map(|recorded| recorded.event.id).collect::<BTreeSet<_>>(), kept);
    for sort in [SortField::OccurredAt, SortField::PublishedAt, SortField::Action] {
        let orders = keeper.history(EntityType::Order, ORDER, sort).await;
        let pieces = keeper.history(EntityType::Piece, PIECE, sort).await;
        let ids = orders.iter().chain(&pieces).map(|recorded| recorded.event.id);
        assert_eq!(ids.collect::<BTreeSet<_>>(), kept, "{sort:?}");
    }
    assert_eq!(other.feed().await.len(), 16);
    // A second sweep has nothing to do and says nothing.
    assert_eq!(keeper.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Finished { removed: 0 });
    assert_eq!(keeper.reported().await.len(), 1);
    // Its source may deliver it again; it does not come back.
    assert_eq!(keeper.store.append(&keeper.scope, &slow.event()).await.unwrap(), Appended::Duplicate);
    system.stop().await;
}

/// Cut before and after each of its requests, and each answer lost once: the next sweep ends with the same log and one report.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_may_be_cut_anywhere() {
    let system = System::start().await;
    let requests = {
        let (keeper, faults) = filled(&system, "measure").await;
        assert_eq!(keeper.sweep(RetentionGroup::Acquisition).await, SweepOutcome::Finished { removed: 12 });
        faults.operations().len()
    };
    assert!(requests > 25, "{requests}");
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::LostAnswer, Fault::Throttle] {
        for number in 0..requests {
            let case = format!("{fault:?} at {number}");
            let (keeper, faults) = filled(&system, &format!("o{number}.{fault:?}")).await;
            faults.at(number, fault);
            let cut = faults.cut(keeper.sweep(RetentionGroup::Acquisition)).await;
            let stops = matches!(fault, Fault::CutBefore | Fault::CutAfter);
            assert_eq!(cut.is_none(), stops, "{case}");
            assert_eq!(faults.clear(), 0, "{case}");
            // Its lease runs out, and the next one goes on.
            keeper.clock.set("2026-11-20T12:20:00Z");
            let SweepOutcome::Finished { .. } = keeper.sweep(RetentionGroup::Acquisition).await else {
                panic!("{case}");
            };
            assert_eq!(keeper.reported().await, [12], "{case}");
            let left = keeper.history(EntityType::Order, ORDER, SortField::PublishedAt).await;
            assert_eq!(left.len(), 12, "{case}");
            assert_eq!(keeper.feed().await.len(), 13, "{case}");
        }
    }
    system.stop().await;
}

/// Twelve events that may go, of which four were recorded late, and twelve that stay.
async fn filled(system: &System, org: &str) -> (Keeper, Faults) {
    let faults = Faults::before(&system.stack).await;
    let direct = Keeper::of(system, org);
    direct.keep(RetentionGroup::Acquisition, 10).await;
    for n in 0..24 {
        let day = if n % 2 == 0 { "2026-11-01" } else { "2026-11-15" };
        let event = event(EntityType::Order, ORDER, &format!("{day}T10:{n:02}:00Z"));
        if n % 6 == 0 {
            direct.record_late(&event).await;
        } else {
            direct.record(&event).await;
        }
    }
    (Keeper::behind(system, org, &ManualClock::at(NOW), &faults), faults)
}

/// Half of very many go, and the sweep is cut three times on the way.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_right_half_of_very_many_remains() {
    const EVENTS: usize = 6_000;
    const ENTITIES: usize = 100;
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let clock = ManualClock::at("2026-11-01T10:00:00Z");
    let keeper = Keeper::behind(&system, "diku", &clock, &faults);
    let direct = Keeper::through(&system.environment(&[]), "diku", &clock);
    keeper.keep(RetentionGroup::Acquisition, 10).await;
    let entities: Vec<String> = (0..ENTITIES).map(|_| Uuid::new_v4().to_string()).collect();
    for time in ["2026-11-01T10:00:00Z", "2026-11-15T10:00:00Z"] {
        clock.set(time);
        let events = (0..EVENTS / 2).map(|n| event(EntityType::Order, &entities[n % ENTITIES], time));
        let append = |event: FolioEvent| {
            let direct = &direct;
            async move { direct.record_late(&event).await }
        };
        stream::iter(events).map(append).buffer_unordered(16).collect::<Vec<()>>().await;
    }
    clock.set(NOW);
    let mut removed = None;
    for cut in [40, 65, 50, usize::MAX] {
        if cut < usize::MAX {
            faults.at(faults.operations().len() + cut, if cut % 2 == 0 { Fault::CutBefore } else { Fault::CutAfter });
        }
        removed = faults.cut(keeper.sweep(RetentionGroup::Acquisition)).await;
        clock.advance(Duration::from_mins(20));
    }
    assert_eq!(removed, Some(SweepOutcome::Finished { removed: EVENTS as u64 / 2 }));
    assert_eq!(keeper.reported().await, [EVENTS as u64 / 2]);
    for entity_id in &entities {
        let left = keeper.history(EntityType::Order, entity_id, SortField::OccurredAt).await;
        assert_eq!(left.len(), EVENTS / 2 / ENTITIES);
        assert!(left.iter().all(|recorded| recorded.event.occurred_at.to_string().starts_with("2026-11-15")));
    }
    system.stop().await;
}
