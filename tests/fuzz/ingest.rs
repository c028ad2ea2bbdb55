//! Whatever Lambda hands to `ingest` in the envelopes of Kafka, SQS and plain batches.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::{Ingest, IngestResponse};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sporlog_model::{Clock, EntityType};

use super::{any_json, for_all, hostile_text, near};
use crate::harness::{FolioEvent, SAMPLES, System, in_batch, kafka_record, topic};

/// A function of a system of its own, called in this process: a panic in it is one of the test.
struct Scene {
    runtime: tokio::runtime::Runtime,
    system: System,
    function: Ingest,
}

impl Scene {
    fn set() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let system = runtime.block_on(System::start());
        let queue = runtime.block_on(system.queue_url("DeadLetterQueue"));
        let environment = system.environment_of("IngestFunction", &[("DEAD_LETTER_QUEUE_URL", &queue)]);
        let function = Ingest::from_environment(&environment, Clock::system()).unwrap();
        Self { runtime, system, function }
    }

    /// What the function answers; an error is that of an event it cannot read.
    fn handle(&self, event: &str) -> Result<IngestResponse, String> {
        let event = RawValue::from_string(event.to_owned()).unwrap();
        let handled = self.runtime.block_on(self.function.handle(event));
        handled.map_err(|error| format!("{}: {}", error.error_type, error.error_message))
    }

    fn stop(self) {
        self.runtime.block_on(self.system.stop());
    }
}

/// The real events of `events/` and of FOLIO.
fn samples() -> Vec<Vec<u8>> {
    SAMPLES.iter().map(|(_, payload)| payload.as_bytes().to_vec()).collect()
}

/// The text of bytes that were made of text.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => near(samples()),
        1 => any_json().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

fn tenants() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just("diku".to_owned()), 1 => hostile_text()]
}

fn topics() -> impl Strategy<Value = String> {
    let known = (tenants(), 0..EntityType::ALL.len()).prop_map(|(tenant, kind)| topic(&tenant, EntityType::ALL[kind]));
    prop_oneof![4 => known, 1 => hostile_text()]
}

/// A record of Kafka, more or less.
fn kafka_records() -> impl Strategy<Value = String> {
    let header = prop_oneof![
        tenants().prop_map(|tenant| json!({"x-okapi-tenant": tenant.bytes().map(|byte| i64::from(byte.cast_signed())).collect::<Vec<_>>()})),
        tenants().prop_map(|tenant| json!({"X-Okapi-Tenant": STANDARD.encode(tenant)})),
        hostile_text().prop_map(|text| json!({"X-Okapi-Tenant": text})),
        prop::collection::vec(any::<i16>(), 0..20).prop_map(|bytes| json!({"x-okapi-tenant": bytes})),
        Just(json!({"x-okapi-tenant": null})),
    ];
    let record = (topics(), payloads(), prop::collection::vec(header, 0..3), any::<i64>()).prop_map(
        |(topic, value, headers, offset)| {
            let mut record = kafka_record(&topic, 0, &value);
            record["headers"] = json!(headers);
            record["offset"] = json!(offset);
            record.to_string()
        },
    );
    let broken = (topics(), hostile_text()).prop_map(|(topic, value)| {
        let mut record = kafka_record(&topic, 0, b"");
        record["value"] = json!(value);
        record.to_string()
    });
    prop_oneof![6 => record, 1 => broken, 2 => any_json()]
}

/// An event of a plain batch, more or less.
fn batch_events() -> impl Strategy<Value = String> {
    let types = prop_oneof![
        4 => (0..EntityType::ALL.len()).prop_map(|kind| EntityType::ALL[kind].name().to_owned()),
        1 => hostile_text(),
    ];
    let payloads = prop_oneof![
        4 => prop::sample::select(samples()).prop_map(|bytes| lossy(&bytes)),
        4 => near(samples()).prop_map(|bytes| lossy(&bytes)).prop_filter("is JSON", |text| serde_json::from_str::<&RawValue>(text).is_ok()),
        1 => any_json(),
    ];
    let event = (tenants(), types, payloads).prop_map(|(tenant, kind, payload)| {
        format!(r#"{{"orgId":{},"type":{},"payload":{payload}}}"#, json!(tenant), json!(kind))
    });
    prop_oneof![6 => event, 1 => any_json()]
}

/// A good event that nobody has heard of.
fn fresh() -> FolioEvent {
    FolioEvent::of(EntityType::Order, &uuid::Uuid::new_v4().to_string())
}

fn handled(response: &IngestResponse) -> usize {
    response.stored + response.duplicates + response.skipped + response.rejected.len()
}

/// Each record is accounted for, none is to come again, and the good one in their midst is stored.
#[test]
fn whatever_kafka_brings_costs_its_neighbours_nothing() {
    let scene = Scene::set();
    for_all(&prop::collection::vec(kafka_records(), 0..5), |odd| {
        let good =
            kafka_record(&topic("diku", EntityType::Order), 7, fresh().payload().to_string().as_bytes()).to_string();
        let records: Vec<&str> = odd.iter().map(String::as_str).chain([good.as_str()]).collect();
        let event = format!(r#"{{"eventSource":"aws:kafka","records":{{"odd-0":[{}]}}}}"#, records.join(","));
        let response = scene.handle(&event).map_err(TestCaseError::fail)?;
        prop_assert_eq!(handled(&response), records.len(), "{:?}", &response);
        prop_assert!(response.batch_item_failures.is_empty(), "{:?}", &response);
        prop_assert!(response.stored >= 1, "{:?}", &response);
        Ok(())
    });
    scene.stop();
}

#[test]
fn whatever_a_batch_holds_costs_its_neighbours_nothing() {
    let scene = Scene::set();
    for_all(&prop::collection::vec(batch_events(), 0..5), |odd| {
        let good = in_batch("diku", EntityType::Order, &fresh().payload()).to_string();
        let events: Vec<&str> = odd.iter().map(String::as_str).chain([good.as_str()]).collect();
        let response = scene.handle(&format!(r#"{{"events":[{}]}}"#, events.join(","))).map_err(TestCaseError::fail)?;
        prop_assert_eq!(handled(&response), events.len(), "{:?}", &response);
        prop_assert!(response.stored >= 1, "{:?}", &response);
        Ok(())
    });
    scene.stop();
}

/// A message's body is one event, a batch, or whatever somebody put into the queue: S3 and EventBridge notifications among it.
#[test]
fn whatever_a_message_holds_costs_its_neighbours_nothing() {
    let notifications = [
        json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "../k", "size": 1}}}]}),
        json!({"version": "0", "source": "aws.events", "detail-type": "x", "detail": {"events": [{}]}}),
        json!({"events": [{"orgId": "diku", "type": "order", "payload": {}}]}),
    ];
    let bodies = prop_oneof![
        2 => batch_events(),
        2 => prop::collection::vec(batch_events(), 0..4).prop_map(|events| format!(r#"{{"events":[{}]}}"#, events.join(","))),
        2 => near(notifications.iter().map(|event| event.to_string().into_bytes()).collect()).prop_map(|bytes| lossy(&bytes)),
        1 => hostile_text(),
        1 => any_json(),
    ];
    let scene = Scene::set();
    for_all(&prop::collection::vec((hostile_text(), bodies), 0..5), |odd| {
        let good = in_batch("diku", EntityType::Order, &fresh().payload()).to_string();
        let odd: Vec<Value> = odd.iter().map(|(id, body)| json!({"messageId": id, "body": body})).collect();
        let messages: Vec<Value> = odd.into_iter().chain([json!({"messageId": "good", "body": good})]).collect();
        let response = scene.handle(&json!({"Records": messages}).to_string()).map_err(TestCaseError::fail)?;
        prop_assert!(response.batch_item_failures.is_empty(), "{:?}", &response);
        prop_assert!(response.stored >= 1, "{:?}", &response);
        Ok(())
    });
    scene.stop();
}

/// The envelope itself: it is read, or refused as one that is not known; never anything else.
#[test]
fn whatever_the_envelope_is_it_is_read_or_refused() {
    let real = ["ingest-kafka-msk", "ingest-kafka-self-managed", "ingest-sqs", "ingest-batch"];
    let read = |name: &&str| std::fs::read(format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let events =
        prop_oneof![4 => near(real.iter().map(read).collect()).prop_map(|bytes| lossy(&bytes)), 1 => any_json()];
    let scene = Scene::set();
    for_all(&events, |event| {
        // Lambda hands over JSON and nothing else.
        if serde_json::from_str::<&RawValue>(&event).is_err() {
            return Ok(());
        }
        match scene.handle(&event) {
            Ok(response) => prop_assert!(response.batch_item_failures.is_empty(), "{response:?}"),
            Err(error) => prop_assert!(error.starts_with("UnknownEvent: "), "{error}"),
        }
        Ok(())
    });
    scene.stop();
}
