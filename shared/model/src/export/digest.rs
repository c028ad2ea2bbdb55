use serde::{Deserialize, Serialize};

use super::{SegmentPlan, sha256_hex};
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

impl Digest {
    /// The digest of a planned segment.
    pub fn of(plan: &SegmentPlan, org: &OrgId) -> Self {
        Self {
            version: 1,
            org_id: org.clone(),
            window_start: plan.window_start,
            window_end: plan.window_end,
            first_seq: plan.first_seq,
            last_seq: plan.last_seq,
            event_count: plan.event_count,
            object: DigestObject {
                key: plan.object_key.clone(),
                sha256: plan.sha256.clone(),
                byte_count: plan.byte_count,
            },
            merkle_root: plan.merkle_root.clone(),
            previous_digest_sha256: plan.previous_digest_sha256.clone(),
        }
    }

    /// The bytes to store and the hash the next digest names.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, String), serde_json::Error> {
        let bytes = serde_json::to_vec_pretty(self)?;
        let hash = sha256_hex(&bytes);
        Ok((bytes, hash))
    }
}
