use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Digest, DigestObject, sha256_hex};
use crate::{AwsRegion, BucketName, Destination, Instant, KeyPrefix, OrgId, RoleArn};

/// The part of an organization's log that goes into one object: what was recorded from `window_start` up to, not including,
/// `window_end`. All of its events were recorded on one day: the one whose name its object's key carries, by which query
/// engines partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub window_start: Instant,
    pub window_end: Instant,
    /// The sequence number of its first event. Sequence numbers begin at 1 and have no gaps.
    pub first_seq: u64,
}

/// What a segment's lines come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    pub event_count: u64,
    /// Of the uncompressed lines.
    pub byte_count: u64,
    /// Of the uncompressed lines, so that the key does not depend on the compressor's version.
    pub sha256: String,
    pub merkle_root: String,
}

/// A segment that is about to be written. Kept in the table before the first PUT, so that whoever comes after a crash
/// finishes exactly this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentPlan {
    /// Where it goes, and as whom. A plan is finished where it was begun, as long as that place lets it, even if the
    /// configuration has changed meanwhile.
    pub bucket: BucketName,
    pub region: AwsRegion,
    pub role_arn: RoleArn,
    pub prefix: KeyPrefix,
    pub window_start: Instant,
    pub window_end: Instant,
    pub first_seq: u64,
    pub last_seq: u64,
    pub event_count: u64,
    pub byte_count: u64,
    pub sha256: String,
    pub object_key: String,
    pub digest_key: String,
    /// The digest's bytes. Kept, not made again: a later release may write digests differently, and the next digest names
    /// the hash of this one.
    pub digest: String,
}

impl SegmentPlan {
    /// The plan for a non-empty segment. Its keys follow from the segment and the hash of its content.
    ///
    /// Numbers are padded to twelve digits, so that a listing of the bucket is in the order of the log.
    pub fn new(
        segment: Segment,
        summary: SegmentSummary,
        org: &OrgId,
        destination: &Destination,
        previous_digest_sha256: Option<String>,
    ) -> Result<Self, serde_json::Error> {
        let first = segment.first_seq;
        let last = first + summary.event_count.saturating_sub(1);
        let root = destination.prefix.root(org);
        // A segment never spans two days (see `Segment`), so the day its window ends in is the day of every event.
        let day = segment.window_end.minus(Duration::from_micros(1)).day();
        let hash = summary.sha256.get(..16).unwrap_or(&summary.sha256);
        let object_key = format!("{root}/date={day}/{first:012}-{last:012}-{hash}.jsonl.gz");
        let digest = Digest {
            version: 1,
            org_id: org.clone(),
            window_start: segment.window_start,
            window_end: segment.window_end,
            first_seq: first,
            last_seq: last,
            event_count: summary.event_count,
            object: DigestObject {
                key: object_key.clone(),
                sha256: summary.sha256.clone(),
                byte_count: summary.byte_count,
            },
            merkle_root: summary.merkle_root,
            previous_digest_sha256,
        };
        Ok(Self {
            bucket: destination.bucket.clone(),
            region: destination.region.clone(),
            role_arn: destination.role_arn.clone(),
            prefix: destination.prefix.clone(),
            window_start: segment.window_start,
            window_end: segment.window_end,
            first_seq: first,
            last_seq: last,
            event_count: summary.event_count,
            byte_count: summary.byte_count,
            object_key,
            digest_key: format!("{root}/digests/{first:012}-{last:012}.json"),
            digest: serde_json::to_string_pretty(&digest)?,
            sha256: summary.sha256,
        })
    }

    /// Where this segment goes; the external id is the organization's and never changes.
    pub fn destination(&self, current: &Destination) -> Destination {
        Destination {
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
            prefix: self.prefix.clone(),
            external_id: current.external_id.clone(),
        }
    }

    /// Which plan this is: where its object goes.
    pub fn object_uri(&self) -> String {
        format!("s3://{}/{}", self.bucket.as_str(), self.object_key)
    }

    /// What the next digest names as the one before it.
    pub fn digest_sha256(&self) -> String {
        sha256_hex(self.digest.as_bytes())
    }

    /// What to read again to write the same bytes.
    pub fn segment(&self) -> Segment {
        Segment { window_start: self.window_start, window_end: self.window_end, first_seq: self.first_seq }
    }

    /// Whether the lines read now are the lines that were planned.
    pub fn describes(&self, summary: &SegmentSummary) -> bool {
        self.sha256 == summary.sha256 && self.event_count == summary.event_count
    }
}
