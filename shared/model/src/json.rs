use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object exactly as its producer wrote it, less the white space between its tokens.
///
/// Numbers keep all their digits, members their order and duplicates: an audit trail must give back what it was given,
/// and a parse into numbers and maps would not. Without line breaks, so that it fits on one line of an export.
#[derive(Clone)]
pub struct JsonObject(Box<RawValue>);

/// Text that is not one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a JSON object")]
pub struct InvalidJson;

impl JsonObject {
    /// Checks that `text` is one JSON object (RFC 8259).
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        let raw = serde_json::from_str::<&RawValue>(text).map_err(|_| InvalidJson)?;
        Self::from_raw(raw)
    }

    /// The object in a larger document that `serde_json` has already checked.
    pub fn from_raw(raw: &RawValue) -> Result<Self, InvalidJson> {
        if !raw.get().starts_with('{') {
            return Err(InvalidJson);
        }
        RawValue::from_string(without_white_space(raw.get())).map(Self).map_err(|_| InvalidJson)
    }

    /// An object that was one when it was stored, so that reading it back costs no second pass.
    pub fn from_stored(raw: Box<RawValue>) -> Result<Self, InvalidJson> {
        if raw.get().starts_with('{') { Ok(Self(raw)) } else { Err(InvalidJson) }
    }

    /// The object's text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// Drops the white space between the tokens of a valid JSON text.
fn without_white_space(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    let mut kept_from = 0;
    for (at, byte) in json.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_string = true;
        } else if byte.is_ascii_whitespace() {
            compact.push_str(&json[kept_from..at]);
            kept_from = at + 1;
        }
    }
    compact.push_str(&json[kept_from..]);
    compact
}

impl PartialEq for JsonObject {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonObject {}

/// The length only: what is in an event never reaches a log.
impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonObject({} bytes)", self.as_str().len())
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_digits_order_and_duplicates() {
        let text =
            "{ \"b\" : 4.0,\n\t\"a\": 12345678901234567890123.4500e+2 ,\r\n \"a\" : \"x \\\" \\\\ \", \"c\": [ ] }";
        let object = JsonObject::parse(text).unwrap();
        assert_eq!(object.as_str(), r#"{"b":4.0,"a":12345678901234567890123.4500e+2,"a":"x \" \\ ","c":[]}"#);
    }

    #[test]
    fn refuses_everything_but_one_object() {
        for text in ["", "[]", "null", "\"{}\"", "{", "{}{}", "{\"a\":01}", "{'a':1}"] {
            assert!(JsonObject::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn compacting_never_changes_the_value(members in proptest::collection::btree_map(".*", ".*", 0..8)) {
            let pretty = serde_json::to_string_pretty(&members).unwrap();
            let object = JsonObject::parse(&pretty).unwrap();
            prop_assert_eq!(object.as_str(), serde_json::to_string(&members).unwrap());
        }
    }
}
