use std::collections::BTreeMap;

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_model::Clock;
use uuid::Uuid;

use super::of_type;
use crate::harness::Caller;
use crate::hostile::world::World;

const BASE: &str = "/api/v1/bufdir-export-audit";

/// Keeps the records of an organization's exports to Bufdir.
pub(in crate::hostile) struct Bufdir<'a> {
    world: &'a World,
    org: String,
    /// The records by id, as they were read last; `None` of one that was deleted.
    records: BTreeMap<String, Option<Value>>,
}

impl<'a> Bufdir<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str) -> Self {
        Self { world, org: org.to_owned(), records: BTreeMap::new() }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            let id = self.create(round).await;
            let record = self.complete(&id).await;
            self.records.insert(id.clone(), Some(record));
            if round % 3 == 2 {
                self.delete(&id).await;
            }
            self.list().await;
        }
        self
    }

    async fn create(&self, round: usize) -> String {
        let body = json!({
            "export_id": format!("exp-{round}"), "org_id": self.org, "triggered_by_user_id": "usr-0042", "format": "excel",
            "period_from": "2025-01-01", "period_to": "2025-12-31",
        });
        let (bearer, name) = (self.bearer(Role::Member), Uuid::new_v4().to_string());
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", &name)];
        let (first, _) = self.world.send("POST", BASE, &headers, Some(&body)).await;
        let (again, _) = self.world.send("POST", BASE, &headers, Some(&body)).await;
        assert_eq!((again.status, again.text()), (201, first.text()));
        first.json()["audit_id"].as_str().unwrap().to_owned()
    }

    /// Moves a record to its end, with updates that may be sent again; answers the record.
    async fn complete(&self, id: &str) -> Value {
        let url = format!("https://storage.example.no/{id}.xlsx");
        self.put(id, "status", &json!({"status": "processing", "updated_at": now()})).await;
        self.put(id, "file", &json!({"file_url": url, "file_size_bytes": 7})).await;
        self.put(id, "status", &json!({"status": "completed", "updated_at": now(), "activity_count": 3})).await;
        let member = Caller::of_role(&self.org, Role::Member);
        let (read, _) = self.world.call(&member, "GET", &format!("{BASE}/{id}"), None).await;
        let record = read.json();
        let told = json!([record["status"], record["file_url"], record["activity_count"]]);
        assert_eq!((read.status, told), (200, json!(["completed", url, 3])));
        record
    }

    async fn put(&self, id: &str, what: &str, body: &Value) {
        let service = Caller::of_role(&self.org, Role::Service);
        let (answer, _) = self.world.call(&service, "PUT", &format!("{BASE}/{id}/{what}"), Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Who sends a deletion again may be told that the record is not there.
    async fn delete(&mut self, id: &str) {
        let owner = Caller::of_role(&self.org, Role::Owner);
        let (answer, tries) = self.world.call(&owner, "DELETE", &format!("{BASE}/{id}"), None).await;
        assert!(answer.status == 200 || answer.status == 404 && tries > 1, "{}", answer.text());
        self.records.insert(id.to_owned(), None);
    }

    async fn list(&self) {
        let member = Caller::of_role(&self.org, Role::Member);
        let (answer, _) = self.world.call(&member, "GET", &format!("{BASE}?limit=100"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let there: BTreeMap<&str, &Value> =
            self.records.iter().filter_map(|(id, record)| Some((id.as_str(), record.as_ref()?))).collect();
        let listed = body["data"].as_array().unwrap();
        assert_eq!((&body["pagination"]["total"], listed.len()), (&json!(there.len()), there.len().min(100)));
        for short in listed {
            let whole = there[short["audit_id"].as_str().unwrap()];
            // The list has some of a record's members.
            assert!(
                short.as_object().unwrap().iter().all(|(member, value)| whole[member] == *value),
                "{short} {whole}"
            );
        }
    }

    fn bearer(&self, role: Role) -> String {
        format!("Bearer {}", self.world.system.token(&Caller::of_role(&self.org, role)))
    }

    /// Holds list and export against what was done. Answers how many records were made.
    pub(in crate::hostile) async fn check(self, lines: &[Value]) -> usize {
        self.list().await;
        let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in of_type(lines, "bufdir-export") {
            told.entry(line["entityId"].as_str().unwrap()).or_default().push(line["action"].as_str().unwrap());
        }
        let expected: BTreeMap<&str, Vec<&str>> =
            self.records.iter().map(|(id, record)| (id.as_str(), story(record.is_none()))).collect();
        assert_eq!(told, expected);
        self.records.len()
    }
}

/// What the export tells of a record, each once.
fn story(is_deleted: bool) -> Vec<&'static str> {
    let end = is_deleted.then_some("Delete");
    ["Create", "StatusChange", "FileAttach", "StatusChange"].into_iter().chain(end).collect()
}

fn now() -> String {
    Clock::system().now().to_string()
}
