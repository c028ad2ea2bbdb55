use std::time::Duration;

use super::Segment;
use crate::Day;

impl Segment {
    /// The day its object's key carries. A segment's events are all of one day: the day in which its window ends.
    pub fn day(&self) -> Day {
        self.window_end.minus(Duration::from_micros(1)).day()
    }

    /// The key of its object, below `root`.
    ///
    /// Numbers are padded to twelve digits, so that a listing of the bucket is in the order of the log.
    pub fn object_key(&self, root: &str, last_seq: u64, sha256: &str) -> String {
        let (day, first) = (self.day(), self.first_seq);
        let hash = sha256.get(..16).unwrap_or(sha256);
        format!("{root}/date={day}/{first:012}-{last_seq:012}-{hash}.jsonl.gz")
    }

    /// The key of its digest, below `root`. Days without an event all have the same numbers; the window's end tells them
    /// apart, and they stand before the digest with the next event.
    pub fn digest_key(&self, root: &str, last_seq: u64) -> String {
        let first = self.first_seq;
        if last_seq < first {
            let end = self.window_end.to_compact();
            format!("{root}/digests/{first:012}-{last_seq:012}-{end}.json")
        } else {
            format!("{root}/digests/{first:012}-{last_seq:012}.json")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instant;
    use crate::export::Stream;

    fn segment(first_seq: u64, window_end: &str) -> Segment {
        let window_end = Instant::parse(window_end).unwrap();
        Segment { stream: Stream::Live, window_start: Instant::MIN, window_end, first_seq }
    }

    #[test]
    fn keys_are_the_published_ones() {
        let midnight = segment(41, "2026-03-02T00:00:00Z");
        let sha256 = "0123456789abcdef".repeat(4);
        assert_eq!(
            midnight.object_key("p/org_id=o", 43, &sha256),
            "p/org_id=o/date=2026-03-01/000000000041-000000000043-0123456789abcdef.jsonl.gz"
        );
        assert_eq!(midnight.digest_key("p/org_id=o", 43), "p/org_id=o/digests/000000000041-000000000043.json");
        assert_eq!(
            segment(41, "2026-03-02T08:09:10.000123Z").digest_key("org_id=o", 40),
            "org_id=o/digests/000000000041-000000000040-20260302T080910000123Z.json"
        );
    }

    #[test]
    fn a_listing_of_digests_is_in_the_order_of_the_log() {
        let ordered = [
            segment(1, "2026-03-01").digest_key("", 0),
            segment(1, "2026-03-02").digest_key("", 0),
            segment(1, "2026-03-02T01:00:00Z").digest_key("", 5),
            segment(6, "2026-03-03").digest_key("", 5),
            segment(6, "2026-03-04").digest_key("", 1_000_000),
        ];
        assert!(ordered.is_sorted(), "{ordered:#?}");
    }
}
