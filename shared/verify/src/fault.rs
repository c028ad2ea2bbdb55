use std::fmt;

use serde::Serialize;

/// The first thing that is wrong with an export, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    pub kind: FaultKind,
    /// The object, below the source it was read from.
    pub key: String,
    /// The line of a segment's object, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The member of the digest or line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<&'static str>,
    /// What is wrong, in a sentence that goes on from its place.
    pub problem: String,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// There is no digest of the organization.
    NothingThere,
    /// A digest in other bytes than the ones it was written in, or one that contradicts itself.
    Digest,
    /// Of another organization.
    WrongOrg,
    /// An object stands where it does not belong.
    WrongKey,
    /// Numbers are missing: a digest is.
    Gap,
    /// Two digests or objects of the same numbers: the log went on twice, as after a table was restored.
    Fork,
    /// A digest does not name the hash of the one before it.
    Chain,
    /// Windows do not join.
    Window,
    /// An object that a digest names is not there.
    ObjectMissing,
    /// An object's bytes cannot be decompressed, or there are more of them than a segment has.
    Compression,
    /// A line in other bytes than the ones it was written in, or that is not of its segment.
    Line,
    /// An object's lines are not those that its digest vouches for.
    Content,
    /// An event for the second time.
    Repeated,
    /// An object or digest that nothing names.
    Orphan,
    /// A signature that is not that of its digest.
    Signature,
    /// A signature of a key that is not trusted, or of another key than the ones before.
    UntrustedKey,
    /// A digest that should be signed and is not.
    Unsigned,
    /// The newest window ended too long ago.
    Stale,
    /// A proof that proves nothing.
    Proof,
}

/// How much of what a hostile bucket says is repeated: two keys of 1,024 bytes (Amazon S3 User Guide) and a sentence.
const LONGEST_CHARS: usize = 2_400;

impl Fault {
    pub(crate) fn new(kind: FaultKind, key: &str, problem: impl Into<String>) -> Self {
        Self { kind, key: printable(key), line: None, member: None, problem: printable(&problem.into()) }
    }

    pub(crate) fn line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }

    pub(crate) fn member(self, member: &'static str) -> Self {
        Self { member: Some(member), ..self }
    }
}

/// Nothing that a terminal acts on, or that shows as something else.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::new();
    for character in text.chars().take(LONGEST_CHARS) {
        match character {
            ' '..='~' | '–' | '’' => printable.push(character),
            other => printable.extend(other.escape_unicode()),
        }
    }
    printable
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(member) = self.member {
            write!(f, ", {member}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
