//! What settings do to the rest.

use std::sync::Arc;
use std::time::Duration;

use ingest::Ingest;
use serde_json::{Value, json};
use sporlog_local::functions::{self, Function};
use sporlog_model::{EntityType, folio};

use super::{set, setting};
use crate::harness::{
    Caller, Fault, Faults, FolioEvent, ManualClock, Meter, System, kafka_event, kafka_record, scope_of, topic,
};

const ENTITY: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
const GROUP: &str = "audit.acquisition";

/// How long a change may take to act.
const SOON: Duration = Duration::from_secs(5);

fn order(number: usize) -> FolioEvent {
    FolioEvent {
        id: format!("{number:08x}-0000-4000-8000-000000000000"),
        ..FolioEvent::nth(EntityType::Order, ENTITY, number)
    }
}

/// How many events an order has.
async fn total(system: &System, org: &str) -> Value {
    let path = format!("/audit-data/acquisition/order/{ENTITY}?limit=0");
    system.get(&Caller::auditor(org), &path).await.json()["totalItems"].clone()
}

/// `ingest` with a clock of its own, and maybe a way of its own to the table.
async fn ingest(system: &System, clock: &ManualClock, own: &[(&str, &str)]) -> Ingest {
    let queue = system.queue_url("DeadLetterQueue").await;
    let own = [&[("DEAD_LETTER_QUEUE_URL", queue.as_str())], own].concat();
    Ingest::from_environment(&system.environment_of("IngestFunction", &own), clock.clock()).unwrap()
}

async fn handle(ingest: &Ingest, event: &Value) -> Value {
    serde_json::to_value(ingest.handle(serde_json::value::to_raw_value(event).unwrap()).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_group_that_is_switched_off_are_handled_and_not_stored() {
    let system = System::start().await;
    set(&system, "diku", GROUP, "enabled", json!(false)).await;
    let payload = |number| order(number).payload().to_string();
    let record = |org, number| kafka_record(&topic(org, EntityType::Order), number, payload(number).as_bytes());
    let kafka = kafka_event(vec![record("diku", 1), record("other", 2), record("diku", 3)]);
    let skipped = |skipped: usize, stored: usize| json!({"stored": stored, "duplicates": 0, "skipped": skipped, "rejected": [], "batchItemFailures": []});
    assert_eq!(system.invoke("IngestFunction", &kafka).await, skipped(2, 1));
    let message = |number| json!({"messageId": "m", "body": order(number).in_batch("diku").to_string()});
    assert_eq!(system.invoke("IngestFunction", &json!({"Records": [message(4)]})).await, skipped(1, 0));
    assert_eq!(system.ingest(vec![order(5).in_batch("diku"), order(6).in_batch("other")]).await, skipped(1, 1));
    assert_eq!((total(&system, "diku").await, total(&system, "other").await), (json!(0), json!(2)));
    // What is no event is still one for the queue of those.
    let rejected = system.ingest(vec![json!({"orgId": "diku", "type": "order", "payload": {}})]).await;
    assert_eq!(rejected["rejected"].as_array().map(Vec::len), Some(1), "{rejected}");
    system.dead_letters(1).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_switched_off_and_on_follows_within_seconds() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let ingest = ingest(&system, &clock, &[]).await;
    let sent = async |number| handle(&ingest, &json!({"events": [order(number).in_batch("diku")]})).await;
    let told = |answer: &Value| (answer["stored"].clone(), answer["skipped"].clone());
    assert_eq!(told(&sent(1).await), (json!(1), json!(0)));
    for (number, enabled, expected) in [(2, false, (0, 1)), (3, true, (1, 0)), (4, false, (0, 1)), (5, true, (1, 0))] {
        set(&system, "diku", GROUP, "enabled", json!(enabled)).await;
        clock.advance(SOON);
        assert_eq!(told(&sent(number).await), (json!(expected.0), json!(expected.1)), "{number}");
    }
    // What was skipped is not remembered: sent again, it is new.
    assert_eq!(told(&sent(2).await), (json!(1), json!(0)));
    assert_eq!(told(&sent(3).await), (json!(0), json!(0)), "known");
    assert_eq!(total(&system, "diku").await, 4);
    system.stop().await;
}

/// A clock that is set back must not make what was read good for ever.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_again_after_two_seconds_and_when_the_clock_goes_back() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:10Z");
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let ingest = ingest(&system, &clock, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    let queries = || faults.operations().iter().filter(|operation| operation.contains("Query")).count();
    for (number, at, expected) in
        [(1, "00:00:10Z", 1), (2, "00:00:11.999999Z", 1), (3, "00:00:12Z", 2), (4, "00:00:05Z", 3), (5, "00:00:06Z", 3)]
    {
        clock.set(&format!("2026-11-20T{at}"));
        // Another entity each: no event depends on one before.
        let events: Vec<Value> = (0..5)
            .map(|entity| {
                let entity = format!("{entity:08x}-0000-4000-8000-{number:012x}");
                FolioEvent::nth(EntityType::Piece, &entity, number).in_batch("diku")
            })
            .collect();
        handle(&ingest, &json!({"events": events})).await;
        assert_eq!(queries(), expected, "{at}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_whose_settings_cannot_be_read_are_delivered_again() {
    let system = System::start().await;
    set(&system, "diku", GROUP, "enabled", json!(false)).await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let ingest = ingest(&system, &clock, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    let records = (1..4).map(|number| {
        kafka_record(&topic("diku", EntityType::Order), number, order(number).payload().to_string().as_bytes())
    });
    let event = kafka_event(records.collect());
    // As often as the client tries: once for all three.
    faults.on("Query", [Fault::InternalError; 4]);
    let answer = handle(&ingest, &event).await;
    assert_eq!((answer["batchItemFailures"].as_array().map(Vec::len), faults.clear()), (Some(3), 0), "{answer}");
    assert_eq!((&answer["stored"], &answer["skipped"]), (&json!(0), &json!(0)));
    assert_eq!(handle(&ingest, &event).await["skipped"], 3);
    system.dead_letters(0).await;
    system.stop().await;
}

/// `acquisition-audit` with a clock and a way to the table of its own.
struct Reads {
    function: Arc<dyn Function>,
}

impl Reads {
    fn of(system: &System, clock: &ManualClock, endpoint: Option<&str>) -> Self {
        let own: Vec<_> = endpoint.map(|endpoint| ("AWS_ENDPOINT_URL_DYNAMODB", endpoint)).into_iter().collect();
        Self {
            function: functions::http(
                acquisition_audit::router(&system.environment_of("AcquisitionAuditFunction", &own), clock.clock())
                    .unwrap(),
            ),
        }
    }

    async fn read(&self, query: &str, format: Option<&str>) -> Value {
        let mut event: Value = serde_json::from_str(include_str!("../../events/acquisition-audit.json")).unwrap();
        event["rawQueryString"] = json!(query);
        event["queryStringParameters"] = Value::Null;
        if let Some(format) = format {
            event["headers"]["x-snapshot-format"] = json!(format);
        }
        let answer = self.function.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    /// The snapshot of the newest event.
    async fn snapshot(&self, format: Option<&str>) -> Value {
        let answer = self.read("limit=1", format).await;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        body["orderAuditEvents"][0]["orderSnapshot"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_shown_as_the_organization_has_set_unless_the_header_says_so() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let reads = Reads::of(&system, &clock, None);
    let event = order(1);
    system.ingest(vec![event.in_batch("diku")]).await;
    let plain = event.snapshot.clone();
    let wrapped = json!({"map": event.snapshot, "empty": false});
    for (set_to, expected) in
        [(None, &plain), (Some("wrapped"), &wrapped), (Some("plain"), &plain), (Some("wrapped"), &wrapped)]
    {
        if let Some(format) = set_to {
            set(&system, "diku", GROUP, "snapshot.format", json!(format)).await;
            // Another organization's does not matter.
            let other = if format == "plain" { "wrapped" } else { "plain" };
            set(&system, "other", GROUP, "snapshot.format", json!(other)).await;
            clock.advance(SOON);
        }
        assert_eq!(&reads.snapshot(None).await, expected);
        assert_eq!(reads.snapshot(Some("plain")).await, plain);
        assert_eq!(reads.snapshot(Some("wrapped")).await, wrapped);
    }
    system.stop().await;
}

/// Also of a piece's status changes, through the whole system.
#[tokio::test(flavor = "multi_thread")]
async fn every_read_follows_the_setting() {
    let system = System::start().await;
    set(&system, "diku", GROUP, "snapshot.format", json!("wrapped")).await;
    let caller = Caller::auditor("diku");
    let mut paths: Vec<String> =
        EntityType::ACQUISITION.map(|kind| format!("/audit-data/acquisition/{kind}/{ENTITY}")).to_vec();
    paths.push(format!("/audit-data/acquisition/piece/{ENTITY}/status-change-history"));
    for kind in EntityType::ACQUISITION {
        let event = FolioEvent { snapshot: json!({"receivingStatus": "Late"}), ..FolioEvent::nth(kind, ENTITY, 1) };
        system.ingest(vec![event.in_batch("diku")]).await;
    }
    for path in paths {
        let text = system.get(&caller, &path).await.text().to_owned();
        assert!(text.contains(r#"Snapshot":{"map":{"receivingStatus":"Late"},"empty":false}"#), "{path}: {text}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_setting_cannot_be_read_fails_and_does_not_guess() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let faults = Faults::before(&system.stack).await;
    let reads = Reads::of(&system, &clock, Some(&format!("http://{}", faults.address)));
    // A page without rows takes the total only, which is no query.
    faults.on("Query", [Fault::InternalError; 4]);
    assert_eq!(reads.read("limit=0", Some("plain")).await["statusCode"], 200);
    assert_eq!(reads.read("limit=0", None).await["statusCode"], 503);
    assert_eq!((faults.clear(), &reads.read("limit=0", None).await["statusCode"]), (0, &json!(200)));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_adds_what_is_stored_of_its_group_to_one_read_in_two_seconds() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let meter = Meter::before(system.stack.dynamodb).await;
    let reads = Reads::of(&system, &clock, Some(&format!("http://{}", meter.address)));
    for number in 0..10 {
        let payload = order(number).payload().to_string();
        let event = folio::parse_event(EntityType::Order, payload.as_bytes()).unwrap();
        system.stack.store.append(&scope_of("diku"), &event).await.unwrap();
    }
    let cost = async |format| {
        reads.read("limit=10", format).await;
        meter.take()
    };
    let alone = cost(Some("plain")).await;
    assert_eq!(alone, 11, "ten events and their number");
    assert_eq!(cost(None).await, alone, "a setting as shipped is stored nowhere");
    for (key, value) in
        [("snapshot.format", json!("wrapped")), ("enabled", json!(true)), ("records.retention.period", json!(9))]
    {
        set(&system, "diku", GROUP, key, value).await;
    }
    assert_eq!(cost(None).await, alone, "known");
    clock.advance(SOON);
    assert_eq!((cost(None).await, cost(None).await), (alone + 3, alone));
    assert_eq!(setting(&system, "diku", GROUP, "enabled").await["value"], true);
    system.stop().await;
}
