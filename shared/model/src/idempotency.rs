use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::InvalidId;

/// What a client names one request with, so that sending it again does not do it again: the header `Idempotency-Key`
/// (draft-ietf-httpapi-idempotency-key-header). 1–255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Case-sensitive, as sent; the quotes of a structured field are part of the key.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new("the idempotency key", "1 to 255 visible ASCII characters"))
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What tells one request from another that has the same idempotency key: the SHA-256 of what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDigest(String);

impl RequestDigest {
    /// Of the JSON form of a request. Pass everything that makes two requests different, like the id in the path.
    pub fn of(request: &impl Serialize) -> Self {
        // Through `Value`, whose objects are sorted: the order of members means nothing. JSON of our own types always writes.
        let value = serde_json::to_value(request).unwrap_or_default();
        Self(hex::encode(Sha256::digest(value.to_string())))
    }

    /// The digest in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn keys_are_visible_text() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "a#b", &"x".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\u{7f}", "ø", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_digest_is_of_what_is_asked_for() {
        let of = |json: &str| RequestDigest::of(&serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(of(r#"{"a":1,"b":[1,2]}"#), of(r#" { "b" : [1, 2], "a" : 1 } "#));
        for other in [r#"{"a":1,"b":[2,1]}"#, r#"{"a":"1","b":[1,2]}"#, r#"{"a":1}"#] {
            assert_ne!(of(r#"{"a":1,"b":[1,2]}"#), of(other), "{other}");
        }
    }
}
