use serde_json::json;
use sporlog_model::{Clock, Instant};

use super::{Cases, assert_timestamp, entry, ids, nth, numbers, pagination, rows};

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_entry_is_answered_as_the_log_then_shows_it() {
    let cases = Cases::start().await;
    let before = Clock::system().now();
    let sent = json!({
        "user": "Bjørn Åse", "entity_type": "kyc_document", "action": "DOCUMENT_ADDED", "field": "passport", "old_value": "",
        "new_value": "line one\nline \"two\" \u{1f600}\u{0}", "reason": "renewal", "timestamp": "2025-03-10T10:15:00.1239+01:00",
        "id": 7, "unknown": {"ignored": true},
    });
    let answer = cases.post("42", &sent).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (201, &"application/json".parse().unwrap()));
    let body = answer.json();
    let row = json!({
        "id": 1, "user": "Bjørn Åse", "entity_type": "kyc_document", "action": "DOCUMENT_ADDED", "field": "passport",
        "old_value": "", "new_value": "line one\nline \"two\" \u{1f600}\u{0}", "reason": "renewal",
        "timestamp": "2025-03-10T09:15:00.123Z",
    });
    let meta = json!({"api_version": "v1", "timestamp": body["meta"]["timestamp"]});
    assert_eq!(body, json!({"data": [row], "meta": meta}));
    assert_timestamp(&body["meta"]["timestamp"]);
    assert_eq!(rows(&cases.page("42", "").await), std::slice::from_ref(&row));
    assert_eq!(rows(&cases.page("42", "?action=DOCUMENT_ADDED").await), [row]);

    // Without an instant it happened when it came, which is what the answer's `meta` says.
    let body = cases.post("42", &entry("ANSWER_SAVED")).await.json();
    let row = &rows(&body)[0];
    assert_eq!(row["timestamp"], body["meta"]["timestamp"]);
    let at = Instant::parse(row["timestamp"].as_str().unwrap()).unwrap();
    assert!(at.since(before).as_secs() < 60 && before.since(at).as_millis() <= 1);
    for absent in ["field", "old_value", "new_value", "reason"] {
        assert!(row[absent].is_null(), "{absent}");
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn entries_have_the_order_in_which_they_were_sent_whatever_their_dates() {
    let cases = Cases::start().await;
    let mut entries: Vec<_> = (0..40).map(nth).collect();
    for (number, entry) in entries.iter_mut().enumerate() {
        entry["timestamp"] = json!(format!("20{:02}-01-01T00:00:00Z", (number * 7) % 25));
    }
    let answer = cases.post("42", &json!({"entries": entries, "user": "ignored beside the list"})).await.json();
    assert_eq!(numbers(&answer), (0..40).collect::<Vec<_>>());
    assert_eq!(ids(&answer), (1..=40).collect::<Vec<_>>());
    cases.append("42", &nth(40)).await;
    let page = cases.page("42", "?page_size=100").await;
    assert_eq!(numbers(&page), (0..41).rev().collect::<Vec<_>>());
    assert_eq!(ids(&page), (1..=41).rev().collect::<Vec<_>>());
    let searches = cases.page("42", "?page_size=100&action=SANCTIONS_SEARCH").await;
    assert_eq!(numbers(&searches), (0..41).rev().filter(|number| number % 3 == 0).collect::<Vec<_>>());
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn one_wrong_entry_keeps_all_out() {
    let cases = Cases::start().await;
    cases.fill("42", 5).await;
    let mut entries: Vec<_> = (0..40).map(nth).collect();
    entries[39]["action"] = json!("lower");
    assert_eq!(cases.post("42", &json!({"entries": entries})).await.status, 422);
    assert_eq!(pagination(&cases.page("42", "").await).2, 5);
    // The next id shows that not even one was taken.
    assert_eq!(ids(&json!({"data": cases.append("42", &nth(5)).await})), [6]);
    cases.system.stop().await;
}
