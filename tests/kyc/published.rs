use serde_json::{Value, json};

use super::{Cases, assert_timestamp, nth, pagination, rows};

/// The two rows of the published example.
fn published() -> [Value; 2] {
    [
        json!({
            "id": 501, "user": "Martin Hansen", "entity_type": "kyc_case", "action": "STATUS_CHANGED", "field": "status",
            "old_value": "PENDING_REVIEW", "new_value": "REVIEWED", "reason": null, "timestamp": "2025-03-10T09:15:00.000Z",
        }),
        json!({
            "id": 495, "user": "Anna Jensen", "entity_type": "kyc_answer", "action": "ANSWER_SAVED", "field": "value",
            "old_value": null, "new_value": "YES", "reason": null, "timestamp": "2025-02-10T11:30:00.000Z",
        }),
    ]
}

/// What is sent for a row.
fn sent(row: &Value) -> Value {
    let mut sent = row.clone();
    sent.as_object_mut().unwrap().remove("id");
    sent
}

/// Case 42 as the published page has it: 47 entries, of which the newest have those ids.
async fn case_42() -> Cases {
    let cases = Cases::start().await;
    let [newest, before] = published();
    cases.fill("42", 45).await;
    cases.fill("7", 449).await;
    assert_eq!(cases.append("42", &sent(&before)).await, [before]);
    cases.append("7", &json!({"entries": (0..5).map(nth).collect::<Vec<_>>()})).await;
    assert_eq!(cases.append("42", &sent(&newest)).await, [newest]);
    cases
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_published_example_is_answered_member_for_member() {
    let cases = case_42().await;
    let answer = cases.get("42/audit-log").await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let mut body = answer.json();
    assert_eq!(rows(&body)[..2], published());
    assert_timestamp(&body["meta"]["timestamp"]);
    body["data"].take();
    body["meta"]["timestamp"].take();
    assert_eq!(
        body,
        json!({
            "data": null,
            "pagination": {"page": 1, "page_size": 25, "total_count": 47, "total_pages": 2, "has_more": true},
            "meta": {"api_version": "v1", "timestamp": null},
        })
    );
    // Also in the order in which it is printed.
    let text = answer.text();
    let row = concat!(
        r#"{"data":[{"id":501,"user":"Martin Hansen","entity_type":"kyc_case","action":"STATUS_CHANGED","field":"status","#,
        r#""old_value":"PENDING_REVIEW","new_value":"REVIEWED","reason":null,"timestamp":"2025-03-10T09:15:00.000Z"},{"id":495,"#
    );
    assert!(text.starts_with(row), "{text}");
    let end = r#"],"pagination":{"page":1,"page_size":25,"total_count":47,"total_pages":2,"has_more":true},"meta":{"api_version":"v1","timestamp":""#;
    assert!(text.contains(end), "{text}");
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_published_calls_answer() {
    let cases = case_42().await;
    let searches = cases.page("42", "?action=SANCTIONS_SEARCH").await;
    assert_eq!(pagination(&searches), (1, 25, 15, 1, false));
    assert!(rows(&searches).iter().all(|row| row["action"] == "SANCTIONS_SEARCH"));
    assert_eq!(rows(&cases.page("42", "?page_size=50").await).len(), 47);
    assert_eq!(rows(&cases.page("42", "?action=STATUS_CHANGED").await), published()[..1]);
    let statuses = cases.get("42/status-history").await.json();
    assert_eq!(statuses["data"], json!([{"status": "REVIEWED", "changed_at": "2025-03-10T09:15:00.000Z"}]));
    cases.system.stop().await;
}
