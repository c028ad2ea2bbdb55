use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{ENTITY, event_id, numbers, path};
use crate::harness::{Caller, FolioEvent, System};

/// A piece's event: the number is its second and its id.
fn piece_event(number: usize, snapshot: Value) -> FolioEvent {
    FolioEvent { id: event_id(number), snapshot, ..FolioEvent::nth(EntityType::Piece, ENTITY, number) }
}

fn changes(query: &str) -> String {
    format!("{}/status-change-history{query}", path(EntityType::Piece))
}

/// What is kept of these snapshots, one second after the other, in whatever order they arrive.
async fn kept(snapshots: &[Value], arrival: impl Iterator<Item = usize>) -> Vec<usize> {
    let system = System::start().await;
    for number in arrival {
        system.ingest(vec![piece_event(number, snapshots[number].clone()).in_batch("diku")]).await;
    }
    // A neighbour's piece with the same id has no say.
    let neighbour = piece_event(3, json!({"receivingStatus": "Unreceivable"})).in_batch("college");
    system.ingest(vec![neighbour]).await;
    let answer = system.get(&Caller::auditor("diku"), &changes("?sortOrder=asc")).await;
    let kept = numbers(&answer);
    assert_eq!(answer.json()["totalItems"], kept.len());
    let whole = system.get(&Caller::auditor("diku"), &path(EntityType::Piece)).await;
    assert_eq!(whole.json()["totalItems"], snapshots.len());
    system.stop().await;
    kept
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_event_counts_when_its_status_differs_from_the_one_before() {
    let snapshots = [
        json!({"comment": "no status yet"}),
        json!(null),
        json!({"receivingStatus": null, "claimingInterval": null}),
        json!({"receivingStatus": "Expected"}),
        json!({"receivingStatus": "Expected", "claimingInterval": null}),
        json!({"receivingStatus": "Expected", "claimingInterval": null, "comment": "changed"}),
        json!({"receivingStatus": "Expected", "claimingInterval": 0}),
        json!({"receivingStatus": "Expected", "claimingInterval": 10}),
        json!({"receivingStatus": "Received", "claimingInterval": 10}),
        json!({"receivingStatus": "Received", "claimingInterval": 10}),
        json!({"receivingStatus": "Expected", "claimingInterval": 10}),
        json!({"claimingInterval": 10}),
        json!({}),
        json!({"receivingStatus": null}),
        json!(null),
        json!({"receivingStatus": "Late"}),
    ];
    let expected = [3, 6, 7, 8, 10, 11, 12, 15];
    let count = snapshots.len();
    assert_eq!(kept(&snapshots, 0..count).await, expected);
    assert_eq!(kept(&snapshots, (0..count).rev()).await, expected);
    // 7 and 16 have no common divisor: every number once, in no order.
    assert_eq!(kept(&snapshots, (0..count).map(|number| number * 7 % 16)).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_first_event_counts_only_with_a_status() {
    for (first, expected) in [
        (json!({"receivingStatus": "Expected"}), &[0][..]),
        (json!({"claimingInterval": 0}), &[0]),
        (json!({"receivingStatus": null}), &[]),
        (json!({}), &[]),
        (json!(null), &[]),
    ] {
        assert_eq!(kept(&[first], 0..1).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn of_events_at_the_same_time_the_one_told_first_comes_first() {
    let system = System::start().await;
    // By the event dates the status goes Expected, Expected, Late; by the ids it would change twice.
    let rows = [
        (1, "Expected", Some("08:00:02")),
        (2, "Late", Some("08:00:03")),
        (3, "Expected", Some("08:00:01")),
        (4, "Received", None),
        (5, "Received", None),
    ];
    for (number, status, told) in rows {
        let mut event = piece_event(number, json!({"receivingStatus": status}));
        event.action_date = "2024-11-14T08:00:00Z".to_owned();
        let mut event = event.in_batch("diku");
        event["payload"]["eventDate"] = json!(told.map(|time| format!("2024-11-14T{time}Z")));
        system.ingest(vec![event]).await;
    }
    let answer = system.get(&Caller::auditor("diku"), &changes("?sortBy=id&sortOrder=asc")).await;
    assert_eq!(numbers(&answer), [2, 3, 4]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn sorting_and_paging_come_after_the_filter() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    // Every second event changes the status: 0, 2, 4, … 18.
    let events = (0..20).map(|number| piece_event(number, json!({"receivingStatus": number / 2})).in_batch("diku"));
    system.ingest(events.collect()).await;
    for (query, expected) in [
        ("?limit=3", &[18, 16, 14][..]),
        ("?limit=3&offset=8", &[2, 0]),
        ("?limit=0", &[]),
        ("?offset=9", &[0]),
        ("?offset=10", &[]),
        ("?offset=2147483647&limit=2147483647", &[]),
        ("?limit=4&offset=3&sortOrder=asc", &[6, 8, 10, 12]),
        ("?limit=2&sortBy=event_date&sortOrder=asc", &[0, 2]),
        ("?limit=2&sortBy=id", &[18, 16]),
    ] {
        let answer = system.get(&caller, &changes(query)).await;
        assert_eq!(numbers(&answer), expected, "{query}");
        assert_eq!(answer.json()["totalItems"], 10, "{query}");
    }
    for size in [1, 3, 4, 10] {
        let mut tiled = Vec::new();
        for offset in (0..10).step_by(size) {
            let page = system.get(&caller, &changes(&format!("?sortOrder=asc&limit={size}&offset={offset}"))).await;
            tiled.extend(numbers(&page));
        }
        assert_eq!(tiled, (0..20).step_by(2).collect::<Vec<_>>(), "{size}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_event_that_arrives_late_changes_what_counts() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let send = |number, status: &str| {
        system.ingest(vec![piece_event(number, json!({"receivingStatus": status})).in_batch("diku")])
    };
    send(1, "Expected").await;
    send(5, "Received").await;
    assert_eq!(numbers(&system.get(&caller, &changes("")).await), [5, 1]);
    // What was the change at 5 happened at 3 already.
    send(3, "Received").await;
    assert_eq!(numbers(&system.get(&caller, &changes("")).await), [3, 1]);
    // And was undone in between.
    send(4, "Expected").await;
    assert_eq!(numbers(&system.get(&caller, &changes("")).await), [5, 4, 3, 1]);
    system.stop().await;
}
