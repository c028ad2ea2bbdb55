use std::collections::BTreeMap;

use serde_json::{Value, json};
use sporlog_model::{EntityType, folio};
use uuid::Uuid;

use super::of_type;
use crate::harness::{Caller, FolioEvent};
use crate::hostile::world::World;

/// More than anybody delivers.
const MOST_EVENTS: usize = 10_000;

/// By what a history is asked for, in turn. By `event_date` and `id` they are found by an index, and then by what
/// stands together in the table.
const ORDERS: [(&str, &str); 6] = [
    ("action_date", "desc"),
    ("event_date", "desc"),
    ("id", "desc"),
    ("action_date", "asc"),
    ("event_date", "asc"),
    ("id", "asc"),
];

/// What was delivered about an order or a piece, and what is shown of that.
pub(in crate::hostile) struct History<'a> {
    world: &'a World,
    org: String,
    entity_type: EntityType,
    entity_id: String,
    /// In the order in which they happened.
    sent: Vec<FolioEvent>,
}

impl<'a> History<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str, entity_type: EntityType) -> Self {
        Self { world, org: org.to_owned(), entity_type, entity_id: Uuid::new_v4().to_string(), sent: Vec::new() }
    }

    /// So many events more, which are to be delivered. Of a piece, every second one changes the status.
    pub(in crate::hostile) fn add(&mut self, count: usize) -> Vec<FolioEvent> {
        let numbers = self.sent.len()..self.sent.len() + count;
        let event = |n: usize| {
            let mut event = FolioEvent::nth(self.entity_type, &self.entity_id, n);
            event.snapshot["receivingStatus"] = json!(format!("status {}", n / 2));
            event
        };
        let events: Vec<FolioEvent> = numbers.map(event).collect();
        self.sent.extend(events.iter().cloned());
        events
    }

    pub(in crate::hostile) fn count(&self) -> usize {
        self.sent.len()
    }

    /// A page of so many events, each time in another order; of a piece, of those that changed its status.
    pub(in crate::hostile) async fn read(&self, time: usize, limit: usize) {
        let (sort, direction) = ORDERS[time % ORDERS.len()];
        let (below, step) = if self.entity_type == EntityType::Piece { ("/status-change-history", 2) } else { ("", 1) };
        // As they happened, and as they were told: each has its own second for both.
        let mut expected: Vec<&FolioEvent> = self.sent.iter().step_by(step).collect();
        if sort == "id" {
            expected.sort_by_key(|event| &event.id);
        }
        if direction == "desc" {
            expected.reverse();
        }
        let answer = self.page(&format!("{below}?limit={limit}&sortBy={sort}&sortOrder={direction}")).await;
        assert_eq!(answer["totalItems"], expected.len(), "{below} by {sort}");
        expected.truncate(limit);
        self.assert_shows(&answer, &expected);
    }

    /// All of it, in every order and both directions.
    pub(in crate::hostile) async fn read_all(&self) {
        for time in 0..ORDERS.len() {
            self.read(time, MOST_EVENTS).await;
        }
    }

    async fn page(&self, rest: &str) -> Value {
        let path = format!("/audit-data/acquisition/{}/{}{rest}", self.entity_type.name(), self.entity_id);
        let (answer, _) = self.world.get(&Caller::auditor(&self.org), &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Each as it was sent, once, and where it belongs.
    fn assert_shows(&self, answer: &Value, expected: &[&FolioEvent]) {
        let snapshot = folio::snapshot_member(self.entity_type);
        let shown = answer[format!("{}AuditEvents", self.entity_type.name())].as_array().unwrap();
        let shown: Vec<(&str, &Value)> =
            shown.iter().map(|event| (event["id"].as_str().unwrap(), &event[snapshot])).collect();
        let expected: Vec<(&str, &Value)> = expected.iter().map(|event| (event.id.as_str(), &event.snapshot)).collect();
        assert_eq!(shown, expected);
    }

    /// Holds the export against what was sent.
    pub(in crate::hostile) fn check_export(&self, lines: &[Value]) {
        let mine = of_type(lines, self.entity_type.name()).filter(|line| line["entityId"] == *self.entity_id);
        let mine: Vec<&Value> = mine.collect();
        let exported: BTreeMap<&str, &Value> =
            mine.iter().map(|line| (line["id"].as_str().unwrap(), &line["data"])).collect();
        let sent: BTreeMap<&str, &Value> = self.sent.iter().map(|event| (event.id.as_str(), &event.snapshot)).collect();
        assert_eq!((exported, mine.len()), (sent, self.sent.len()), "lost or doubled in the export");
    }

    /// Nothing is shown any more.
    pub(in crate::hostile) async fn check_forgotten(&self) {
        let answer = self.page(&format!("?limit={MOST_EVENTS}")).await;
        assert_eq!(answer["totalItems"], 0);
        self.assert_shows(&answer, &[]);
    }
}
