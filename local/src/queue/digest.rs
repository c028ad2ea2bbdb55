//! The digests by which SDKs verify what was stored and received.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};

use super::MessageAttribute;

/// The digest by which SDKs verify a body.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// The digest by which SDKs verify attributes: each in order of its name, every part behind its length.
pub(super) fn md5_of_attributes(attributes: &BTreeMap<String, MessageAttribute>) -> String {
    let mut bytes = vec![];
    let part = |bytes: &mut Vec<u8>, value: &[u8]| {
        bytes.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(value);
    };
    for (name, attribute) in attributes {
        part(&mut bytes, name.as_bytes());
        part(&mut bytes, attribute.data_type.as_bytes());
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => {
                bytes.push(1);
                part(&mut bytes, text.as_bytes());
            }
            (None, value) => {
                bytes.push(2);
                let value = value.as_deref().map(|value| BASE64_STANDARD.decode(value).unwrap_or_default());
                part(&mut bytes, &value.unwrap_or_default());
            }
        }
    }
    md5_hex(&bytes)
}
