//! The main job, once through everything.

use serde_json::{Value, json};

use crate::harness::{Caller, SAMPLES, System};

#[tokio::test(flavor = "multi_thread")]
async fn folio_samples_come_back_as_histories_and_reach_the_bucket() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let events: Vec<Value> = SAMPLES
        .iter()
        .map(|(entity_type, payload)| {
            json!({"orgId": "diku", "type": entity_type.name(), "payload": serde_json::from_str::<Value>(payload).unwrap()})
        })
        .collect();
    let first = system.ingest(events.clone()).await;
    assert_eq!(first, json!({"stored": 6, "duplicates": 0, "skipped": 0, "rejected": [], "batchItemFailures": []}));
    let again = system.ingest(events).await;
    assert_eq!(again["duplicates"], 6);

    for (entity_type, payload) in SAMPLES {
        let sent: Value = serde_json::from_str(payload).unwrap();
        let id = sent[sporlog_model::folio::entity_id_member(entity_type)].as_str().unwrap();
        let answer = system.get(&Caller::auditor("diku"), &format!("/audit-data/acquisition/{entity_type}/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["totalItems"], 1);
        let snapshot = sporlog_model::folio::snapshot_member(entity_type);
        let events = answer.as_object().unwrap().values().find_map(Value::as_array).unwrap();
        assert_eq!(events[0][snapshot], sent[snapshot]);
    }

    assert_eq!(system.export("diku").await["eventCount"], 6);
    assert_eq!(system.exported_lines(&bucket).len(), 6);
    system.stop().await;
}
