//! What an export is made of: lines in segments, a digest for each, and the plan that is kept before anything is written.
//!
//! Architecture invariant: everything here is a function of its arguments. The same events and the same plan give the same
//! bytes and keys on every machine, which is what makes an interrupted export safe to repeat.

mod digest;
mod layout;
mod line;
mod merkle;
mod parsed_line;
mod segment;

pub use digest::{Digest, DigestObject, DigestSignature, InvalidDigest, SignatureAlgorithm, Stream};
pub use line::write_line;
pub use merkle::{Hash, MerkleTree, audit_path, leaf_hash, root_of_path};
pub use parsed_line::{InvalidLine, Line};
pub use segment::{Segment, SegmentPlan, SegmentSummary};

use sha2::{Digest as _, Sha256};

/// SHA-256 (FIPS 180-4) in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
