use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::record::{Position, Record};

/// A message of Lambda's SQS event (Lambda Developer Guide, "Using Lambda with Amazon SQS").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    message_id: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// The records of a message: its body is one event or a batch of them, as a plain batch has them.
pub(crate) fn read(message: Message) -> Vec<Record> {
    let Message { message_id, body } = message;
    let body = body.unwrap_or_default();
    if let Ok(Batch { events }) = serde_json::from_str(&body) {
        let mut records = batch::read(&events);
        for (index, record) in records.iter_mut().enumerate() {
            record.position = Position::Sqs { message_id: message_id.clone(), index };
        }
        return records;
    }
    let parsed = batch::read_event(&body);
    vec![Record { position: Position::Sqs { message_id, index: 0 }, raw: body.into_bytes(), parsed }]
}
