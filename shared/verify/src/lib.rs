//! Shows from an export alone, without Sporlog, that it is whole and unchanged; or the first thing that is wrong, and where.
//!
//! Owns every check of what a bucket holds ([`Verifier`]), the keys that signed it ([`TrustedKeys`]) and the proof that one
//! event is in it ([`Proof`]). Must not know how objects are fetched: that is a [`Source`], of which the one for a
//! [`Directory`] is here.
//!
//! Architecture invariant: a bucket is hostile. Nothing in it is believed before it is checked, no object is held whole, and
//! what is kept in memory grows only with the number of keys and of events (see [`Verifier::verify`]).

mod chain;
mod directory;
mod fault;
mod gzip;
mod inventory;
mod link;
mod proof;
mod report;
mod seen;
mod segment;
mod signature;
mod source;
mod totals;
mod verifier;
mod windows;

pub use directory::Directory;
pub use fault::{Fault, FaultKind};
pub use proof::{EventQuery, InvalidQuery, Proof, ProofReport};
pub use report::{Backfill, ChainEnd, Report, Signer};
pub use signature::{Fingerprint, InvalidKey, TrustedKeys};
pub use source::{Source, SourceError};
pub use verifier::{Options, Verifier, VerifyError};
