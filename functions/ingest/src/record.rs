use std::fmt;

use serde::Serialize;
use serde_json::error::Category;
use sporlog_model::folio::{self, Rejection};
use sporlog_model::{EntityType, Event, OrgId};

/// One record of any source.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) position: Position,
    /// What the dead-letter queue keeps of it: the payload as it came.
    pub(crate) raw: Vec<u8>,
    pub(crate) parsed: Result<Parsed, Unusable>,
}

/// An event and whose it is.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) org: OrgId,
    pub(crate) event: Event,
}

/// Where a record came from, so that it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(crate) enum Position {
    Kafka { topic: String, partition: i64, offset: i64 },
    Sqs { message_id: String, index: usize },
    Batch { index: usize },
}

/// Why a record can never be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the record has no value")]
    NoValue,
    #[error("the value is not base64")]
    NotBase64,
    #[error("not an event with orgId, type and payload, nor a batch of them: {0}")]
    NotAnEvent(JsonFault),
    #[error("not a Kafka record as Lambda describes it: {0}")]
    NotAKafkaRecord(JsonFault),
    #[error("the topic carries no acquisition events")]
    UnknownTopic,
    #[error("type names no acquisition event")]
    UnknownType,
    #[error("neither the header x-okapi-tenant nor the topic names a tenant")]
    NoTenant,
    #[error("orgId must be 1 to 64 letters, digits, '_', '.' or '-'")]
    InvalidOrg,
    #[error(transparent)]
    Payload(#[from] Rejection),
}

/// What is wrong with a JSON text and where, without quoting any of it: what is in an event never reaches a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line} column {column}")]
pub(crate) struct JsonFault {
    what: &'static str,
    line: usize,
    column: usize,
}

impl From<&serde_json::Error> for JsonFault {
    fn from(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Io | Category::Syntax => "not JSON",
            Category::Eof => "JSON that breaks off",
            Category::Data => "a member is missing or of another type",
        };
        Self { what, line: error.line(), column: error.column() }
    }
}

impl Parsed {
    /// Reads a FOLIO payload for a tenant.
    pub(crate) fn read(org: OrgId, entity_type: EntityType, payload: &[u8]) -> Result<Self, Unusable> {
        Ok(Self { org, event: folio::parse_event(entity_type, payload)? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka { topic, partition, offset } => write!(f, "{topic}-{partition}@{offset}"),
            Self::Sqs { message_id, index } => write!(f, "{message_id}[{index}]"),
            Self::Batch { index } => write!(f, "[{index}]"),
        }
    }
}
