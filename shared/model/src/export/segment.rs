use serde::{Deserialize, Serialize};

use super::{Digest, DigestObject, DigestSignature, InvalidDigest, Stream, sha256_hex};
use crate::{AwsRegion, BucketName, Destination, Instant, KeyPrefix, KmsKey, OrgId, RoleArn};

/// The part of an organization's log that goes into one object: what was recorded from `window_start` up to, not including,
/// `window_end`. All of its events were recorded on one day: the one whose name its object's key carries, by which query
/// engines partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub stream: Stream,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<KmsKey>,
    pub stream: Stream,
    pub window_start: Instant,
    pub window_end: Instant,
    pub first_seq: u64,
    /// `first_seq` − 1 when the window has no events.
    pub last_seq: u64,
    pub event_count: u64,
    /// `None` when the window has no events: then only the digest is written.
    pub object: Option<DigestObject>,
    pub digest_key: String,
    /// The digest's bytes. Kept, not made again: a later release may write digests differently, and the next digest names
    /// the hash of this one.
    pub digest: String,
}

impl SegmentPlan {
    /// The plan for a segment whose digest nobody signs; [`SegmentPlan::signed`] makes it one that somebody does. Its keys
    /// follow from the segment and the hash of its content.
    pub fn unsigned(
        segment: Segment,
        summary: SegmentSummary,
        org: &OrgId,
        destination: &Destination,
        previous_digest_sha256: Option<String>,
    ) -> Result<Self, serde_json::Error> {
        // Numbers begin at 1, so an empty window's last number is there too.
        let last_seq = (segment.first_seq + summary.event_count).saturating_sub(1);
        let root = destination.prefix.root(org);
        let object = (summary.event_count > 0).then(|| DigestObject {
            key: segment.object_key(&root, last_seq, &summary.sha256),
            sha256: summary.sha256,
            byte_count: summary.byte_count,
        });
        let digest = Digest {
            version: Digest::VERSION,
            org_id: org.clone(),
            stream: segment.stream,
            window_start: segment.window_start,
            window_end: segment.window_end,
            first_seq: segment.first_seq,
            last_seq,
            event_count: summary.event_count,
            object: object.clone(),
            merkle_root: summary.merkle_root,
            previous_digest_sha256,
            signature: None,
        };
        Ok(Self {
            bucket: destination.bucket.clone(),
            region: destination.region.clone(),
            role_arn: destination.role_arn.clone(),
            prefix: destination.prefix.clone(),
            kms_key: destination.kms_key.clone(),
            stream: segment.stream,
            window_start: segment.window_start,
            window_end: segment.window_end,
            first_seq: segment.first_seq,
            last_seq,
            event_count: summary.event_count,
            object,
            digest_key: segment.digest_key(&root, last_seq),
            digest: text(&digest)?,
        })
    }

    /// What to sign, for [`SegmentPlan::signed`].
    pub fn bytes_to_sign(&self) -> Result<Vec<u8>, InvalidDigest> {
        Ok(Digest::parse(self.digest.as_bytes())?.signed_bytes()?)
    }

    /// The plan with a signature of [`SegmentPlan::bytes_to_sign`] in its digest. To be kept only then: the digest's bytes,
    /// which the next digest names, are others now.
    pub fn signed(self, signature: DigestSignature) -> Result<Self, InvalidDigest> {
        let digest = Digest { signature: Some(signature), ..Digest::parse(self.digest.as_bytes())? };
        Ok(Self { digest: text(&digest)?, ..self })
    }

    /// Where this segment goes; the external id is the organization's and never changes. In the bucket that is configured
    /// now, the key is the one that is configured now: it says nothing about what is written.
    pub fn destination(&self, current: &Destination) -> Destination {
        Destination {
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
            prefix: self.prefix.clone(),
            external_id: current.external_id.clone(),
            kms_key: if self.bucket == current.bucket { current.kms_key.clone() } else { self.kms_key.clone() },
        }
    }

    /// Which plan this is: where its digest goes. Every plan has a digest, and no two plans that may both be carried out
    /// have the same place for it.
    pub fn digest_uri(&self) -> String {
        format!("s3://{}/{}", self.bucket.as_str(), self.digest_key)
    }

    /// This plan for a segment that was planned before. Where both have the same place, the earlier digest stays: it may be in
    /// the bucket already, where nothing is written over, and a signature made anew has other bytes.
    #[must_use]
    pub fn in_place_of(self, before: &Self) -> Self {
        if self.digest_uri() == before.digest_uri() { Self { digest: before.digest.clone(), ..self } } else { self }
    }

    /// What the next digest names as the one before it.
    pub fn digest_sha256(&self) -> String {
        sha256_hex(self.digest.as_bytes())
    }

    /// What to read again to write the same bytes.
    pub fn segment(&self) -> Segment {
        let Self { stream, window_start, window_end, first_seq, .. } = *self;
        Segment { stream, window_start, window_end, first_seq }
    }

    /// Whether the lines read now are the lines that were planned.
    pub fn describes(&self, summary: &SegmentSummary) -> bool {
        let same_lines = self.object.as_ref().is_none_or(|object| object.sha256 == summary.sha256);
        same_lines && self.event_count == summary.event_count
    }
}

fn text(digest: &Digest) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{MerkleTree, SignatureAlgorithm};
    use crate::{AwsRegion, ExternalId};

    fn plan(event_count: u64) -> SegmentPlan {
        let segment = Segment {
            stream: Stream::Live,
            window_start: Instant::parse("2026-03-01").unwrap(),
            window_end: Instant::parse("2026-03-02").unwrap(),
            first_seq: 1,
        };
        let summary = SegmentSummary {
            event_count,
            byte_count: 100 * event_count,
            sha256: sha256_hex(b"lines"),
            merkle_root: MerkleTree::default().root(),
        };
        let destination = Destination {
            bucket: BucketName::parse("logs-of-diku").unwrap(),
            region: AwsRegion::parse("eu-north-1").unwrap(),
            role_arn: RoleArn::parse("arn:aws:iam::123456789012:role/r").unwrap(),
            external_id: ExternalId::random(),
            prefix: KeyPrefix::default(),
            kms_key: None,
        };
        SegmentPlan::unsigned(segment, summary, &OrgId::parse("diku").unwrap(), &destination, None).unwrap()
    }

    #[test]
    fn an_empty_window_has_a_digest_and_no_object() {
        let plan = plan(0);
        assert_eq!((plan.first_seq, plan.last_seq, &plan.object), (1, 0, &None));
        let uri = "s3://logs-of-diku/org_id=diku/digests/000000000001-000000000000-20260302T000000000000Z.json";
        assert_eq!(plan.digest_uri(), uri);
        let digest = Digest::parse(plan.digest.as_bytes()).unwrap();
        assert_eq!((digest.last_seq, digest.event_count, digest.object), (0, 0, None));
    }

    #[test]
    fn a_signature_changes_the_digest_and_not_what_is_signed() {
        let signature = DigestSignature {
            algorithm: SignatureAlgorithm::EcdsaSha256,
            key_id: "arn:aws:kms:eu-north-1:123456789012:key/1".to_owned(),
            public_key: "MFkw".to_owned(),
            value: "MEUC".to_owned(),
        };
        let unsigned = plan(3);
        let signed = unsigned.clone().signed(signature.clone()).unwrap();
        assert_eq!(signed.bytes_to_sign().unwrap(), unsigned.bytes_to_sign().unwrap());
        assert_ne!(signed.digest_sha256(), unsigned.digest_sha256());
        assert_eq!(Digest::parse(signed.digest.as_bytes()).unwrap().signature, Some(signature));
        assert_eq!(SegmentPlan { digest: unsigned.digest.clone(), ..signed }, unsigned);
    }

    #[test]
    fn what_may_be_in_the_bucket_is_not_made_anew() {
        let signature = |value: &str| DigestSignature {
            algorithm: SignatureAlgorithm::EcdsaSha256,
            key_id: "arn:aws:kms:eu-north-1:123456789012:key/1".to_owned(),
            public_key: "MFkw".to_owned(),
            value: value.to_owned(),
        };
        let before = plan(3).signed(signature("MEUC")).unwrap();
        let with_new_role = SegmentPlan {
            role_arn: RoleArn::parse("arn:aws:iam::123456789012:role/other").unwrap(),
            ..plan(3).signed(signature("MEQC")).unwrap()
        };
        assert_ne!(with_new_role.digest, before.digest);
        let again = with_new_role.clone().in_place_of(&before);
        assert_eq!((&again.digest, &again.role_arn), (&before.digest, &with_new_role.role_arn));
        let elsewhere = SegmentPlan { bucket: BucketName::parse("other-bucket").unwrap(), ..with_new_role };
        assert_eq!(elsewhere.clone().in_place_of(&before), elsewhere);
    }
}
