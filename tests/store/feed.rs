use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_model::{Day, EntityType, Instant};
use sporlog_store::Store;
use uuid::Uuid;

use super::{ORDER, feed, feed_between, whole_feed};
use crate::harness::{FolioEvent, ManualClock, System, scope_of, store};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Appends an event of a new entity, so that the shards are met at random.
async fn record(store: &Store, scope: &TenantScope) {
    let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string()).event();
    store.append(scope, &event).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_the_order_they_were_recorded_whatever_their_day_and_shard() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-02-27T22:00:00Z");
    let store = store(&system.environment(&[]), clock.clock());
    let (own, other) = (scope_of("a"), scope_of("b"));
    // Five hours and a microsecond apart: thirty events of each organization over a week.
    let mut recorded = Vec::new();
    for _ in 0..30 {
        record(&store, &own).await;
        record(&store, &other).await;
        recorded.push(clock.now());
        clock.advance(Duration::from_hours(5) + Duration::from_micros(1));
    }
    for scope in [&own, &other] {
        let days = store.feed_days(scope, Instant::MIN, Instant::MAX).await.unwrap();
        let listed = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"];
        assert_eq!(days, listed.map(day));
        let events = whole_feed(&store, scope).await;
        let instants: Vec<Instant> = events.iter().map(|event| event.recorded_at).collect();
        assert_eq!(instants, recorded);
    }
    let ids = |events: Vec<sporlog_model::RecordedEvent>| events.into_iter().map(|event| event.event.id);
    let others: Vec<_> = ids(whole_feed(&store, &other).await).collect();
    assert!(ids(whole_feed(&store, &own).await).all(|id| !others.contains(&id)));
    assert!(whole_feed(&store, &scope_of("c")).await.is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_half_open() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T10:00:00Z");
    let store = store(&system.environment(&[]), clock.clock());
    let scope = scope_of("a");
    let instants =
        ["2026-03-01T00:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000001Z", "2026-03-01T23:59:59.999999Z"];
    for instant in instants {
        clock.set(instant);
        record(&store, &scope).await;
        record(&store, &scope_of("b")).await;
    }
    let cases = [
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 4),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", 0),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000001Z", 1),
        ("2026-03-01T00:00:00.000001Z", "2026-03-01T10:00:00Z", 0),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000001Z", 1),
        ("2026-03-01T10:00:00Z", "2026-03-01T23:59:59.999999Z", 2),
        ("2026-03-01T10:00:00.000002Z", "2027-03-01T00:00:00Z", 1),
        ("2020-03-01T00:00:00Z", "2026-03-01T10:00:00.000001Z", 2),
    ];
    for (from, to, expected) in cases {
        let (from_at, to_at) = (Instant::parse(from).unwrap(), Instant::parse(to).unwrap());
        let events = feed_between(&store, &scope, day("2026-03-01"), from_at, to_at).await.unwrap();
        assert_eq!(events.len(), expected, "{from} to {to}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_days_with_entries_are_listed() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T10:00:00Z");
    let store = store(&system.environment(&[]), clock.clock());
    let scope = scope_of("a");
    for instant in ["2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-06-30T12:00:00Z"] {
        clock.set(instant);
        record(&store, &scope).await;
        record(&store, &scope).await;
    }
    clock.set("2026-04-01T00:00:00Z");
    record(&store, &scope_of("b")).await;
    let cases: &[(&str, &str, &[&str])] = &[
        ("2025-01-01", "2027-01-01", &["2025-12-31", "2026-01-01", "2026-06-30"]),
        ("2025-12-31T23:00:00Z", "2026-01-01T00:00:00Z", &["2025-12-31", "2026-01-01"]),
        ("2026-01-02", "2026-06-29T23:59:59Z", &[]),
        ("2026-06-30T23:00:00Z", "2027-01-01", &["2026-06-30"]),
    ];
    for (from, to, expected) in cases {
        let (from_at, to_at) = (Instant::parse(from).unwrap(), Instant::parse(to).unwrap());
        let days = store.feed_days(&scope, from_at, to_at).await.unwrap();
        let expected: Vec<Day> = expected.iter().map(|text| day(text)).collect();
        assert_eq!(days, expected, "{from} to {to}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_of_one_shard_stays_in_order() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T10:00:00Z");
    let store = store(&system.environment(&[]), clock.clock());
    let scope = scope_of("a");
    let mut expected = Vec::new();
    for n in 0..620 {
        // Mostly one busy entity, so one shard; some are recorded at the same instant.
        if n % 10 == 0 {
            record(&store, &scope).await;
        } else {
            store.append(&scope, &FolioEvent::nth(EntityType::Order, ORDER, n).event()).await.unwrap();
        }
        expected.push(clock.now());
        clock.advance(Duration::from_micros(u64::try_from(n % 3).unwrap()));
    }
    let events = feed(&store, &scope, day("2026-03-01")).await.unwrap();
    let instants: Vec<Instant> = events.iter().map(|event| event.recorded_at).collect();
    assert_eq!(instants, expected);
    system.stop().await;
}
