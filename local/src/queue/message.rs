//! What a queue holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The largest message, attributes included.
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;

/// A value that a sender attached to a message, as the protocol has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, perhaps with a suffix.
    pub data_type: String,
    /// The value of a `String` or `Number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a `Binary`, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same for its whole life.
    pub id: String,
    /// What this receive can be acknowledged with.
    pub receipt: String,
    /// The text.
    pub body: String,
    /// What the sender attached.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// When it was received first, in milliseconds since 1970.
    pub first_received_ms: i64,
    /// How often it was received, this time included.
    pub receives: u32,
}

/// The bytes that count against the limit: the body and every attribute's name, type and value.
pub(super) fn size(body: &str, attributes: &BTreeMap<String, MessageAttribute>) -> usize {
    let value = |value: &Option<String>| value.as_ref().map_or(0, String::len);
    let attached = |(name, attribute): (&String, &MessageAttribute)| {
        name.len() + attribute.data_type.len() + value(&attribute.string_value) + value(&attribute.binary_value) / 4 * 3
    };
    body.len() + attributes.iter().map(attached).sum::<usize>()
}
