use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sporlog_model::OrgId;
use sporlog_model::folio::Topic;

use crate::record::{Parsed, Position, Record, Unusable};

/// The record header in which FOLIO names the tenant.
const TENANT_HEADER: &str = "x-okapi-tenant";

/// A record of Lambda's Kafka event, from MSK and self-managed clusters alike (Lambda Developer Guide, "Example event").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KafkaRecord {
    topic: String,
    partition: i64,
    offset: i64,
    /// Base64; absent for a record without one.
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    headers: Vec<HashMap<String, HeaderValue>>,
}

/// The bytes of a header: Lambda writes a list of signed bytes, as Java has them; other senders write base64.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Bytes(Vec<i16>),
    Text(String),
}

/// Decodes a record.
pub(crate) fn read(record: KafkaRecord) -> Record {
    let KafkaRecord { topic, partition, offset, value, headers } = record;
    let decoded = value.as_deref().map(|text| STANDARD.decode(text).map_err(|_| Unusable::NotBase64));
    let parsed = match &decoded {
        None => Err(Unusable::NoValue),
        Some(Err(error)) => Err(error.clone()),
        Some(Ok(payload)) => parse(&topic, &headers, payload),
    };
    let raw = match decoded {
        Some(Ok(payload)) => payload,
        _ => value.unwrap_or_default().into_bytes(),
    };
    Record { position: Position::Kafka { topic, partition, offset }, raw, parsed }
}

fn parse(topic: &str, headers: &[HashMap<String, HeaderValue>], payload: &[u8]) -> Result<Parsed, Unusable> {
    let topic = Topic::parse(topic).ok_or(Unusable::UnknownTopic)?;
    let org = match tenant(headers) {
        Some(org) => org?,
        None => topic.tenant.ok_or(Unusable::NoTenant)?,
    };
    Parsed::read(org, topic.entity_type, payload)
}

/// The tenant in the headers; an error when the header is there and names none.
fn tenant(headers: &[HashMap<String, HeaderValue>]) -> Option<Result<OrgId, Unusable>> {
    let value =
        headers.iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case(TENANT_HEADER)).map(|(_, value)| value)?;
    let text = match value {
        HeaderValue::Bytes(bytes) => {
            // −1 and 255 are the same byte.
            let bytes = bytes.iter().map(|byte| u8::try_from(*byte & 0xff).unwrap_or_default()).collect();
            String::from_utf8(bytes).unwrap_or_default()
        }
        HeaderValue::Text(base64) => {
            STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        }
    };
    Some(OrgId::parse(text.trim()).map_err(|_| Unusable::InvalidOrg))
}
