use serde_json::json;

use super::idempotency;
use super::{Cases, ORG, nth};
use crate::harness::Caller;

/// Acknowledged and not stored; what was named and answered before is answered as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_switched_off_takes_nothing() {
    let cases = Cases::start().await;
    let first = idempotency::post(&cases, "42", "first", &nth(0).to_string()).await;
    assert_eq!(first.status, 201);

    let path = "/audit/config/groups/audit.kyc/settings/enabled";
    let token = cases.system.token(&Caller::with(ORG, &["audit.config.all"]));
    let headers = [("x-okapi-tenant", ORG), ("x-okapi-token", &token), ("content-type", "application/json")];
    let body = json!({"key": "enabled", "value": false, "type": "BOOLEAN"}).to_string();
    assert_eq!(cases.system.send("PUT", path, &headers, Some(body)).await.status, 204);
    // What the function read of the setting for the first entry is good for two seconds.
    let switched_off = async {
        while cases.post("42", &nth(1)).await.status != 202 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), switched_off).await.unwrap();

    let count = async || cases.get("42/audit-log").await.json()["pagination"]["total_count"].as_u64().unwrap();
    let before = count().await;
    let answer = cases.post("42", &json!({"entries": [nth(2), nth(3)]})).await;
    assert_eq!((answer.status, &answer.json()["data"]), (202, &json!([])));
    assert_eq!(count().await, before);
    let again = idempotency::post(&cases, "42", "first", &nth(0).to_string()).await;
    assert_eq!((again.status, again.bytes), (201, first.bytes));
    // A body that is wrong is told so all the same.
    assert_eq!(cases.post("42", &json!({"action": "lower"})).await.status, 422);
    cases.system.stop().await;
}
