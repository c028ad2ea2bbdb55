use std::fmt;
use std::io::Read;

use sporlog_model::OrgId;

/// Where objects are read from: a directory, a bucket.
pub trait Source: fmt::Debug {
    /// What people call it.
    fn name(&self) -> String;

    /// The keys of the organization: those with a segment `org_id={org}`. In any order.
    fn list(&self, org: &OrgId) -> Result<Vec<String>, SourceError>;

    /// The content of the object with a listed key.
    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError>;

    /// Whether keys are those of the bucket; in a copy of a part of it, they have lost what they begin with.
    fn has_whole_keys(&self) -> bool;
}

/// What could not be read, and why. Says nothing about the export.
#[derive(Debug, thiserror::Error)]
#[error("{place} cannot be read: {problem}")]
pub struct SourceError {
    pub place: String,
    pub problem: String,
}

/// The segment of a key behind which an organization's objects stand.
pub(crate) fn org_segment(org: &OrgId) -> String {
    format!("org_id={org}")
}
