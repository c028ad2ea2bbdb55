//! `/api/v1/bufdir-export-audit`, through the whole system; where a test holds time still or breaks requests, through the function.

pub(crate) mod bodies;
mod concurrency;
mod cost;
mod examples;
mod faults;
mod function;
mod idempotency;
mod list;
mod log;
pub(crate) mod statuses;
pub(crate) mod tenants;

use serde_json::{Value, json};
use sporlog_auth::Role;

use crate::harness::{Answer, Caller, System};

const BASE: &str = "/api/v1/bufdir-export-audit";
/// The path that the published document prints.
const DOUBLED: &str = "/api/v1/bufdir-export-audit/api/v1/bufdir-export-audit";
const ORG: &str = "org-bufdir-042";

fn of(role: Role) -> Caller {
    Caller::of_role(ORG, role)
}

/// What a new record takes.
fn new_export(org: &str, export_id: &str) -> Value {
    json!({
        "export_id": export_id, "org_id": org, "triggered_by_user_id": "usr-0042", "format": "excel",
        "period_from": "2025-01-01", "period_to": "2025-12-31",
    })
}

/// Records an export; answers the id of its record.
async fn create(system: &System, org: &str, export_id: &str) -> String {
    let member = Caller::of_role(org, Role::Member);
    let answer = system.call(&member, "POST", BASE, Some(&new_export(org, export_id))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["audit_id"].as_str().unwrap().to_owned()
}

/// Moves a record of [`ORG`] through statuses.
async fn moved(system: &System, id: &str, statuses: &[&str]) {
    for status in statuses {
        let answer = put_status(system, id, &json!({"status": status})).await;
        assert_eq!(answer.status, 200, "{status}: {}", answer.text());
    }
}

async fn put_status(system: &System, id: &str, body: &Value) -> Answer {
    system.call(&of(Role::Service), "PUT", &format!("{BASE}/{id}/status"), Some(body)).await
}

async fn put_file(system: &System, id: &str, body: &Value) -> Answer {
    system.call(&of(Role::Service), "PUT", &format!("{BASE}/{id}/file"), Some(body)).await
}

async fn read(system: &System, id: &str) -> Value {
    let answer = system.call(&of(Role::Member), "GET", &format!("{BASE}/{id}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The ids on a page of an organization's list, and the total.
async fn list(system: &System, org: &str, query: &str) -> (Vec<String>, u64) {
    let member = Caller::of_role(org, Role::Member);
    let answer = system.call(&member, "GET", &format!("{BASE}{query}"), None).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    listed(&answer.json())
}

fn listed(body: &Value) -> (Vec<String>, u64) {
    let ids = body["data"].as_array().unwrap().iter().map(|record| record["audit_id"].as_str().unwrap().to_owned());
    (ids.collect(), body["pagination"]["total"].as_u64().unwrap())
}

/// Asserts an error in the group's shape, member for member. `field` is the one that the message begins with, if any.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, field: Option<&str>, message: &str) {
    let body = answer.json();
    let details: Vec<Value> = field
        .iter()
        .map(|field| json!({"field": field, "message": message.strip_prefix(&format!("{field} ")).unwrap()}))
        .collect();
    let error = json!({"code": code, "message": message, "details": details});
    assert_eq!((answer.status, &body), (status, &json!({"error": error, "request_id": body["request_id"]})));
    assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(answer.headers["content-type"], "application/json");
}
