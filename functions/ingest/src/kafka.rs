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
    headers: Option<Vec<Header>>,
}

/// Name and value; Kafka allows a header without a value.
type Header = HashMap<String, Option<HeaderValue>>;

/// The bytes of a header: Lambda writes a list of signed bytes, as Java has them; other senders write base64.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Bytes(Vec<i16>),
    Text(String),
}

/// Decodes a record of the partition that Lambda calls `topic-number`.
pub(crate) fn read(partition: &str, json: &str) -> Record {
    let record: KafkaRecord = match serde_json::from_str(json) {
        Ok(record) => record,
        Err(error) => {
            let (topic, number) = partition.rsplit_once('-').unwrap_or((partition, ""));
            let position =
                Position::Kafka { topic: topic.to_owned(), partition: number.parse().unwrap_or(-1), offset: -1 };
            let parsed = Err(Unusable::NotAKafkaRecord((&error).into()));
            return Record { position, raw: json.as_bytes().to_vec(), parsed };
        }
    };
    let KafkaRecord { topic, partition, offset, value, headers } = record;
    let decoded = value.as_deref().map(|text| STANDARD.decode(text).map_err(|_| Unusable::NotBase64));
    let parsed = match &decoded {
        None => Err(Unusable::NoValue),
        Some(Err(error)) => Err(error.clone()),
        Some(Ok(payload)) => parse(&topic, headers.as_deref().unwrap_or_default(), payload),
    };
    let raw = match decoded {
        Some(Ok(payload)) => payload,
        _ => value.unwrap_or_default().into_bytes(),
    };
    Record { position: Position::Kafka { topic, partition, offset }, raw, parsed }
}

fn parse(topic: &str, headers: &[Header], payload: &[u8]) -> Result<Parsed, Unusable> {
    let topic = Topic::parse(topic).ok_or(Unusable::UnknownTopic)?;
    let org = match tenant(headers) {
        Some(org) => org?,
        None => topic.tenant.ok_or(Unusable::NoTenant)?,
    };
    Parsed::read(org, topic.entity_type, payload)
}

/// The tenant in the headers; an error when the header is there and names none.
fn tenant(headers: &[Header]) -> Option<Result<OrgId, Unusable>> {
    let value =
        headers.iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case(TENANT_HEADER)).map(|(_, value)| value)?;
    let text = match value {
        None => String::new(),
        Some(HeaderValue::Bytes(bytes)) => {
            // −1 and 255 are the same byte.
            let bytes = bytes.iter().map(|byte| u8::try_from(*byte & 0xff).unwrap_or_default()).collect();
            String::from_utf8(bytes).unwrap_or_default()
        }
        Some(HeaderValue::Text(base64)) => {
            STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        }
    };
    Some(OrgId::parse(text.trim()).map_err(|_| Unusable::InvalidOrg))
}
