use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::root;
use crate::harness::{Caller, System};

/// What a function must make of an event.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Answer,
    /// An answer that says that something is new.
    Created,
    /// The example's token is nobody's.
    Unauthorized,
    /// A FOLIO payload, which reaches `ingest` within an event.
    Payload(&'static str),
}

use Expected::{Answer, Created, Payload, Unauthorized};

/// Every file in `events/` and who receives it.
const EVENTS: [(&str, &str, Expected); 21] = [
    ("acquisition-audit.json", "AcquisitionAuditFunction", Answer),
    ("audit-config.json", "AuditConfigFunction", Answer),
    ("authorizer.json", "AuthorizerFunction", Unauthorized),
    ("bufdir-export-audit.json", "BufdirExportAuditFunction", Created),
    ("export-dispatch.json", "ExportDispatchFunction", Answer),
    ("export-run.json", "ExportRunFunction", Answer),
    ("ingest-batch.json", "IngestFunction", Answer),
    ("ingest-kafka-msk.json", "IngestFunction", Answer),
    ("ingest-kafka-self-managed.json", "IngestFunction", Answer),
    ("ingest-sqs.json", "IngestFunction", Answer),
    ("kyc-audit-log.json", "KycAuditLogFunction", Created),
    ("openapi.json", "OpenapiFunction", Answer),
    ("organizations.json", "OrganizationsFunction", Created),
    // Of the organization that the one before registers.
    ("audit-export.json", "AuditExportFunction", Created),
    ("retention.json", "RetentionFunction", Answer),
    ("folio/invoice-line.json", "IngestFunction", Payload("invoice-line")),
    ("folio/invoice.json", "IngestFunction", Payload("invoice")),
    ("folio/order-line.json", "IngestFunction", Payload("order-line")),
    ("folio/order.json", "IngestFunction", Payload("order")),
    ("folio/organization.json", "IngestFunction", Payload("organization")),
    ("folio/piece.json", "IngestFunction", Payload("piece")),
];

fn files_in(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.insert(path.strip_prefix(root().join("events")).unwrap().to_str().unwrap().to_owned());
        }
    }
    files
}

fn read(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("events").join(file)).unwrap()).unwrap()
}

#[test]
fn every_file_has_a_row_and_the_reverse() {
    assert_eq!(files_in(&root().join("events")), EVENTS.map(|(file, _, _)| file.to_owned()).into());
}

#[test]
fn every_function_has_an_event() {
    let functions = super::template().functions.into_iter().map(|function| function.logical_id);
    let with_event: BTreeSet<_> = EVENTS.iter().map(|(_, function, _)| (*function).to_owned()).collect();
    assert_eq!(functions.collect::<BTreeSet<_>>(), with_event);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_answered_by_its_function() {
    let system = System::start().await;
    for (file, function, expected) in EVENTS {
        match expected {
            Answer => {
                let answer = system.invoke(function, &read(file)).await;
                assert!(answer["statusCode"].as_u64().is_none_or(|status| status == 200), "{file}: {answer}");
                assert_eq!(answer.get("rejected").unwrap_or(&json!([])), &json!([]), "{file}");
                assert_eq!(answer.get("batchItemFailures").unwrap_or(&json!([])), &json!([]), "{file}");
            }
            Created => assert_eq!(system.invoke(function, &read(file)).await["statusCode"], 201, "{file}"),
            Unauthorized => {
                let error = system.try_invoke(function, &read(file)).await.unwrap_err();
                assert_eq!(error, json!({"errorType": "Unauthorized", "errorMessage": "Unauthorized"}), "{file}");
            }
            Payload(entity_type) => {
                let event = json!({"orgId": "samples", "type": entity_type, "payload": read(file)});
                assert_eq!(system.ingest(vec![event]).await["stored"], 1, "{file}");
            }
        }
    }
    system.stop().await;
}

/// With the example's token replaced by one that is somebody's.
#[tokio::test(flavor = "multi_thread")]
async fn the_authorizers_event_is_answered_with_the_principal_of_a_real_token() {
    let system = System::start().await;
    let token = system.token(&Caller::auditor("diku"));
    let mut event = read("authorizer.json");
    let header = event["identitySource"][0].take();
    let (name, _) = event["headers"].as_object().unwrap().iter().find(|(_, value)| **value == header).unwrap();
    let name = name.clone();
    event["headers"][&name] = json!(token);
    event["identitySource"][0] = json!(token);
    let answer = system.invoke("AuthorizerFunction", &event).await;
    assert_eq!(answer["isAuthorized"], true);
    let principal: Value = serde_json::from_str(answer["context"]["principal"].as_str().unwrap()).unwrap();
    assert_eq!((&principal["org"], &principal["scopes"]), (&json!("diku"), &json!(["audit.all"])));
    system.stop().await;
}
