use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::record::{JsonFault, Record};
use crate::{batch, kafka, sqs};

/// What invoked the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Kafka,
    Sqs,
    Batch,
}

impl Source {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Sqs => "sqs",
            Self::Batch => "batch",
        }
    }
}

/// A Lambda event in one of the three shapes; told apart by their members, which differ even in case.
#[derive(Deserialize)]
struct Envelope<'a> {
    /// By partition. Each record is read by itself: an odd one must not cost its neighbours.
    #[serde(default, borrow)]
    records: Option<BTreeMap<String, Vec<&'a RawValue>>>,
    #[serde(default, rename = "Records")]
    messages: Option<Vec<sqs::Message>>,
    #[serde(default, borrow)]
    events: Option<Vec<&'a RawValue>>,
}

/// An event this function does not know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnknownEvent {
    #[error("the event cannot be read: {0}")]
    Unreadable(JsonFault),
    #[error("the event has none of the members records (Kafka), Records (SQS) and events")]
    NoRecords,
}

/// The records of a Lambda event.
pub(crate) fn read(event: &RawValue) -> Result<(Source, Vec<Record>), UnknownEvent> {
    let envelope: Envelope<'_> =
        serde_json::from_str(event.get()).map_err(|error| UnknownEvent::Unreadable((&error).into()))?;
    if let Some(partitions) = envelope.records {
        let records = partitions
            .iter()
            .flat_map(|(partition, records)| records.iter().map(|record| kafka::read(partition, record.get())));
        return Ok((Source::Kafka, records.collect()));
    }
    if let Some(messages) = envelope.messages {
        return Ok((Source::Sqs, messages.into_iter().flat_map(sqs::read).collect()));
    }
    let events = envelope.events.ok_or(UnknownEvent::NoRecords)?;
    Ok((Source::Batch, batch::read(&events)))
}
