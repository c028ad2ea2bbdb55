//! The way into an organization's bucket.
//!
//! Owns the role ([`Bucket::assume`]), the conditional write ([`Bucket::put_first`], [`Bucket::put_new`]), the bytes of a segment
//! ([`SegmentWriter`]), the key that vouches for its digest ([`Signer`]), the test of a connection ([`Probe`]) and what each
//! refusal of AWS means for the customer ([`ExportError`]). Must not know the table, nor
//! what a run is.

mod bucket;
mod error;
mod probe;
mod signer;
mod writer;

pub use bucket::{Bucket, BucketClients};
pub use error::{ExportError, FaultKind};
pub use probe::{CONNECTION_TESTS, Probe, Stage, StageOutcome};
pub use signer::Signer;
pub use writer::{SegmentWriter, WrittenSegment};
