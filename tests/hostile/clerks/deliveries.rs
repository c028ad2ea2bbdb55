use std::collections::BTreeMap;

use serde_json::{Value, json};
use sporlog_model::EntityType;
use uuid::Uuid;

use super::of_type;
use crate::harness::{Caller, FolioEvent, kafka_event, kafka_record, topic};
use crate::hostile::world::World;

/// Events in a delivery.
const EVENTS: usize = 5;
/// More than anybody delivers.
const MOST_EVENTS: usize = 10_000;
/// As often as a source delivers what failed, before it takes the system for broken.
const MOST_DELIVERIES: usize = 60;

/// Delivers FOLIO's events as Kafka, SQS and whoever invokes the function do, and reads the history of their order.
pub(in crate::hostile) struct Deliveries<'a> {
    world: &'a World,
    org: String,
    order: String,
    sent: BTreeMap<String, FolioEvent>,
}

impl<'a> Deliveries<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str) -> Self {
        Self { world, org: org.to_owned(), order: Uuid::new_v4().to_string(), sent: BTreeMap::new() }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            self.deliver(round).await;
            self.read(2 * EVENTS).await;
        }
        self
    }

    /// New events, again and again until each is stored.
    pub(in crate::hostile) async fn deliver(&mut self, source: usize) {
        let numbers = self.sent.len()..self.sent.len() + EVENTS;
        let mut left: Vec<FolioEvent> = numbers.map(|n| FolioEvent::nth(EntityType::Order, &self.order, n)).collect();
        self.sent.extend(left.iter().map(|event| (event.id.clone(), event.clone())));
        for _ in 0..MOST_DELIVERIES {
            let failed = self.handed_over(source, &left).await;
            if failed.is_empty() {
                return;
            }
            self.world.tally().redeliveries += 1;
            left = failed.into_iter().map(|number| left[number].clone()).collect();
        }
        panic!("never stored: {left:?}");
    }

    /// The positions of those that were not stored.
    async fn handed_over(&self, source: usize, events: &[FolioEvent]) -> Vec<usize> {
        let event = match source % 3 {
            0 => json!({"events": events.iter().map(|event| event.in_batch(&self.org)).collect::<Vec<_>>()}),
            1 => kafka_event((0..).zip(events).map(|(offset, event)| self.record(offset, event)).collect()),
            _ => json!({"Records": (0..).zip(events).map(|(id, event)| self.message(id, event)).collect::<Vec<_>>()}),
        };
        match self.world.system.try_invoke("IngestFunction", &event).await {
            Ok(answer) => {
                assert_eq!((&answer["rejected"], &answer["skipped"]), (&json!([]), &json!(0)), "{answer}");
                let failures = answer["batchItemFailures"].as_array().unwrap();
                failures.iter().map(|failure| position(&failure["itemIdentifier"])).collect()
            }
            Err(error) => {
                assert_eq!((source % 3, &error["errorType"]), (0, &json!("NotStored")), "{error}");
                (0..events.len()).collect()
            }
        }
    }

    fn record(&self, offset: usize, event: &FolioEvent) -> Value {
        kafka_record(&topic(&self.org, event.entity_type), offset, event.payload().to_string().as_bytes())
    }

    fn message(&self, id: usize, event: &FolioEvent) -> Value {
        json!({"messageId": id.to_string(), "body": event.in_batch(&self.org).to_string(), "eventSource": "aws:sqs"})
    }

    /// The last so many events of the order, each as it was sent and once; it tells of all that was delivered.
    async fn read(&self, last: usize) {
        let path = format!("/audit-data/acquisition/order/{}?limit={last}", self.order);
        let caller = Caller::auditor(&self.org);
        let (answer, _) = self.world.get(&caller, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let events = answer["orderAuditEvents"].as_array().unwrap();
        assert_eq!((answer["totalItems"].clone(), events.len()), (json!(self.sent.len()), self.sent.len().min(last)));
        let shown: BTreeMap<&str, &Value> = events.iter().map(|event| (event["id"].as_str().unwrap(), event)).collect();
        assert_eq!(shown.len(), events.len(), "doubled");
        for (id, event) in shown {
            assert_eq!(event["orderSnapshot"], self.sent[id].snapshot);
        }
    }

    /// Holds history and export against what was sent. Answers how many events that is.
    pub(in crate::hostile) async fn check(self, lines: &[Value]) -> usize {
        self.read(MOST_EVENTS).await;
        self.check_export(lines);
        self.sent.len()
    }

    /// Holds only the export against it: of a history that is not kept.
    pub(in crate::hostile) fn check_export(&self, lines: &[Value]) {
        let mine: Vec<&Value> = of_type(lines, "order").filter(|line| line["entityId"] == *self.order).collect();
        let exported: BTreeMap<&str, &Value> =
            mine.iter().map(|line| (line["id"].as_str().unwrap(), &line["data"])).collect();
        let sent: BTreeMap<&str, &Value> = self.sent.iter().map(|(id, event)| (id.as_str(), &event.snapshot)).collect();
        assert_eq!((exported, mine.len()), (sent, self.sent.len()), "lost or doubled in the export");
    }

    /// How many events the order's history has.
    pub(in crate::hostile) async fn in_history(&self) -> (u64, usize) {
        let path = format!("/audit-data/acquisition/order/{}?limit={MOST_EVENTS}", self.order);
        let answer = self.world.system.get(&Caller::auditor(&self.org), &path).await.json();
        (answer["totalItems"].as_u64().unwrap(), answer["orderAuditEvents"].as_array().unwrap().len())
    }
}

/// What Lambda is told failed: Kafka's offset, or the message's id.
fn position(identifier: &Value) -> usize {
    let number = identifier["offset"].as_u64().map(|offset| usize::try_from(offset).unwrap());
    number.unwrap_or_else(|| identifier.as_str().unwrap().parse().unwrap())
}
