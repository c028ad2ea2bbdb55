use std::io::{self, Write};
use std::iter;
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use memchr::memchr_iter;
use sha2::{Digest, Sha256};
use sporlog_model::export::{MerkleTree, SegmentSummary, write_line};
use sporlog_model::{OrgId, RecordedEvent};

/// Bytes of lines that go to the other thread at a time, so that the threads seldom wake each other.
const BATCH_BYTES: usize = 128 * 1024;

/// How many batches may wait: about 8 MB, as much as is written while the next pages are read. One of longer lines counts for several.
const WAITING_BATCHES: usize = 64;

/// Builds a segment line by line: compressed, hashed, counted. Only the compressed bytes stay in memory.
///
/// Lines are hashed and compressed in a thread of their own, unless there are only a few: it takes as long as reading them, so a
/// function with more than one processor is done in about half the time, and with one it works while pages are on their way.
#[derive(Debug)]
pub struct SegmentWriter {
    org: OrgId,
    next_seq: u64,
    event_count: u64,
    byte_count: u64,
    /// Whole lines that are not handed over yet.
    lines: Vec<u8>,
    press: Press,
}

/// Where lines are hashed and compressed.
#[derive(Debug)]
enum Press {
    /// Nowhere yet.
    Waiting,
    Thread {
        lines: SyncSender<Vec<u8>>,
        ended: JoinHandle<io::Result<Pressed>>,
    },
}

/// What becomes of lines.
#[derive(Debug)]
struct Pressed {
    encoder: GzEncoder<Vec<u8>>,
    hasher: Sha256,
    merkle: MerkleTree,
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
            event_count: 0,
            byte_count: 0,
            lines: Vec::new(),
            press: Press::Waiting,
        }
    }

    /// Adds an event. Blocks while about 8 MB of lines wait to be compressed.
    pub fn push(&mut self, recorded: &RecordedEvent) -> io::Result<()> {
        let before = self.lines.len();
        write_line(&mut self.lines, self.next_seq, &self.org, recorded)?;
        self.next_seq += 1;
        self.event_count += 1;
        self.byte_count += (self.lines.len() - before) as u64;
        if self.lines.len() >= BATCH_BYTES { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if let Press::Waiting = self.press {
            let (lines, waiting) = sync_channel(WAITING_BATCHES);
            self.press = Press::Thread { lines, ended: thread::spawn(move || Pressed::of(waiting)) };
        }
        let Press::Thread { lines, .. } = &self.press else { return Ok(()) };
        let batch = mem::replace(&mut self.lines, Vec::with_capacity(BATCH_BYTES * 2));
        // It takes the places of as many batches as it has bytes for: otherwise 64 lines of megabytes could wait.
        let others = iter::repeat_n(Vec::new(), batch.len().saturating_sub(BATCH_BYTES / 2) / BATCH_BYTES);
        // The thread's own error is told at the end.
        iter::once(batch)
            .chain(others)
            .try_for_each(|batch| lines.send(batch))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
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
        let pressed = match self.press {
            Press::Waiting => Pressed::of([self.lines])?,
            Press::Thread { lines, ended } => {
                let _ = lines.send(self.lines);
                drop(lines);
                ended.join().unwrap_or_else(|panic| resume_unwind(panic))?
            }
        };
        Ok(WrittenSegment {
            gzip: pressed.encoder.finish()?.into(),
            summary: SegmentSummary {
                event_count: self.event_count,
                byte_count: self.byte_count,
                sha256: hex::encode(pressed.hasher.finalize()),
                merkle_root: pressed.merkle.root(),
            },
        })
    }
}

impl Pressed {
    /// Takes batches of whole lines until there are no more.
    fn of(batches: impl IntoIterator<Item = Vec<u8>>) -> io::Result<Self> {
        let mut pressed = Self {
            encoder: GzEncoder::new(Vec::new(), Compression::default()),
            hasher: Sha256::new(),
            merkle: MerkleTree::default(),
        };
        for batch in batches {
            pressed.encoder.write_all(&batch)?;
            pressed.hasher.update(&batch);
            let mut begin = 0;
            // A line has no line feed but the one at its end.
            for end in memchr_iter(b'\n', &batch) {
                pressed.merkle.push(&batch[begin..end]);
                begin = end + 1;
            }
        }
        Ok(pressed)
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
