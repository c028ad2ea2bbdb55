//! `/audit-data/acquisition`, through the whole system.

pub(crate) mod access;
pub(crate) mod answers;
mod cost;
pub(crate) mod errors;
mod large;
pub(crate) mod paging;
pub(crate) mod snapshots;
pub(crate) mod sorting;
pub(crate) mod status_history;

use serde_json::Value;
use sporlog_model::EntityType;

use crate::harness::{Answer, FolioEvent};

const ENTITY: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// Where the history of [`ENTITY`] is read.
fn path(entity_type: EntityType) -> String {
    format!("/audit-data/acquisition/{entity_type}/{ENTITY}")
}

/// An id that sorts as its number does.
fn event_id(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// The number of an [`event_id`].
fn number(event: &Value) -> usize {
    usize::from_str_radix(&event["id"].as_str().unwrap()[..8], 16).unwrap()
}

/// An order's event with that number and snapshot.
fn order_event(number: usize, snapshot: Value) -> FolioEvent {
    FolioEvent { id: event_id(number), snapshot, ..FolioEvent::nth(EntityType::Order, ENTITY, number) }
}

/// The events of an answer, whatever their member is called.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_object().unwrap().values().find_map(Value::as_array).unwrap().clone()
}

fn numbers(answer: &Answer) -> Vec<usize> {
    events(answer).iter().map(number).collect()
}

/// Asserts an error in FOLIO's shape, member for member.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str, parameters: &Value) {
    let expected = serde_json::json!({
        "errors": [{"message": message, "code": code, "parameters": parameters}],
        "total_records": 1,
    });
    assert_eq!((answer.status, answer.json()), (status, expected));
    assert_eq!(answer.headers["content-type"], "application/json");
}
