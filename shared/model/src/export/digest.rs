use serde::{Deserialize, Serialize};

use crate::{Instant, OrgId};

/// The format that this release writes and reads.
const VERSION: u8 = 1;

/// The receipt beside a segment: with it, and the ones before it, the bucket alone shows that nothing is missing or changed.
///
/// All digests of an organization, of both streams, form one chain in the order in which they were written: each names the
/// hash of the one before, and goes on where its numbers ended. Windows join per stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Digest {
    /// 1.
    pub version: u8,
    pub org_id: OrgId,
    pub stream: Stream,
    /// Equal to the `windowEnd` of the previous digest of the same stream.
    pub window_start: Instant,
    /// Not in the window. The last window of the backfill ends where the first live one starts.
    pub window_end: Instant,
    /// One more than the previous digest's `lastSeq`; 1 in the first digest.
    pub first_seq: u64,
    /// `firstSeq` − 1 when the window has no events.
    pub last_seq: u64,
    pub event_count: u64,
    /// Null when the window has no events.
    pub object: Option<DigestObject>,
    /// RFC 6962 tree hash over the lines, each without its line feed; of an empty window, the hash of nothing.
    pub merkle_root: String,
    /// SHA-256 of the previous digest's bytes; null in the first digest.
    pub previous_digest_sha256: Option<String>,
    /// Absent from the file when the digest is not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<DigestSignature>,
}

/// Which part of the log a digest is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// What is recorded from the moment on at which the export was first switched on.
    Live,
    /// What was recorded before. It is exported beside the live stream, so that new events do not wait for it.
    Backfill,
}

/// The object a digest vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DigestObject {
    pub key: String,
    /// Of the uncompressed lines.
    pub sha256: String,
    /// Of the uncompressed lines.
    pub byte_count: u64,
}

/// Who vouches for a digest, and so for all digests before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DigestSignature {
    pub algorithm: SignatureAlgorithm,
    /// The ARN of the KMS key.
    pub key_id: String,
    /// The P-256 key: `SubjectPublicKeyInfo` (RFC 5480) in DER, in base64.
    pub public_key: String,
    /// The signature of [`Digest::signed_bytes`]: `Ecdsa-Sig-Value` (RFC 3279) in DER, in base64.
    pub value: String,
}

/// How digests are signed, by KMS's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// ECDSA on the curve P-256 over SHA-256.
    #[serde(rename = "ECDSA_SHA_256")]
    EcdsaSha256,
}

/// Bytes that are no digest.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDigest {
    /// Not JSON, a member missing or of another form.
    #[error("is not a digest: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A digest, in other bytes than the ones it is written in: other white space, a member more or twice, another order.
    #[error("does not have the one form in which a digest is written")]
    NotCanonical,
    /// Of a release to come.
    #[error("has version {0}, and this release knows version 1")]
    UnknownVersion(u8),
}

impl Digest {
    /// The version that new digests have.
    pub const VERSION: u8 = VERSION;

    /// What is signed: the digest as compact JSON, without `signature`.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Self { signature: None, ..self.clone() })
    }

    /// The file's content: JSON, indented by two spaces, no line feed at the end. A digest has no other form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// Reads exactly what [`Digest::to_bytes`] writes, and nothing else, so that no two readers of a bucket can read a
    /// digest in two ways.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        let digest: Self = serde_json::from_slice(bytes)?;
        if digest.version != VERSION {
            return Err(InvalidDigest::UnknownVersion(digest.version));
        }
        if digest.to_bytes()? == bytes { Ok(digest) } else { Err(InvalidDigest::NotCanonical) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest() -> Digest {
        Digest {
            version: VERSION,
            org_id: OrgId::parse("diku").unwrap(),
            stream: Stream::Live,
            window_start: Instant::parse("2026-03-01").unwrap(),
            window_end: Instant::parse("2026-03-01T08:00:00Z").unwrap(),
            first_seq: 1,
            last_seq: 3,
            event_count: 3,
            object: Some(DigestObject { key: "org_id=diku/x".to_owned(), sha256: "ab".repeat(32), byte_count: 900 }),
            merkle_root: "cd".repeat(32),
            previous_digest_sha256: None,
            signature: None,
        }
    }

    fn signed() -> Digest {
        let signature = DigestSignature {
            algorithm: SignatureAlgorithm::EcdsaSha256,
            key_id: "arn:aws:kms:eu-north-1:123456789012:key/1".to_owned(),
            public_key: "MFkw".to_owned(),
            value: "MEUC".to_owned(),
        };
        Digest { signature: Some(signature), ..digest() }
    }

    #[test]
    fn a_digest_has_exactly_the_published_members() {
        let compact = concat!(
            r#"{"version":1,"orgId":"diku","stream":"live","windowStart":"2026-03-01T00:00:00.000000Z","#,
            r#""windowEnd":"2026-03-01T08:00:00.000000Z","firstSeq":1,"lastSeq":3,"eventCount":3,"#,
            r#""object":{"key":"org_id=diku/x","sha256":"abababababababababababababababababababababababababababababababab","#,
            r#""byteCount":900},"merkleRoot":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","#,
            r#""previousDigestSha256":null}"#
        );
        assert_eq!(String::from_utf8(digest().signed_bytes().unwrap()).unwrap(), compact);
        assert_eq!(signed().signed_bytes().unwrap(), compact.as_bytes());
        let written = String::from_utf8(signed().to_bytes().unwrap()).unwrap();
        assert!(
            written.contains("\n    \"algorithm\": \"ECDSA_SHA_256\",\n    \"keyId\": \"arn:aws:kms:"),
            "{written}"
        );
    }

    #[test]
    fn only_the_written_form_is_read() {
        for digest in [digest(), signed(), Digest { object: None, stream: Stream::Backfill, ..digest() }] {
            let bytes = digest.to_bytes().unwrap();
            assert_eq!(Digest::parse(&bytes).unwrap(), digest);
            assert!(Digest::parse(&digest.signed_bytes().unwrap()).is_err());
            let text = String::from_utf8(bytes).unwrap();
            for (from, to) in [
                ("\n}", "\n}\n"),
                ("\"firstSeq\": 1", "\"firstSeq\": 1,\n  \"firstSeq\": 1"),
                ("\"firstSeq\": 1", "\"firstSeq\": 1,\n  \"more\": 1"),
                ("\"firstSeq\": 1", "\"firstSeq\":1"),
                ("\"firstSeq\": 1", "\"firstSeq\": 1.0"),
                (",\n  \"previousDigestSha256\": null", ""),
                ("2026-03-01T08:00:00.000000Z", "2026-03-01T08:00:00Z"),
                ("\"version\": 1", "\"version\": 2"),
                ("diku", "d\\u0069ku"),
            ] {
                assert!(text.contains(from), "{from}");
                assert!(Digest::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} → {to}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, at in 0..900_usize, byte: u8) {
            let _ = Digest::parse(&bytes);
            let mut near = signed().to_bytes().unwrap();
            let at = at % near.len();
            near[at] = byte;
            if let Ok(digest) = Digest::parse(&near) {
                prop_assert_eq!(digest.to_bytes().unwrap(), near);
            }
        }
    }
}
