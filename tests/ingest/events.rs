//! The files in `events/`: one real event of each trigger, with all that AWS documents for it.

use serde_json::{Value, json};
use sporlog_model::folio;

use super::{history, ids, response};
use crate::harness::{SAMPLES, System};

/// Each carries FOLIO's six samples of the tenant `diku`.
const FILES: [(&str, &str); 4] = [
    ("ingest-kafka-msk.json", include_str!("../../events/ingest-kafka-msk.json")),
    ("ingest-kafka-self-managed.json", include_str!("../../events/ingest-kafka-self-managed.json")),
    ("ingest-sqs.json", include_str!("../../events/ingest-sqs.json")),
    ("ingest-batch.json", include_str!("../../events/ingest-batch.json")),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_source_stores_the_same_events_once() {
    for (first, (name, _)) in FILES.iter().enumerate() {
        let system = System::start().await;
        let bucket = system.enable_export("diku").await;
        for round in 0..FILES.len() {
            let (later, event) = FILES[(first + round) % FILES.len()];
            let event: Value = serde_json::from_str(event).unwrap();
            let expected = if round == 0 { response(6, 0, &[]) } else { response(0, 6, &[]) };
            assert_eq!(system.invoke("IngestFunction", &event).await, expected, "{name}, then {later}");
        }
        for (entity_type, payload) in SAMPLES {
            let sent: Value = serde_json::from_str(payload).unwrap();
            let (event_id, entity_id) = ids(entity_type, &sent);
            let events = history(&system, "diku", entity_type, &entity_id).await;
            assert_eq!(events.len(), 1, "{name}");
            let snapshot = folio::snapshot_member(entity_type);
            assert_eq!((&events[0]["id"], &events[0][snapshot]), (&json!(event_id), &sent[snapshot]), "{name}");
        }
        assert_eq!(system.export("diku").await["eventCount"], 6);
        assert_eq!(system.exported_lines(&bucket).len(), 6);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_have_every_member_that_aws_documents() {
    let file = |name: &str| -> Value {
        serde_json::from_str(FILES.iter().find(|(known, _)| *known == name).unwrap().1).unwrap()
    };
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    for (name, expected) in [
        ("ingest-kafka-msk.json", "bootstrapServers eventSource eventSourceArn records"),
        ("ingest-kafka-self-managed.json", "bootstrapServers eventSource records"),
    ] {
        let event = file(name);
        assert_eq!(members(&event), expected);
        for (partition, records) in event["records"].as_object().unwrap() {
            for record in records.as_array().unwrap() {
                assert_eq!(members(record), "headers key offset partition timestamp timestampType topic value");
                assert_eq!(*partition, format!("{}-{}", record["topic"].as_str().unwrap(), record["partition"]));
            }
        }
    }
    for message in file("ingest-sqs.json")["Records"].as_array().unwrap() {
        assert_eq!(
            members(message),
            "attributes awsRegion body eventSource eventSourceARN md5OfBody messageAttributes messageId receiptHandle"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_kind_fails_the_invocation() {
    let system = System::start().await;
    for event in [json!({}), json!([]), json!("events"), json!({"Events": []}), json!({"events": {}}), json!(null)] {
        let error = system.try_invoke("IngestFunction", &event).await.unwrap_err();
        assert_eq!(error["errorType"], "UnknownEvent", "{event}: {error}");
    }
    for empty in
        [json!({"events": []}), json!({"Records": []}), json!({"records": {}}), json!({"records": {"t-0": []}})]
    {
        assert_eq!(system.invoke("IngestFunction", &empty).await, response(0, 0, &[]));
    }
    system.stop().await;
}
