use std::io::Read;

use serde::{Deserialize, Serialize};
use sporlog_model::export::{Digest, Hash, Line, audit_path, leaf_hash, root_of_path, sha256_hex};
use sporlog_model::{EntityType, EventId, Instant, OrgId};

use crate::link::{check_members, segment_of};
use crate::segment::SegmentObject;
use crate::totals::Found;
use crate::verifier::VerifyError;
use crate::{Fault, FaultKind, Fingerprint, Options, signature};

/// The format of a proof.
const VERSION: u8 = 1;

/// Which event is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    entity_type: EntityType,
    id: EventId,
    /// The whole line, if that is what was given: then exactly this one is asked for.
    line: Option<Vec<u8>>,
}

/// Text that says of no event which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    #[error("is neither an export line nor JSON with an event's `id` and `entityType`")]
    NotAnEvent,
    #[error("has a `seq`, as an export line has, but is not a line as it stands in an export")]
    NotALine,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: String,
    entity_type: String,
    seq: Option<u64>,
}

impl EventQuery {
    /// One export line, or JSON with the members `id` and `entityType`.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidQuery> {
        let text = text.trim_ascii_end();
        if let Ok(line) = Line::parse(text) {
            let event = line.recorded.event;
            return Ok(Self { entity_type: event.entity_type, id: event.id, line: Some(text.to_vec()) });
        }
        let identity: Identity = serde_json::from_slice(text).map_err(|_| InvalidQuery::NotAnEvent)?;
        if identity.seq.is_some() {
            return Err(InvalidQuery::NotALine);
        }
        let id = EventId::parse(&identity.id).ok();
        let entity_type = EntityType::from_name(&identity.entity_type);
        let (entity_type, id) = entity_type.zip(id).ok_or(InvalidQuery::NotAnEvent)?;
        Ok(Self { entity_type, id, line: None })
    }

    pub(crate) fn asks_for(&self, line: &Line) -> bool {
        (line.recorded.event.entity_type, line.recorded.event.id) == (self.entity_type, self.id)
    }
}

/// That one event is in an export: its line, and the hashes that lead from it to the Merkle root in a digest (an inclusion
/// proof, RFC 6962 section 2.1.1). Checked without the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proof {
    version: u8,
    seq: u64,
    /// Without its line feed.
    line: String,
    /// RFC 6962: SHA-256 of a zero byte and the line.
    leaf_hash: String,
    /// From the leaf to the root.
    path: Vec<String>,
    merkle_root: String,
    digest_key: String,
    digest_sha256: String,
    /// The digest's text, as it stands in the bucket.
    digest: String,
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofReport {
    pub org_id: OrgId,
    pub seq: u64,
    pub entity_type: String,
    pub id: String,
    pub recorded_at: Instant,
    pub digest_sha256: String,
    /// Whose word it is. Without, the proof is worth as much as the source of the digest's hash.
    pub signer: Option<Fingerprint>,
}

impl Proof {
    /// Reads the object once more, for the hashes beside the event's.
    pub(crate) fn read(
        content: Box<dyn Read + '_>,
        key: &str,
        found: &Found,
        query: &EventQuery,
    ) -> Result<Self, VerifyError> {
        let (link, seq) = (&found.link, found.seq);
        let wrong = |problem: &str| VerifyError::from(Fault::new(FaultKind::Proof, key, problem));
        let object = link.digest.object.as_ref().ok_or_else(|| wrong("has no lines"))?;
        let (mut leaves, mut wanted) = (Vec::new(), None);
        let segment = SegmentObject { key, digest: &link.digest, object };
        segment.check(content, |line, bytes| {
            leaves.push(leaf_hash(bytes));
            if line.seq == seq {
                wanted = Some((leaves.len() - 1, bytes.to_vec()));
            }
            Ok(())
        })?;
        let (index, bytes) = wanted.ok_or_else(|| wrong("has changed while it was read"))?;
        if query.line.as_ref().is_some_and(|line| *line != bytes) {
            let problem = "holds this event with another line than the one given";
            return Err(Fault::new(FaultKind::Proof, key, problem).line(index as u64 + 1).into());
        }
        let path = audit_path(&leaves, index).unwrap_or_default();
        Ok(Self {
            version: VERSION,
            seq,
            leaf_hash: hex::encode(leaf_hash(&bytes)),
            line: String::from_utf8(bytes).map_err(|_| wrong("has a line that is no text"))?,
            path: path.iter().map(hex::encode).collect(),
            merkle_root: link.digest.merkle_root.clone(),
            digest_key: link.key.clone(),
            digest_sha256: link.sha256.clone(),
            digest: link.digest.to_bytes().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default(),
        })
    }

    /// Reads a proof. `name` is what it is called in faults.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, Fault> {
        serde_json::from_slice(text)
            .map_err(|error| Fault::new(FaultKind::Proof, name, format!("is no proof: {error}")))
    }

    /// Checks it, alone.
    pub fn check(&self, name: &str, options: &Options) -> Result<ProofReport, Fault> {
        let wrong = |member, problem: &str| Fault::new(FaultKind::Proof, name, problem).member(member);
        if self.version != VERSION {
            return Err(wrong("version", "is not 1"));
        }
        let digest = Digest::parse(self.digest.as_bytes()).map_err(|error| wrong("digest", &error.to_string()))?;
        let line = Line::parse(self.line.as_bytes()).map_err(|error| wrong("line", &error.to_string()))?;
        check_members(&digest).map_err(|(_, problem)| wrong("digest", &problem))?;
        if sha256_hex(self.digest.as_bytes()) != self.digest_sha256 {
            return Err(wrong("digestSha256", "is not that of the digest"));
        }
        let key = segment_of(&digest).digest_key("", digest.last_seq);
        if !self.digest_key.ends_with(&key) {
            return Err(wrong("digestKey", "is not that of the digest"));
        }
        if line.org != digest.org_id {
            return Err(wrong("line", "is of another organization than the digest"));
        }
        let leaf = leaf_hash(self.line.as_bytes());
        if hex::encode(leaf) != self.leaf_hash {
            return Err(wrong("leafHash", "is not that of the line"));
        }
        if line.seq != self.seq || !(digest.first_seq..=digest.last_seq).contains(&line.seq) {
            return Err(wrong("seq", "is not that of the line, or not one of the digest's"));
        }
        let recorded_at = line.recorded.recorded_at;
        if recorded_at < digest.window_start || recorded_at >= digest.window_end {
            return Err(wrong("line", "was recorded outside the digest's window"));
        }
        let path: Option<Vec<Hash>> = self.path.iter().map(|hash| hash_of(hash)).collect();
        let path = path.ok_or_else(|| wrong("path", "has something that is no SHA-256"))?;
        let root = root_of_path(leaf, line.seq - digest.first_seq, digest.event_count, &path);
        if root.map(hex::encode).as_ref() != Some(&self.merkle_root) || self.merkle_root != digest.merkle_root {
            return Err(wrong("path", "does not lead from the line to the Merkle root in the digest"));
        }
        Ok(ProofReport {
            org_id: line.org,
            seq: line.seq,
            entity_type: line.recorded.event.entity_type.to_string(),
            id: line.recorded.event.id.to_string(),
            recorded_at,
            digest_sha256: self.digest_sha256.clone(),
            signer: signer_of(&digest, name, options)?,
        })
    }
}

fn signer_of(digest: &Digest, name: &str, options: &Options) -> Result<Option<Fingerprint>, Fault> {
    let wrong = |kind, problem: String| Fault::new(kind, name, problem).member("digest.signature");
    let Some(signature) = &digest.signature else {
        if options.require_signature || options.trusted.are_named() {
            return Err(wrong(FaultKind::Unsigned, "is not there".to_owned()));
        }
        return Ok(None);
    };
    let signer =
        signature::signer(digest, signature).map_err(|error| wrong(FaultKind::Signature, error.to_string()))?;
    if !options.trusted.trusts(&signer) {
        return Err(wrong(FaultKind::UntrustedKey, format!("is of the key {signer}, which is not trusted")));
    }
    Ok(Some(signer))
}

fn hash_of(text: &str) -> Option<Hash> {
    let hash = hex::decode(text).ok()?.try_into().ok()?;
    (hex::encode(hash) == text).then_some(hash)
}
