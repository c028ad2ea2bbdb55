use std::time::Duration;

use export_run::RunOutcome;
use serde_json::Value;
use sporlog_model::{EntityType, JsonObject};

use super::bucket::{ids_of_whole_bucket, lines_of_whole_bucket};
use super::{Exporter, MORNING};
use crate::harness::{FolioEvent, ManualClock, System};

/// The days and the numbers of events of a bucket's segments.
fn segments(system: &System, bucket: &str) -> Vec<(String, u64)> {
    let digests = system.keys(bucket).into_iter().filter(|key| key.contains("/digests/"));
    let segment = |key: String| {
        let digest: Value = serde_json::from_slice(&system.object(bucket, &key)).unwrap();
        let day = digest["object"]["key"].as_str().unwrap().split(['=', '/']).nth(3).unwrap().to_owned();
        (day, digest["eventCount"].as_u64().unwrap())
    };
    digests.map(segment).collect()
}

/// Records an event now.
async fn record_now(exporter: &Exporter, snapshot: Option<&JsonObject>) -> String {
    let event = FolioEvent::of(EntityType::Order, &uuid::Uuid::new_v4().to_string());
    let mut stored = event.event();
    stored.data = snapshot.cloned();
    exporter.store.append(&exporter.scope, &stored).await.unwrap();
    event.id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_settled_waits() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::with(&system, "diku", &clock, &[("SETTLE_SECONDS", "3600")]);
    let early = record_now(&exporter, None).await;
    clock.advance(Duration::from_secs(1));
    let late = record_now(&exporter, None).await;
    clock.advance(Duration::from_secs(3_599));
    assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
    clock.advance(Duration::from_micros(1));
    exporter.exports(1).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), std::slice::from_ref(&early));
    clock.advance(Duration::from_secs(1));
    exporter.exports(1).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), [early, late]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_runs_back_exports_nothing_twice() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    let mut ids = exporter.record(3).await;
    exporter.exports(3).await;
    // Thirty seconds, as a promise of the design has it: well within the settle lag.
    let ahead = clock.now();
    clock.set(&ahead.minus(Duration::from_secs(30)).to_string());
    assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
    ids.extend(exporter.record(2).await);
    exporter.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_end_with_the_day() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    let mut ids = Vec::new();
    for instant in [
        "2025-12-31T23:59:59.999999Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T23:59:59.999999Z",
        // Idle for three months.
        "2026-04-01T12:00:00Z",
        "2026-04-02T00:00:00Z",
    ] {
        clock.set(instant);
        ids.push(record_now(&exporter, None).await);
    }
    clock.set("2026-04-02T00:01:00.000001Z");
    exporter.exports(5).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    let days = [("2025-12-31", 1), ("2026-01-01", 2), ("2026-04-01", 1), ("2026-04-02", 1)];
    assert_eq!(segments(&system, &bucket), days.map(|(day, count)| (day.to_owned(), count)));

    // The rest of a day that is in the bucket already.
    clock.set("2026-04-02T23:59:59.999999Z");
    ids.push(record_now(&exporter, None).await);
    clock.set("2026-04-03T00:00:10Z");
    ids.push(record_now(&exporter, None).await);
    clock.set("2026-04-03T01:00:00Z");
    exporter.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_ends_when_it_is_full_but_not_within_an_instant() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    // Compresses well, so that 64 MiB of lines are few and small rows.
    let large = JsonObject::parse(&format!(r#"{{"text":"{}"}}"#, "x".repeat(8 << 20))).unwrap();
    let mut ids = Vec::new();
    for n in 0..17 {
        ids.push(record_now(&exporter, Some(&large)).await);
        // The eighth fills the segment; the two after it were recorded at the same instant.
        if !(7..9).contains(&n) {
            clock.advance(Duration::from_micros(1));
        }
    }
    clock.advance(Duration::from_mins(2));
    exporter.exports(17).await;
    let day = "2026-03-01".to_owned();
    assert_eq!(segments(&system, &bucket), [(day.clone(), 10), (day, 7)]);
    let mut in_bucket = ids_of_whole_bucket(&system, &bucket, "diku");
    // At one instant the order is that of the ids.
    in_bucket[7..10].sort_unstable();
    ids[7..10].sort_unstable();
    assert_eq!(in_bucket, ids);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_begins_nothing_that_it_has_no_time_for() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(3).await;
    let deadline = |span| u64::try_from(clock.now().plus(span).epoch_seconds()).unwrap() * 1_000;
    let outcome = exporter.run_until(deadline(Duration::from_secs(59))).await;
    assert!(matches!(outcome, RunOutcome::Empty { .. }), "{outcome:?}");
    assert!(system.keys(&bucket).is_empty());
    let outcome = exporter.run_until(deadline(Duration::from_secs(61))).await;
    assert!(matches!(outcome, RunOutcome::Succeeded { event_count: 3, .. }), "{outcome:?}");
    assert_eq!(lines_of_whole_bucket(&system, &bucket, "", "diku").len(), 3);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_and_in_pages() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    for _ in 0..3 {
        exporter.run().await;
    }
    let all: Vec<_> = exporter.runs().await.into_iter().map(|run| run.id).collect();
    assert_eq!(all.len(), 3);
    for (before, limit, expected) in [(None, 2, &all[..2]), (Some(all[0]), 1, &all[1..2]), (Some(all[2]), 9, &[])] {
        let page = exporter.store.runs(&exporter.scope, before, limit).await.unwrap();
        assert_eq!(page.into_iter().map(|run| run.id).collect::<Vec<_>>(), expected);
    }
    system.stop().await;
}
