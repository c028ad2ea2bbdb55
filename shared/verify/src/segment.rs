use std::io::Read;

use sha2::{Digest as _, Sha256};
use sporlog_model::export::{Digest, DigestObject, Line, MerkleTree};

use crate::gzip::{Broken, Lines};
use crate::link::segment_of;
use crate::verifier::VerifyError;
use crate::{Fault, FaultKind, SourceError};

/// A segment's object beside the digest that vouches for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentObject<'a> {
    /// In its source.
    pub(crate) key: &'a str,
    pub(crate) digest: &'a Digest,
    pub(crate) object: &'a DigestObject,
}

impl SegmentObject<'_> {
    /// Reads every line, and checks it and all of them together; `each` gets every line that is right, with its bytes.
    pub(crate) fn check(
        self,
        content: Box<dyn Read + '_>,
        mut each: impl FnMut(&Line, &[u8]) -> Result<(), String>,
    ) -> Result<(), VerifyError> {
        let Self { key, digest, object } = self;
        let fault = |kind, problem: String| Fault::new(kind, key, problem);
        let mut lines = Lines::of(content, object.byte_count);
        let (mut hasher, mut merkle) = (Sha256::new(), MerkleTree::default());
        let (mut count, mut bytes, mut last_at) = (0, 0, digest.window_start);
        while let Some(bytes_of_line) = lines.next().map_err(|broken| self.broken(broken, count + 1))? {
            count += 1;
            hasher.update(bytes_of_line);
            bytes += bytes_of_line.len() as u64;
            let text = bytes_of_line.strip_suffix(b"\n").unwrap_or(bytes_of_line);
            merkle.push(text);
            let line = Line::parse(text).map_err(|error| fault(FaultKind::Line, error.to_string()).line(count))?;
            self.check_line(&line, count)?;
            let at = line.recorded.recorded_at;
            if at < last_at {
                let problem = format!("is {at}, and that of the line before is {last_at}");
                return Err(fault(FaultKind::Line, problem).line(count).member("recordedAt").into());
            }
            last_at = at;
            each(&line, text).map_err(|problem| fault(FaultKind::Repeated, problem).line(count).member("id"))?;
        }
        let sha256 = hex::encode(hasher.finalize());
        for (member, found, named) in [
            ("eventCount", count.to_string(), digest.event_count.to_string()),
            ("object.byteCount", bytes.to_string(), object.byte_count.to_string()),
            ("object.sha256", sha256, object.sha256.clone()),
            ("merkleRoot", merkle.root(), digest.merkle_root.clone()),
        ] {
            if found != named {
                let problem = format!("is {found} of the lines there, and {named} in the digest");
                return Err(fault(FaultKind::Content, problem).member(member).into());
            }
        }
        Ok(())
    }

    /// What a line says, beside its digest.
    fn check_line(self, line: &Line, number: u64) -> Result<(), Fault> {
        let Self { key, digest, .. } = self;
        let wrong = |kind, member, problem: String| Err(Fault::new(kind, key, problem).line(number).member(member));
        if line.org != digest.org_id {
            return wrong(FaultKind::WrongOrg, "orgId", format!("is {}", line.org));
        }
        let seq = digest.first_seq + (number - 1);
        if line.seq != seq {
            return wrong(FaultKind::Line, "seq", format!("is {}, and {seq} comes next", line.seq));
        }
        if seq > digest.last_seq {
            return wrong(FaultKind::Content, "seq", format!("is {seq}, and the digest ends with {}", digest.last_seq));
        }
        let (at, start, end) = (line.recorded.recorded_at, digest.window_start, digest.window_end);
        if at < start || at >= end {
            return wrong(FaultKind::Line, "recordedAt", format!("is {at}, outside the window {start} – {end}"));
        }
        let day = segment_of(digest).day();
        if at.day() != day {
            return wrong(FaultKind::Line, "recordedAt", format!("is {at}, not of the day {day} of the object's key"));
        }
        Ok(())
    }

    fn broken(self, broken: Broken, line: u64) -> VerifyError {
        let fault = |kind, problem: &str| Fault::new(kind, self.key, problem);
        match broken {
            Broken::Source(error) => SourceError { place: self.key.to_owned(), problem: error.to_string() }.into(),
            Broken::Compression(problem) => {
                fault(FaultKind::Compression, &format!("cannot be decompressed: {problem}")).into()
            }
            Broken::TooMany => {
                let problem = format!("holds more than the {} bytes that its digest names", self.object.byte_count);
                fault(FaultKind::Compression, &problem).line(line).member("object.byteCount").into()
            }
            Broken::TooLong => fault(FaultKind::Line, "is longer than any event").line(line).into(),
            Broken::Unterminated => fault(FaultKind::Line, "does not end with a line feed").line(line).into(),
        }
    }
}
