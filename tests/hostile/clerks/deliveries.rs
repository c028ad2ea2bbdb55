use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::history::History;
use crate::harness::{FolioEvent, kafka_event, kafka_record, scope_of, topic};
use crate::hostile::world::World;

/// Events in a delivery: about the order, and about the piece.
const OF_ORDER: usize = 5;
const OF_PIECE: usize = 3;
/// What a page shows.
const PAGE: usize = 10;
/// As often as a source delivers what failed, before it takes the system for broken.
const MOST_DELIVERIES: usize = 60;

/// Delivers FOLIO's events as Kafka, SQS and whoever invokes the function do, and reads the histories of their order and their piece.
pub(in crate::hostile) struct Deliveries<'a> {
    world: &'a World,
    org: String,
    order: History<'a>,
    piece: History<'a>,
}

impl<'a> Deliveries<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str) -> Self {
        let history = |entity_type| History::of(world, org, entity_type);
        Self { world, org: org.to_owned(), order: history(EntityType::Order), piece: history(EntityType::Piece) }
    }

    /// The same of an organization whose order has a past of so many events, of which nothing is exported as yet.
    pub(in crate::hostile) async fn with_past(mut self, events: usize) -> Self {
        for event in self.order.add(events) {
            self.world.system.stack.store.append(&scope_of(&self.org), &event.event()).await.unwrap();
        }
        self
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            self.deliver(round).await;
            self.order.read(round, PAGE).await;
            self.piece.read(round + 1, PAGE).await;
        }
        self
    }

    /// New events, again and again until each is stored.
    pub(in crate::hostile) async fn deliver(&mut self, source: usize) {
        let mut left = [self.order.add(OF_ORDER), self.piece.add(OF_PIECE)].concat();
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

    /// Holds histories and export against what was sent. Answers how many events that is.
    pub(in crate::hostile) async fn check(self, lines: &[Value]) -> usize {
        self.order.read_all().await;
        self.piece.read_all().await;
        self.check_export(lines);
        self.order.count() + self.piece.count()
    }

    /// Holds only the export against it: of a history that is not kept.
    pub(in crate::hostile) fn check_export(&self, lines: &[Value]) {
        self.order.check_export(lines);
        self.piece.check_export(lines);
    }

    /// Nothing is left of the histories.
    pub(in crate::hostile) async fn check_forgotten(&self) {
        self.order.check_forgotten().await;
        self.piece.check_forgotten().await;
    }
}

/// What Lambda is told failed: Kafka's offset, or the message's id.
fn position(identifier: &Value) -> usize {
    let number = identifier["offset"].as_u64().map(|offset| usize::try_from(offset).unwrap());
    number.unwrap_or_else(|| identifier.as_str().unwrap().parse().unwrap())
}
