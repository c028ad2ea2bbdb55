//! The measurements, one file for each group of rows.

pub(crate) mod append;
pub(crate) mod artifacts;
pub(crate) mod export;
pub(crate) mod growth;
pub(crate) mod pages;
pub(crate) mod start;
pub(crate) mod units;
pub(crate) mod warm;

use crate::peers::Peers;

/// The sections of the document that rows write.
#[cfg(test)]
pub(crate) const SECTIONS: [&str; 15] = [
    "machine",
    "cold",
    "warm",
    "query",
    "memory",
    "append",
    "kyc-pages",
    "history-pages",
    "export",
    "units",
    "artifacts",
    "serve",
    "growth-events",
    "growth-concurrency",
    "growth-organizations",
];

/// What every row is given.
pub(crate) struct Context {
    /// How often each thing is measured.
    pub(crate) rounds: u32,
    /// Smaller data, for development.
    pub(crate) quick: bool,
    pub(crate) peers: Option<Peers>,
    /// How long the build from nothing took, if that was asked for.
    pub(crate) build_seconds: Option<f64>,
}

impl Context {
    pub(crate) fn peers(&self) -> Result<&Peers, crate::Failure> {
        self.peers.as_ref().ok_or_else(|| "the peers are not installed".into())
    }

    /// The full size, or the one for development.
    pub(crate) fn size(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

/// Milliseconds with fractions.
pub(crate) fn milliseconds(span: std::time::Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
