use std::fmt;

use serde::Serialize;
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
    #[error("the message is neither an event nor a batch of events: {0}")]
    NotAnEvent(String),
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
