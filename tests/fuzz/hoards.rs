//! Buckets that want `verify` to read too much or to believe anything: bombs, depths, numbers that no type holds, chains that lead nowhere.

use std::cell::Cell;
use std::io::{Read, Write};
use std::rc::Rc;

use flate2::{Compress, Compression, FlushCompress};
use sporlog_model::OrgId;
use sporlog_model::export::{Digest, MerkleTree, Segment, SegmentSummary, Stream, sha256_hex};
use sporlog_verify::{FaultKind, Options, Proof, Source, SourceError};

use super::bucket::{Bucket, verify};
use crate::verify::copy::{gunzip, gzip};
use crate::verify::export::{Export, Key, at};

/// A bucket that counts the bytes that are read out of it.
#[derive(Debug)]
struct Counted {
    bucket: Bucket,
    read: Rc<Cell<usize>>,
}

struct CountedObject<'a>(Box<dyn Read + 'a>, Rc<Cell<usize>>);

impl Read for CountedObject<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.set(self.1.get() + count);
        Ok(count)
    }
}

impl Source for Counted {
    fn name(&self) -> String {
        self.bucket.name()
    }

    fn list(&self, org: &OrgId) -> Result<Vec<String>, SourceError> {
        self.bucket.list(org)
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        Ok(Box::new(CountedObject(self.bucket.open(key)?, Rc::clone(&self.read))))
    }

    fn has_whole_keys(&self) -> bool {
        true
    }
}

/// A gzip member of 10 MB that decompresses to 10 GB of one byte: one compressed megabyte, ten thousand times.
fn bomb(byte: u8) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(4_096);
    compress.compress_vec(&vec![byte; 1 << 20], &mut block, FlushCompress::Full).unwrap();
    assert_eq!(compress.total_in(), 1 << 20);
    for _ in 0..10 << 10 {
        member.write_all(&block).unwrap();
    }
    member
}

/// An export of one segment whose digest vouches for as many bytes as it likes.
fn vouching_for(object: &[u8], byte_count: u64) -> Export {
    let mut export = Export::of("diku");
    let (window_start, window_end) = (at("2026-03-01"), at("2026-03-02"));
    let segment = Segment { stream: Stream::Live, window_start, window_end, first_seq: 1 };
    let summary =
        SegmentSummary { event_count: 1 << 40, byte_count, sha256: "ab".repeat(32), merkle_root: "cd".repeat(32) };
    export.add(segment, summary, object, None);
    export
}

#[test]
fn of_ten_gigabytes_in_ten_megabytes_next_to_nothing_is_read() {
    let spaces = bomb(b' ');
    assert!((9 << 20..12 << 20).contains(&spaces.len()), "{}", spaces.len());
    for (object, vouched, kind) in [
        // More than its digest vouches for, a line without end, and ten thousand million lines of nothing.
        (&spaces, 1_000, FaultKind::Compression),
        (&spaces, u64::MAX, FaultKind::Line),
        (&bomb(b'\n'), u64::MAX, FaultKind::Line),
    ] {
        let read = Rc::new(Cell::new(0));
        let bucket = Bucket(vouching_for(object, vouched).files);
        let fault = verify(Counted { bucket, read: Rc::clone(&read) }, &Options::default()).unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        // The digest, and of the object no more than the longest line takes.
        assert!(read.get() < 256 << 10, "{} bytes", read.get());
    }
}

/// Compressed text can be any number of empty blocks, or members of nothing: read through once, and kept nowhere.
#[test]
fn much_that_decompresses_to_nothing_ends() {
    let mut blocks = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    blocks.extend([0, 0, 0, 0xff, 0xff].repeat(500_000));
    for object in [blocks, gzip(b"").repeat(100_000)] {
        let fault = verify(Bucket(vouching_for(&object, 1_000).files), &Options::default()).unwrap_err();
        assert!(matches!(fault.kind, FaultKind::Compression | FaultKind::Content), "{fault}");
    }
}

/// What stands for the value of any member: of no type, of another, out of every range, and too deep.
fn wrong_values() -> Vec<String> {
    let mut values = [
        "1e400",
        "-1",
        "1.0",
        "1e0",
        "18446744073709551615",
        "18446744073709551616",
        "\"1\"",
        "null",
        "[]",
        "{}",
        "true",
        "\"\"",
        "\"\\ud800\"",
    ]
    .map(str::to_owned)
    .to_vec();
    values.extend([1_000, 7_000, 100_000].map(|depth| "[".repeat(depth)));
    values.push(format!("{}{}", "[".repeat(3_000), "]".repeat(3_000)));
    values.push(format!("\"{}\"", "0".repeat(7_000)));
    values
}

/// The places of the values of a flat or indented JSON text.
fn values_of(text: &str) -> Vec<(usize, usize)> {
    let value = regex_lite::Regex::new(r#"": ?("(?:[^"\\]|\\.)*"|[0-9a-z]+)"#).unwrap();
    value.captures_iter(text).map(|found| (found.get(1).unwrap().start(), found.get(1).unwrap().end())).collect()
}

#[test]
fn no_member_of_a_digest_can_be_anything_else() {
    let key = Key::new();
    let export = Export::usual(Some(&key));
    let (mut tried, digests) = (0, export.keys("/digests/"));
    for digest in [&digests[1], &digests[2]] {
        let text = String::from_utf8(export.files[digest].clone()).unwrap();
        for (start, end) in values_of(&text) {
            for value in wrong_values() {
                if value == text[start..end] {
                    continue;
                }
                let changed = format!("{}{value}{}", &text[..start], &text[end..]);
                let mut files = export.files.clone();
                files.insert(digest.clone(), changed.into_bytes());
                let fault = verify(Bucket(files), &Options::default()).unwrap_err();
                assert!(fault.problem.len() < 30_000, "{}", fault.problem.len());
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "{tried}");
}

/// Although their digest, made for just these lines, vouches for them.
#[test]
fn no_member_of_a_line_can_be_of_another_kind() {
    let template = Export::usual(None);
    let text = gunzip(&template.files[&template.keys("/date=")[0]]);
    let (line, rest) = text.split_once('\n').unwrap();
    let envelope = &line[..line.find(",\"data\":").unwrap()];
    let mut tried = 0;
    for (start, end) in values_of(envelope) {
        for value in wrong_values() {
            let lines = format!("{}{value}{}\n{rest}", &line[..start], &line[end..]);
            let mut merkle = MerkleTree::default();
            lines.lines().for_each(|line| merkle.push(line.as_bytes()));
            let summary = SegmentSummary {
                event_count: 4,
                byte_count: lines.len() as u64,
                sha256: sha256_hex(lines.as_bytes()),
                merkle_root: merkle.root(),
            };
            let (window_start, window_end) = (at("2026-03-01"), at("2026-03-01T06:00:00Z"));
            let mut export = Export::of("diku");
            export.add(
                Segment { stream: Stream::Live, window_start, window_end, first_seq: 1 },
                summary,
                &gzip(lines.as_bytes()),
                None,
            );
            let result = verify(Bucket(export.files), &Options::default());
            // An actor's name is any text, and `1` is an entity or an action like any other.
            let before = &envelope[..start];
            let is_of_the_actor = before.contains("\"actor\":") && !before.contains("\"occurredAt\":");
            let is_any_word = before.ends_with("\"entityId\":") || before.ends_with("\"action\":");
            let is_text = value.starts_with('"') && (is_of_the_actor || (is_any_word && value == "\"1\""));
            let is_nobody = is_of_the_actor && value == "null";
            assert!(result.is_err() || is_text || is_nobody, "{value} in the place of {}", &line[start..end]);
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

/// Empty windows that name each other, or themselves, as the one before.
#[test]
fn a_chain_that_leads_nowhere_ends() {
    let mut export = Export::usual(None);
    export.live("2026-03-04T00:00:00Z", 0, None);
    export.live("2026-03-05T00:00:00Z", 0, None);
    let digests = export.keys("/digests/000000000013-000000000012-");
    let [one, other] = &digests[..] else { panic!("{digests:?}") };
    let hash = |key: &String| Some(sha256_hex(&export.files[key]));
    for (of_one, of_other) in
        [(hash(other), hash(one)), (hash(one), hash(other)), (None, None), (hash(other), hash(other))]
    {
        let mut looped = export.clone();
        for (key, previous) in [(one, of_one), (other, of_other)] {
            let digest = Digest { previous_digest_sha256: previous, ..export.digest(key) };
            looped.put_digest(key, &digest);
        }
        let fault = verify(Bucket(looped.files), &Options::default()).unwrap_err();
        assert!(matches!(fault.kind, FaultKind::Chain | FaultKind::Window | FaultKind::Fork), "{fault}");
    }
}

/// A proof is read from anybody, too.
#[test]
fn depth_and_numbers_of_a_proof_are_refused() {
    for value in wrong_values() {
        let text = format!(
            "{{\"version\":1,\"seq\":{value},\"line\":\"\",\"leafHash\":\"\",\"path\":[],\"merkleRoot\":\"\",\"digestKey\":\"\",\"digestSha256\":\"\",\"digest\":\"\"}}"
        );
        let checked = Proof::parse(text.as_bytes(), "p").and_then(|proof| proof.check("p", &Options::default()));
        assert_eq!(checked.unwrap_err().kind, FaultKind::Proof, "{value}");
    }
}
