use serde_json::json;

use super::function::Function;
use super::{BASE, ORG, listed, new_export};
use crate::harness::{ManualClock, System};

/// What a query of the list answers: the numbers of the records, and the total.
async fn numbers(function: &Function, query: &str) -> (Vec<u64>, u64) {
    let (status, body) = function.call("GET", &format!("{BASE}{query}"), None).await;
    assert_eq!(status, 200, "{query}: {body}");
    let (ids, total) = listed(&body);
    (ids.iter().map(|id| id.rsplit_once('-').unwrap().1.parse().unwrap()).collect(), total)
}

async fn create(function: &Function, export_id: &str, format: &str) -> String {
    let mut body = new_export(ORG, export_id);
    body["format"] = json!(format);
    let (status, created) = function.call("POST", BASE, Some(&body)).await;
    assert_eq!(status, 201, "{created}");
    created["audit_id"].as_str().unwrap().to_owned()
}

fn down(from: u64, to: u64) -> Vec<u64> {
    (to..=from).rev().collect()
}

/// All of one instant: their numbers decide, also past three digits.
#[tokio::test(flavor = "multi_thread")]
async fn ties_are_in_the_order_of_their_numbers_and_pages_join() {
    let system = System::start().await;
    let function = Function::new(&system, ManualClock::at("2026-03-26T10:00:00Z").clock());
    for number in 1..=25 {
        create(&function, &format!("exp-{number}"), "csv").await;
    }
    for filter in ["", "&format=csv", "&from=2026-03-26T10:00:00Z"] {
        for (page, limit, expected) in [
            (1, 10, down(25, 16)),
            (2, 10, down(15, 6)),
            (3, 10, down(5, 1)),
            (4, 10, vec![]),
            (1, 25, down(25, 1)),
            (2, 25, vec![]),
            (25, 1, vec![1]),
            (u64::MAX, 100, vec![]),
        ] {
            let query = format!("?page={page}&limit={limit}{filter}");
            assert_eq!(numbers(&function, &query).await, (expected, 25), "{query}");
        }
    }
    assert_eq!(numbers(&function, "").await, (down(25, 6), 25), "twenty by default");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_and_the_total_counts_what_they_match() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T10:00:00Z");
    let function = Function::new(&system, clock.clock());
    for (number, format) in ["excel", "csv", "pdf", "excel", "csv", "pdf"].into_iter().enumerate() {
        // Half a second past: what is shown is the whole one.
        clock.set(&format!("2026-03-26T1{number}:00:00.5Z"));
        let id = create(&function, &format!("exp-{number}"), format).await;
        if number >= 3 {
            let update = json!({"status": "processing"});
            assert_eq!(function.call("PUT", &format!("{BASE}/{id}/status"), Some(&update)).await.0, 200);
        }
    }
    for (query, expected) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("?status=queued", vec![3, 2, 1]),
        ("?status=processing", vec![6, 5, 4]),
        ("?status=failed", vec![]),
        ("?format=csv", vec![5, 2]),
        ("?format=csv&status=processing", vec![5]),
        ("?from=2026-03-26T12:00:00Z", vec![6, 5, 4, 3]),
        ("?to=2026-03-26T12:00:00Z", vec![2, 1]),
        ("?from=2026-03-26T12:00:00Z&to=2026-03-26T14:00:00Z", vec![4, 3]),
        ("?from=2026-03-26T13:00:00%2B01:00&to=2026-03-26T15:00:00.6%2B01:00", vec![5, 4, 3]),
        ("?from=2026-03-26T12:00:00.5Z&to=2026-03-26T14:00:00.5Z", vec![4, 3]),
        ("?from=2026-03-26T12:00:00.500001Z&to=2026-03-26T14:00:00.500001Z", vec![5, 4]),
        ("?from=2026-03-26T12:00:00Z&to=2026-03-26T12:00:00Z", vec![]),
        ("?from=2026-03-26T14:00:00Z&to=2026-03-26T12:00:00Z", vec![]),
        ("?from=0000-01-01T00:00:00Z&to=9999-12-30T00:00:00Z", vec![6, 5, 4, 3, 2, 1]),
        ("?status=queued&format=excel&from=2026-03-26T10:00:00Z&to=2026-03-27T00:00:00Z", vec![1]),
    ] {
        let total = expected.len() as u64;
        assert_eq!(numbers(&function, query).await, (expected, total), "{query}");
    }
    let page = "?status=processing&limit=2&page=2";
    assert_eq!(numbers(&function, page).await, (vec![4], 3));
    assert_eq!(numbers(&function, "?status=processing&limit=2&page=3").await, (vec![], 3));
    // With `to`, pages stay what they are while records are made.
    let before = numbers(&function, "?limit=2&page=2&to=2026-03-26T16:00:00Z").await;
    clock.set("2026-03-26T16:00:00Z");
    create(&function, "exp-new", "pdf").await;
    assert_eq!(numbers(&function, "?limit=2&page=2&to=2026-03-26T16:00:00Z").await, before);
    system.stop().await;
}

/// More than the megabyte that DynamoDB answers at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_reads_on_to_the_end() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T10:00:00Z");
    let function = Function::new(&system, clock.clock());
    let types: Vec<String> = (0..100).map(|number| format!("{number:064}")).collect();
    for number in 1..=240 {
        let mut body = new_export(ORG, &format!("exp-{number}"));
        body["activity_types"] = json!(types);
        body["format"] = json!(if number % 2 == 0 { "pdf" } else { "csv" });
        assert_eq!(function.call("POST", BASE, Some(&body)).await.0, 201);
    }
    let even = |from: u64, to: u64| down(from, to).into_iter().filter(|number| number % 2 == 0).collect::<Vec<_>>();
    assert_eq!(numbers(&function, "?format=pdf&limit=100").await, (even(240, 42), 120));
    assert_eq!(numbers(&function, "?format=pdf&limit=100&page=2").await, (even(40, 2), 120));
    assert_eq!(numbers(&function, "?format=pdf&limit=1&page=120").await, (vec![2], 120));
    assert_eq!(numbers(&function, "?limit=100&page=3").await, (down(40, 1), 240));
    system.stop().await;
}
