//! What is stored with an object besides its bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;

/// The headers and user metadata of the PUT that are given back by GET and HEAD. Stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) encryption: Encryption,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<Checksum>,
}

/// How S3 says that the object is encrypted. Nothing is encrypted here; the answer is what the client checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Encryption {
    pub(super) algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bucket_key_enabled: Option<bool>,
}

impl Default for Encryption {
    /// S3 encrypts every new object with its own keys unless it is told otherwise.
    fn default() -> Self {
        Self { algorithm: "AES256".to_owned(), kms_key_id: None, bucket_key_enabled: None }
    }
}
