//! `functions/ingest`: what Lambda hands it from Kafka, SQS and plain batches.

mod concurrency;
pub(crate) mod dead_letters;
pub(crate) mod duplicates;
mod events;
mod outage;
pub(crate) mod payloads;
pub(crate) mod queue;
pub(crate) mod tenants;

use serde_json::{Value, json};
use sporlog_model::{EntityType, folio};

use crate::harness::{Caller, FolioEvent, System, kafka_record, topic};

const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// An event of [`ORDER`] with an id that sorts as its number does.
fn order_event(number: usize) -> FolioEvent {
    let id = format!("{number:08x}-0000-4000-8000-000000000000");
    FolioEvent { id, ..FolioEvent::nth(EntityType::Order, ORDER, number) }
}

/// The event in a record of the topic it belongs to.
fn record_of(event: &FolioEvent, tenant: &str, offset: usize) -> Value {
    kafka_record(&topic(tenant, event.entity_type), offset, event.payload().to_string().as_bytes())
}

/// A message as Lambda hands it over, as far as the function reads it.
fn message(id: &str, body: &Value) -> Value {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    json!({"messageId": id, "body": body, "eventSource": "aws:sqs"})
}

/// The answer when nothing is worth another delivery.
fn response(stored: usize, duplicates: usize, rejected: &[(usize, &str)]) -> Value {
    let rejected: Vec<Value> =
        rejected.iter().map(|(index, reason)| json!({"index": index, "reason": reason})).collect();
    json!({"stored": stored, "duplicates": duplicates, "skipped": 0, "rejected": rejected, "batchItemFailures": []})
}

/// The history of an entity, oldest first.
async fn history(system: &System, tenant: &str, entity_type: EntityType, id: &str) -> Vec<Value> {
    let path = format!("/audit-data/acquisition/{entity_type}/{id}?sortOrder=asc");
    let answer = system.get(&Caller::auditor(tenant), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let events = answer.as_object().unwrap().values().find_map(Value::as_array).unwrap().clone();
    assert_eq!(answer["totalItems"], events.len());
    events
}

async fn order_history(system: &System, tenant: &str) -> Vec<Value> {
    history(system, tenant, EntityType::Order, ORDER).await
}

/// The ids of a payload's event and entity.
fn ids(entity_type: EntityType, payload: &Value) -> (String, String) {
    let text = |member: &str| payload[member].as_str().unwrap().to_owned();
    (text("id"), text(folio::entity_id_member(entity_type)))
}
