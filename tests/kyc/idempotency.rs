use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Cases, assert_error, nth, pagination};
use crate::harness::Answer;

pub(super) async fn post(cases: &Cases, case: &str, name: &str, body: &str) -> Answer {
    let path = format!("/api/v1/kyc/cases/{case}/audit-log");
    let headers = [("x-api-key", cases.key.as_str()), ("content-type", "application/json"), ("idempotency-key", name)];
    cases.system.send("POST", &path, &headers, Some(body.to_owned())).await
}

fn entries(count: usize) -> Value {
    json!({"entries": (0..count).map(nth).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_named_request_that_comes_again_is_answered_as_before_byte_for_byte() {
    let cases = Cases::start().await;
    let body = entries(40);
    let first = post(&cases, "42", "one", &body.to_string()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    cases.fill("42", 3).await;
    for again in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
        let again = post(&cases, "42", "one", &again).await;
        assert_eq!((again.status, again.text()), (201, first.text()));
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    assert_eq!(pagination(&cases.page("42", "").await).2, 43);
    // Under another name it is another request.
    assert_ne!(post(&cases, "42", "two", &body.to_string()).await.text(), first.text());
    assert_eq!(pagination(&cases.page("42", "").await).2, 83);
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_name_is_for_one_request() {
    let cases = Cases::start().await;
    let body = nth(1).to_string();
    assert_eq!(post(&cases, "42", "one", &body).await.status, 201);
    let message = "The Idempotency-Key was used for another request";
    for (case, other) in
        [("42", nth(2).to_string()), ("43", body.clone()), ("42", json!({"entries": [nth(1)]}).to_string())]
    {
        assert_error(&post(&cases, case, "one", &other).await, 422, "idempotency_key_reused", message);
    }
    // A request that was refused has not used its name; names of another organization are its own.
    assert_eq!(post(&cases, "42", "two", "{}").await.status, 422);
    assert_eq!(post(&cases, "42", "two", &body).await.status, 201);
    assert_eq!(cases.get("43/audit-log").await.status, 404);
    let other = Cases { key: cases.system.api_key("other", &["kyc:write"]).await, system: cases.system };
    assert_eq!(post(&other, "42", "one", &nth(9).to_string()).await.status, 201);
    other.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_named_request_that_comes_ten_times_at_once_is_done_once() {
    let cases = Cases::start().await;
    let body = entries(7).to_string();
    let answers = join_all((0..10).map(|_| post(&cases, "42", "one", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (201, answers[0].text()));
    }
    assert_eq!(pagination(&cases.page("42", "").await).2, 7);
    cases.system.stop().await;
}
