use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::function::Function;
use super::{BASE, DOUBLED, ORG, listed, new_export};
use crate::harness::{ManualClock, System};

async fn post(function: &Function, body: &Value, key: &str) -> (u16, String) {
    function.call_named("POST", BASE, Some(body), Some(key)).await
}

fn code(answer: &(u16, String)) -> (u16, Value) {
    (answer.0, serde_json::from_str::<Value>(&answer.1).unwrap()["error"]["code"].clone())
}

async fn total(function: &Function) -> u64 {
    listed(&function.call("GET", BASE, None).await.1).1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_request_is_answered_again_and_not_done_again() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T10:00:00Z");
    let function = Function::new(&system, clock.clock());
    let body = new_export(ORG, "exp-1");
    let first = post(&function, &body, "key-1").await;
    assert_eq!(first.0, 201);
    clock.advance(Duration::from_hours(23));
    assert_eq!(post(&function, &body, "key-1").await, first, "byte for byte");
    let doubled = function.call_named("POST", DOUBLED, Some(&body), Some("key-1")).await;
    assert_eq!(doubled, first, "on either path");

    let mut other = body.clone();
    other["format"] = json!("pdf");
    let reused = (422, json!("idempotency_key_reused"));
    assert_eq!(code(&post(&function, &other, "key-1").await), reused);
    assert_eq!(code(&post(&function, &new_export(ORG, "exp-2"), "key-1").await), reused);
    let taken = (409, json!("export_already_audited"));
    assert_eq!(code(&post(&function, &body, "key-2").await), taken);
    // What was refused is not remembered: the key is free for a request that can be done.
    assert_eq!(post(&function, &new_export(ORG, "exp-2"), "key-2").await.0, 201);
    assert_eq!(total(&function).await, 2);

    // Also when the record is long gone; a day later the key is forgotten.
    assert_eq!(function.call("DELETE", &format!("{BASE}/aud-20260326-001"), None).await.0, 200);
    assert_eq!(post(&function, &body, "key-1").await, first);
    clock.advance(Duration::from_hours(1));
    let again = post(&function, &body, "key-1").await;
    assert!(again.0 == 201 && again != first, "{again:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_organizations_own() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T10:00:00Z");
    let function = Function::new(&system, clock.clock());
    let other = function.for_org("other");
    let first = post(&function, &new_export(ORG, "exp-1"), "key").await;
    let second = post(&other, &new_export("other", "exp-1"), "key").await;
    assert!(first.0 == 201 && second.0 == 201 && first != second);
    assert_eq!((total(&function).await, total(&other).await), (1, 1));
    let long = "x".repeat(256);
    for key in ["", "a b", &long] {
        let refused = post(&function, &new_export(ORG, "exp-2"), key).await;
        assert_eq!(code(&refused), (400, json!("validation_error")), "{key:?}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_done_and_all_are_answered_alike() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T10:00:00Z");
    let function = Function::new(&system, clock.clock());
    for round in 0..10 {
        let (body, key) = (new_export(ORG, &format!("exp-{round}")), format!("key-{round}"));
        let answers = join_all((0..8).map(|_| post(&function, &body, &key))).await;
        assert!(answers.iter().all(|answer| answer.0 == 201 && *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(total(&function).await, 10);
    system.stop().await;
}
