use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sporlog_local::template::{AuthorizerSpec, FunctionSpec};

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

/// What else is in the folder: the page about it, and the environment of functions that run on this machine by themselves.
const NO_EVENTS: [&str; 2] = ["README.md", "env.json"];

/// Every event in `events/` and who receives it.
const EVENTS: [(&str, &str, Expected); 25] = [
    ("acquisition-audit.json", "AcquisitionAuditFunction", Answer),
    ("audit-config.json", "AuditConfigFunction", Answer),
    ("authorizer-api-key.json", "AuthorizerFunction", Unauthorized),
    ("authorizer-bearer.json", "AuthorizerFunction", Unauthorized),
    ("authorizer-okapi.json", "AuthorizerFunction", Unauthorized),
    ("bufdir-export-audit.json", "BufdirExportAuditFunction", Created),
    ("export-dispatch.json", "ExportDispatchFunction", Answer),
    ("export-run.json", "ExportRunFunction", Answer),
    ("export-run-manual.json", "ExportRunFunction", Answer),
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
    ("retention-schedule.json", "RetentionFunction", Answer),
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
    let files = EVENTS.map(|(file, _, _)| file).into_iter().chain(NO_EVENTS).map(ToOwned::to_owned);
    assert_eq!(files_in(&root().join("events")), files.collect());
}

#[test]
fn every_function_has_an_event() {
    let functions = super::template().functions.into_iter().map(|function| function.logical_id);
    let with_event: BTreeSet<_> = EVENTS.iter().map(|(_, function, _)| (*function).to_owned()).collect();
    assert_eq!(functions.collect::<BTreeSet<_>>(), with_event);
}

/// The events of a function that the rest of the system starts as its template and its callers say, with a name for each way.
fn triggers(function: &FunctionSpec, authorizers: &BTreeMap<String, AuthorizerSpec>) -> BTreeSet<String> {
    let mut triggers = BTreeSet::new();
    triggers.extend((!function.routes.is_empty()).then(|| "request".to_owned()));
    let asking = authorizers.values().filter(|spec| spec.function == function.logical_id);
    triggers.extend(asking.map(|spec| format!("who sends {}", spec.identity_header)));
    triggers.extend((!function.schedules.is_empty()).then(|| "schedule".to_owned()));
    triggers.extend((!function.queue_sources.is_empty()).then(|| "SQS".to_owned()));
    // What no list of the template tells: the sources that only a deployed stack has, and who invokes it asynchronously.
    triggers.extend(
        match function.logical_id.as_str() {
            "IngestFunction" => vec!["Kafka", "SelfManagedKafka", "batch"],
            "ExportRunFunction" => vec!["run by schedule", "run by manual"],
            "RetentionFunction" => vec!["period"],
            _ => Vec::new(),
        }
        .into_iter()
        .map(str::to_owned),
    );
    triggers
}

/// Which of those an event is.
fn trigger(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    if let Some(source) = event.get("identitySource") {
        let headers = event["headers"].as_object().unwrap().iter();
        let of: Vec<_> = headers.filter(|(_, value)| **value == source[0]).map(|(name, _)| name.as_str()).collect();
        return format!("who sends {}", of.join(" and "));
    }
    match event {
        _ if event.get("requestContext").is_some() => "request".to_owned(),
        _ if event["source"] == "aws.scheduler" => "schedule".to_owned(),
        _ if event.get("Records").is_some() => "SQS".to_owned(),
        _ if event.get("records").is_some() => text(&event["eventSource"]).replace("aws:kafka", "Kafka"),
        _ if event.get("events").is_some() => "batch".to_owned(),
        _ if event.get("trigger").is_some() => format!("run by {}", text(&event["trigger"])),
        _ => "period".to_owned(),
    }
}

#[test]
fn every_trigger_of_every_function_has_one_event() {
    let template = super::template();
    for function in &template.functions {
        let events =
            EVENTS.iter().filter(|(_, name, expected)| *name == function.logical_id && !matches!(expected, Payload(_)));
        let events: Vec<String> = events.map(|(file, _, _)| trigger(&read(file))).collect();
        let distinct: BTreeSet<String> = events.iter().cloned().collect();
        assert_eq!(distinct.len(), events.len(), "{}: {events:?}", function.logical_id);
        assert_eq!(distinct, triggers(function, &template.authorizers), "{}", function.logical_id);
    }
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

/// With the example's credential replaced by one that is somebody's.
#[tokio::test(flavor = "multi_thread")]
async fn the_authorizers_events_are_answered_with_the_principal_of_a_real_credential() {
    let system = System::start().await;
    let token = system.token(&Caller::auditor("diku"));
    let key = system.api_key("diku", &["kyc:read"]).await;
    for (file, credential, scope) in [
        ("authorizer-okapi.json", token.clone(), "audit.all"),
        ("authorizer-bearer.json", format!("Bearer {token}"), "audit.all"),
        ("authorizer-api-key.json", key, "kyc:read"),
    ] {
        let mut event = read(file);
        let header = event["identitySource"][0].take();
        let (name, _) = event["headers"].as_object().unwrap().iter().find(|(_, value)| **value == header).unwrap();
        let name = name.clone();
        event["headers"][&name] = json!(credential);
        event["identitySource"][0] = json!(credential);
        let answer = system.invoke("AuthorizerFunction", &event).await;
        assert_eq!(answer["isAuthorized"], true, "{file}");
        let principal: Value = serde_json::from_str(answer["context"]["principal"].as_str().unwrap()).unwrap();
        assert_eq!((&principal["org"], &principal["scopes"]), (&json!("diku"), &json!([scope])), "{file}");
    }
    system.stop().await;
}
