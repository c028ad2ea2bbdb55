use std::io::Write;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sporlog_model::Clock;
use sporlog_model::export::sha256_hex;

use crate::record::{Position, Record};

/// What fits into one message besides the reason (SQS quota: 256 KiB for every queue, more only where it is raised).
const MAX_PAYLOAD_BYTES: usize = 240 * 1024;

/// The queue for what can never be stored.
#[derive(Debug)]
pub(crate) struct DeadLetterQueue {
    client: Client,
    url: String,
    clock: Clock,
}

/// Why a record could not even be set aside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetAsideError {
    #[error("the dead letter cannot be written")]
    Encoding(#[from] serde_json::Error),
    #[error("SQS did not take the dead letter")]
    Sqs(#[from] Box<SdkError<SendMessageError>>),
    /// SQS holds the whole message and moves it to the same queue by itself, after its last delivery.
    #[error("the message is too large to be set aside with its reason")]
    TooLargeForSqs,
}

/// A message in the dead-letter queue.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetter<'a> {
    reason: &'a str,
    rejected_at: String,
    #[serde(flatten)]
    position: &'a Position,
    payload: Payload,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    /// `text`, `gzip+base64`, or `omitted` when it is too large even so: Kafka still has it, at the position above.
    encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    bytes: usize,
    sha256: String,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String, clock: Clock) -> Self {
        Self { client, url, clock }
    }

    /// Keeps a record with the reason why it was not stored.
    pub(crate) async fn send(&self, record: &Record, reason: &str) -> Result<(), SetAsideError> {
        let payload = Payload::of(&record.raw);
        if payload.data.is_none() && matches!(record.position, Position::Sqs { .. }) {
            return Err(SetAsideError::TooLargeForSqs);
        }
        let rejected_at = self.clock.now().to_string();
        let letter = DeadLetter { reason, rejected_at, position: &record.position, payload };
        let body = serde_json::to_string(&letter)?;
        self.client.send_message().queue_url(&self.url).message_body(body).send().await.map_err(Box::new)?;
        Ok(())
    }
}

impl Payload {
    fn of(raw: &[u8]) -> Self {
        let (encoding, data) = Self::encode(raw);
        Self { encoding, data, bytes: raw.len(), sha256: sha256_hex(raw) }
    }

    fn encode(raw: &[u8]) -> (&'static str, Option<String>) {
        if let Ok(text) = std::str::from_utf8(raw)
            // SQS refuses the two characters that XML has no place for and JSON does not escape.
            && !text.contains(['\u{fffe}', '\u{ffff}'])
            // Quotes and control characters take more room in the message than here.
            && serde_json::to_string(text).is_ok_and(|json| json.len() <= MAX_PAYLOAD_BYTES)
        {
            return ("text", Some(text.to_owned()));
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        match encoder.write_all(raw).and_then(|()| encoder.finish()) {
            Ok(gzip) if gzip.len().div_ceil(3) * 4 <= MAX_PAYLOAD_BYTES => ("gzip+base64", Some(STANDARD.encode(gzip))),
            _ => ("omitted", None),
        }
    }
}
