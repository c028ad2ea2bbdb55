use serde::{Deserialize, Serialize};

use crate::{Instant, OrgId};

/// The receipt beside a segment: with it, and the ones before it, the bucket alone shows that nothing is missing or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// 1.
    pub version: u8,
    pub org_id: OrgId,
    /// Equal to the previous digest's `windowEnd`.
    pub window_start: Instant,
    pub window_end: Instant,
    /// One more than the previous digest's `lastSeq`; 1 in the first digest.
    pub first_seq: u64,
    pub last_seq: u64,
    pub event_count: u64,
    pub object: DigestObject,
    /// RFC 6962 tree hash over the lines, each without its line feed.
    pub merkle_root: String,
    /// SHA-256 of the previous digest's bytes; null in the first digest.
    pub previous_digest_sha256: Option<String>,
}

/// The object a digest vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestObject {
    pub key: String,
    /// Of the uncompressed lines.
    pub sha256: String,
    /// Of the uncompressed lines.
    pub byte_count: u64,
}
