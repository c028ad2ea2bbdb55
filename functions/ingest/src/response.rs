use serde::Serialize;

use crate::Outcome;
use crate::record::{Position, Record};
use sporlog_store::Appended;

/// What happened to the records of one event. Lambda reads `batchItemFailures` alone; the rest is for people and tests.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestResponse {
    /// Events that are in the log now and were not before.
    pub stored: usize,
    /// Events that were in the log already.
    pub duplicates: usize,
    /// Events of organizations that have switched the audit off: handled, and not in the log.
    pub skipped: usize,
    /// Records in the dead-letter queue.
    pub rejected: Vec<Rejected>,
    /// Records to deliver again (Lambda Developer Guide, "partial batch responses").
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A record that can never be stored.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its place in the event.
    pub index: usize,
    pub reason: String,
}

/// A record to deliver again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    pub item_identifier: ItemIdentifier,
}

/// How its source knows a record.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ItemIdentifier {
    /// Kafka: the partition as `topic-number`, and the offset.
    Kafka { partition: String, offset: i64 },
    /// SQS: the message id. A plain batch: the index.
    Text(String),
}

impl IngestResponse {
    pub(crate) fn of(records: &[Record], outcomes: &[Outcome]) -> Self {
        let mut response = Self::default();
        for (index, (record, outcome)) in records.iter().zip(outcomes).enumerate() {
            match outcome {
                Outcome::Appended(Appended::Stored) => response.stored += 1,
                Outcome::Appended(Appended::Duplicate) => response.duplicates += 1,
                Outcome::Skipped => response.skipped += 1,
                Outcome::Rejected(reason) => response.rejected.push(Rejected { index, reason: reason.clone() }),
                Outcome::Failed => response.add_failure(record.position.identifier()),
            }
        }
        response
    }

    /// A message with several failed events is delivered again once.
    fn add_failure(&mut self, item_identifier: ItemIdentifier) {
        let failure = BatchItemFailure { item_identifier };
        if !self.batch_item_failures.contains(&failure) {
            self.batch_item_failures.push(failure);
        }
    }
}

impl Position {
    fn identifier(&self) -> ItemIdentifier {
        match self {
            Self::Kafka { topic, partition, offset } => {
                ItemIdentifier::Kafka { partition: format!("{topic}-{partition}"), offset: *offset }
            }
            Self::Sqs { message_id, .. } => ItemIdentifier::Text(message_id.clone()),
            Self::Batch { index } => ItemIdentifier::Text(index.to_string()),
        }
    }
}
