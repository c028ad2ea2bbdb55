use serde_json::{Value, json};

use super::{Cases, assert_timestamp, entry};

fn status(new_value: Option<&str>, timestamp: &str) -> Value {
    let mut status = entry("STATUS_CHANGED");
    status["new_value"] = json!(new_value);
    status["timestamp"] = json!(timestamp);
    status
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_statuses_are_told_oldest_first() {
    let cases = Cases::start().await;
    cases.append("42", &entry("ANSWER_SAVED")).await;
    cases.append("42", &status(Some("PENDING_REVIEW"), "2025-01-01T00:00:00Z")).await;
    // Without a new value it tells of no status.
    cases.append("42", &status(None, "2025-01-02T00:00:00Z")).await;
    cases.fill("42", 4).await;
    let two = [status(Some("REVIEWED"), "2025-03-10T09:15:00Z"), status(Some(""), "2025-03-11T09:15:00.5Z")];
    cases.append("42", &json!({"entries": two})).await;
    cases.append("43", &status(Some("OTHER"), "2025-01-01T00:00:00Z")).await;
    let body = cases.get("42/status-history?page=7&page_size=x").await.json();
    assert_timestamp(&body["meta"]["timestamp"]);
    assert_eq!(
        body,
        json!({
            "data": [
                {"status": "PENDING_REVIEW", "changed_at": "2025-01-01T00:00:00.000Z"},
                {"status": "REVIEWED", "changed_at": "2025-03-10T09:15:00.000Z"},
                {"status": "", "changed_at": "2025-03-11T09:15:00.500Z"},
            ],
            "meta": {"api_version": "v1", "timestamp": body["meta"]["timestamp"]},
        })
    );
    cases.system.stop().await;
}
