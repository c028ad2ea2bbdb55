//! `/api/v1/kyc/cases/{id}`, through the whole system.

pub(crate) mod access;
pub(crate) mod append;
mod concurrency;
mod cost;
mod damage;
pub(crate) mod errors;
mod export;
mod faults;
pub(crate) mod idempotency;
pub(crate) mod large;
pub(crate) mod pages;
pub(crate) mod published;
pub(crate) mod statuses;
mod switched_off;

use serde_json::{Value, json};
use sporlog_model::{CaseAction, CaseChange, CaseId, CaseLabel, CaseText, Instant};

use crate::harness::{Answer, System};

const ORG: &str = "auditply";

/// A system and a key that may do everything with the cases of an organization.
struct Cases {
    system: System,
    key: String,
}

impl Cases {
    async fn start() -> Self {
        let system = System::start().await;
        let key = system.api_key(ORG, &["kyc:read", "kyc:write"]).await;
        Self { system, key }
    }

    async fn get(&self, path: &str) -> Answer {
        self.system.call_with_key(&self.key, "GET", &format!("/api/v1/kyc/cases/{path}"), None).await
    }

    async fn post(&self, case: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/kyc/cases/{case}/audit-log");
        self.system.call_with_key(&self.key, "POST", &path, Some(body)).await
    }

    /// Appends to a case; answers the rows.
    async fn append(&self, case: &str, body: &Value) -> Vec<Value> {
        let answer = self.post(case, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        rows(&answer.json())
    }

    /// Appends this many entries to a case, forty at a time; the `n`th as [`nth`] has it.
    async fn fill(&self, case: &str, count: usize) {
        let numbers: Vec<usize> = (0..count).collect();
        for numbers in numbers.chunks(40) {
            self.append(case, &json!({"entries": numbers.iter().copied().map(nth).collect::<Vec<_>>()})).await;
        }
    }

    /// A page of a case's log, which must be there.
    async fn page(&self, case: &str, query: &str) -> Value {
        let answer = self.get(&format!("{case}/audit-log{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// The least that an entry says.
fn entry(action: &str) -> Value {
    json!({"user": "Anna Jensen", "entity_type": "kyc_answer", "action": action})
}

/// An entry that tells by its number from others; every third is a search, the others are answers.
fn nth(number: usize) -> Value {
    let action = if number.is_multiple_of(3) { "SANCTIONS_SEARCH" } else { "ANSWER_SAVED" };
    json!({"user": "Anna Jensen", "entity_type": "kyc_answer", "action": action, "new_value": number.to_string()})
}

fn rows(body: &Value) -> Vec<Value> {
    body["data"].as_array().unwrap().clone()
}

/// The numbers of entries that [`nth`] made.
fn numbers(body: &Value) -> Vec<usize> {
    rows(body).iter().map(|row| row["new_value"].as_str().unwrap().parse().unwrap()).collect()
}

fn ids(body: &Value) -> Vec<u64> {
    rows(body).iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

/// `page`, `page_size`, `total_count`, `total_pages`, `has_more`.
fn pagination(body: &Value) -> (u64, u64, u64, u64, bool) {
    let pagination = &body["pagination"];
    let number = |member: &str| pagination[member].as_u64().unwrap();
    assert_eq!(pagination.as_object().unwrap().len(), 5);
    let more = pagination["has_more"].as_bool().unwrap();
    (number("page"), number("page_size"), number("total_count"), number("total_pages"), more)
}

/// Asserts an error in the group's shape, member for member.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str) {
    let body = answer.json();
    let meta = json!({"api_version": "v1", "timestamp": body["meta"]["timestamp"]});
    let expected = json!({"error": {"code": code, "message": message}, "meta": meta});
    assert_eq!((answer.status, &body), (status, &expected));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_timestamp(&body["meta"]["timestamp"]);
}

/// UTC with milliseconds and `Z`.
#[track_caller]
fn assert_timestamp(value: &Value) {
    let text = value.as_str().unwrap();
    assert_eq!(Instant::parse_rfc3339(text).unwrap().to_rfc3339_millis(), text);
}

pub(crate) fn case(id: u64) -> CaseId {
    CaseId::parse(&id.to_string()).unwrap()
}

/// The same as [`nth`], as the store takes it.
pub(crate) fn change(number: usize, at: Instant) -> CaseChange {
    let action = if number.is_multiple_of(3) { "SANCTIONS_SEARCH" } else { "ANSWER_SAVED" };
    CaseChange {
        user: CaseLabel::parse("Anna Jensen").unwrap(),
        entity_type: CaseLabel::parse("kyc_answer").unwrap(),
        action: CaseAction::parse(action).unwrap(),
        field: None,
        old_value: None,
        new_value: CaseText::parse(&number.to_string()),
        reason: None,
        occurred_at: at,
    }
}
