use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use sporlog_model::export::{MerkleTree, SegmentSummary, write_line};
use sporlog_model::{OrgId, RecordedEvent};

/// Builds a segment line by line: compressed, hashed, counted. Only the compressed bytes stay in memory.
#[derive(Debug)]
pub struct SegmentWriter {
    org: OrgId,
    next_seq: u64,
    encoder: GzEncoder<Vec<u8>>,
    hasher: Sha256,
    merkle: MerkleTree,
    event_count: u64,
    byte_count: u64,
    line: Vec<u8>,
}

/// A segment ready to be put.
#[derive(Debug)]
pub struct WrittenSegment {
    /// NDJSON in one gzip member (RFC 1952). Without a time stamp, so that the same lines give the same bytes.
    pub gzip: Bytes,
    pub summary: SegmentSummary,
}

impl SegmentWriter {
    /// A segment whose first event gets the number `first_seq`.
    pub fn new(org: &OrgId, first_seq: u64) -> Self {
        Self {
            org: org.clone(),
            next_seq: first_seq,
            encoder: GzEncoder::new(Vec::new(), Compression::default()),
            hasher: Sha256::new(),
            merkle: MerkleTree::default(),
            event_count: 0,
            byte_count: 0,
            line: Vec::new(),
        }
    }

    /// Adds an event.
    pub fn push(&mut self, recorded: &RecordedEvent) -> io::Result<()> {
        self.line.clear();
        write_line(&mut self.line, self.next_seq, &self.org, recorded)?;
        self.encoder.write_all(&self.line)?;
        self.hasher.update(&self.line);
        self.merkle.push(self.line.strip_suffix(b"\n").unwrap_or(&self.line));
        self.next_seq += 1;
        self.event_count += 1;
        self.byte_count += self.line.len() as u64;
        Ok(())
    }

    /// Events so far.
    pub fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Bytes of lines so far, uncompressed.
    pub fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// The segment.
    pub fn finish(self) -> io::Result<WrittenSegment> {
        Ok(WrittenSegment {
            gzip: self.encoder.finish()?.into(),
            summary: SegmentSummary {
                event_count: self.event_count,
                byte_count: self.byte_count,
                sha256: hex::encode(self.hasher.finalize()),
                merkle_root: self.merkle.root(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use sporlog_model::export::sha256_hex;
    use sporlog_model::{EntityType, Instant, folio};

    use super::*;

    fn segment() -> WrittenSegment {
        let mut writer = SegmentWriter::new(&OrgId::parse("diku").unwrap(), 41);
        for day in 1..=3 {
            let payload = format!(
                r#"{{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa{day}","action":"Edit","pieceId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
                "actionDate":"2022-11-0{day}","pieceSnapshot":{{"text":"line\nbreak"}}}}"#
            );
            let event = folio::parse_event(EntityType::Piece, payload.as_bytes()).unwrap();
            writer.push(&RecordedEvent { event, recorded_at: Instant::parse("2026-11-20").unwrap() }).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn the_same_events_give_the_same_bytes() {
        let (one, two) = (segment(), segment());
        assert_eq!(one.gzip, two.gzip);
        assert_eq!(one.summary, two.summary);
    }

    #[test]
    fn the_summary_describes_the_lines() {
        let WrittenSegment { gzip, summary } = segment();
        let mut lines = String::new();
        GzDecoder::new(&gzip[..]).read_to_string(&mut lines).unwrap();
        assert_eq!(summary.byte_count, lines.len() as u64);
        assert_eq!(summary.sha256, sha256_hex(lines.as_bytes()));
        let mut merkle = MerkleTree::default();
        let numbers: Vec<u64> = lines
            .lines()
            .map(|line| {
                merkle.push(line.as_bytes());
                serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap()
            })
            .collect();
        assert_eq!(numbers, [41, 42, 43]);
        assert_eq!(summary.merkle_root, merkle.root());
    }
}
