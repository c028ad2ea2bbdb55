use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Instant, KeyPrefix, OrgId, RunId};

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
    pub run_id: RunId,
    pub window_start: Instant,
    pub window_end: Instant,
    pub first_seq: u64,
    pub last_seq: u64,
    pub event_count: u64,
    pub byte_count: u64,
    pub sha256: String,
    pub merkle_root: String,
    pub object_key: String,
    pub digest_key: String,
    /// The hash of the digest before this one; `None` for the organization's first.
    pub previous_digest_sha256: Option<String>,
}

impl SegmentPlan {
    /// The plan for a non-empty segment. Its keys follow from the segment and the hash of its content.
    ///
    /// Numbers are padded to twelve digits, so that a listing of the bucket is in the order of the log.
    pub fn new(
        segment: Segment,
        summary: SegmentSummary,
        run_id: RunId,
        org: &OrgId,
        prefix: &KeyPrefix,
        previous_digest_sha256: Option<String>,
    ) -> Self {
        let first = segment.first_seq;
        let last = first + summary.event_count.saturating_sub(1);
        let root = match prefix.as_str() {
            "" => format!("org_id={org}"),
            prefix => format!("{prefix}/org_id={org}"),
        };
        // A segment never spans two days (see `Segment`), so the day its window ends in is the day of every event.
        let day = segment.window_end.minus(Duration::from_micros(1)).day();
        let hash = summary.sha256.get(..16).unwrap_or(&summary.sha256);
        Self {
            run_id,
            window_start: segment.window_start,
            window_end: segment.window_end,
            first_seq: first,
            last_seq: last,
            event_count: summary.event_count,
            byte_count: summary.byte_count,
            merkle_root: summary.merkle_root,
            object_key: format!("{root}/date={day}/{first:012}-{last:012}-{hash}.jsonl.gz"),
            digest_key: format!("{root}/digests/{first:012}-{last:012}.json"),
            sha256: summary.sha256,
            previous_digest_sha256,
        }
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
