use serde::Serialize;
use sporlog_model::{Instant, OrgId};

use crate::Fingerprint;

/// What was proven of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub org_id: OrgId,
    pub digests: u64,
    pub objects: u64,
    pub events: u64,
    /// How many of them are there again: recorded a second time, as when a source sends what a restored table had lost.
    pub repeated: u64,
    /// Of lines, uncompressed.
    pub bytes: u64,
    /// Everything recorded from here on is there …
    pub complete_from: Instant,
    /// … up to here, this instant not included.
    pub complete_to: Instant,
    pub backfill: Backfill,
    /// Digests with a signature.
    pub signed: u64,
    /// The keys that signed, in the order in which they did first.
    pub signers: Vec<Signer>,
    /// The SHA-256 of the newest digest: whoever keeps it can tell later that nothing before it was changed or taken away.
    pub newest_digest_sha256: String,
    pub newest_digest_key: String,
    /// What tests of the connection left; not part of the log.
    pub connection_tests: u64,
    /// Second copies, the same byte for byte, in a place that the export left before it could take them back.
    pub left_behind: u64,
}

/// Whether what was recorded before the export was first switched on is there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Backfill {
    /// There was nothing to fill, or it was not asked for.
    None,
    /// All of it is there, from `from` on.
    Finished { from: Instant },
    /// It is under way. From `from` to `to` it is there.
    Unfinished { from: Instant, to: Instant },
}

/// A key that signed digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    pub fingerprint: Fingerprint,
    /// What the digest calls the key. The signature does not cover this name; the fingerprint is what counts.
    pub key_id: String,
}

/// Where an export ends: what goes on from there joins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// The number of the next event.
    pub next_seq: u64,
    /// What the next digest has to name as the one before it.
    pub newest_digest_sha256: String,
    /// What is there of the live stream: from the first instant up to, not including, the second.
    pub live: Option<(Instant, Instant)>,
    /// What is there of the backfill.
    pub backfill: Option<(Instant, Instant)>,
    /// Whether the digest that was looked for is in the chain.
    pub has_looked_for: bool,
}
