use std::io::{self, Write};

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
    #[error("the payload cannot be compressed")]
    Compression(#[from] io::Error),
    #[error("SQS did not take the dead letter")]
    Sqs(#[from] Box<SdkError<SendMessageError>>),
}

/// A message in the dead-letter queue.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetter<'a> {
    reason: &'a str,
    rejected_at: &'a str,
    #[serde(flatten)]
    position: &'a Position,
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    /// `text` or `gzip+base64`.
    encoding: &'static str,
    /// The payload, or a part of it.
    data: &'a str,
    /// Which part, from 1, and of how many: a payload that is too large for one message goes in several.
    part: usize,
    parts: usize,
    /// Of the whole payload, as it came.
    bytes: usize,
    sha256: &'a str,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String, clock: Clock) -> Self {
        Self { client, url, clock }
    }

    /// Keeps a record with the reason why it was not stored.
    pub(crate) async fn send(&self, record: &Record, reason: &str) -> Result<(), SetAsideError> {
        let rejected_at = self.clock.now().to_string();
        let sha256 = sha256_hex(&record.raw);
        let (encoding, encoded) = encode(&record.raw)?;
        let parts = encoded.len().div_ceil(MAX_PAYLOAD_BYTES).max(1);
        for part in 0..parts {
            // Only base64 is ever cut, so every position is between two characters.
            let from = part * MAX_PAYLOAD_BYTES;
            let data = encoded.get(from..encoded.len().min(from + MAX_PAYLOAD_BYTES)).unwrap_or_default();
            let letter = DeadLetter {
                reason,
                rejected_at: &rejected_at,
                position: &record.position,
                payload: Payload { encoding, data, part: part + 1, parts, bytes: record.raw.len(), sha256: &sha256 },
            };
            let body = serde_json::to_string(&letter)?;
            self.client.send_message().queue_url(&self.url).message_body(body).send().await.map_err(Box::new)?;
        }
        Ok(())
    }
}

/// The payload as text that a message can hold: itself if it is short, else compressed.
fn encode(raw: &[u8]) -> Result<(&'static str, String), io::Error> {
    if let Ok(text) = std::str::from_utf8(raw)
        // SQS refuses the two characters that XML has no place for and JSON does not escape.
        && !text.contains(['\u{fffe}', '\u{ffff}'])
        // Quotes and control characters take more room in the message than here.
        && serde_json::to_string(text).is_ok_and(|json| json.len() <= MAX_PAYLOAD_BYTES)
    {
        return Ok(("text", text.to_owned()));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(raw)?;
    Ok(("gzip+base64", STANDARD.encode(encoder.finish()?)))
}
