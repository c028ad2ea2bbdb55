//! A bucket with more digests than `verify` may keep.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::process::Command;
use std::time::Duration;

use sporlog_model::OrgId;
use sporlog_model::export::{Digest, DigestSignature, MerkleTree, Segment, Stream, sha256_hex};
use sporlog_verify::{Options, Source, SourceError};

use super::bucket::verify;
use crate::harness::org;
use crate::verify::export::{Key, at};

/// Days without an event, each in a digest as large as one may be. They are made when they are asked for.
#[derive(Debug)]
struct Flood {
    /// By key: the number of the window, the hash of the digest before, and the signature, which is another one each time.
    digests: BTreeMap<String, (u64, Option<String>, DigestSignature)>,
}

impl Flood {
    fn of(count: u64) -> Self {
        let (key, mut digests, mut previous) = (Key::new(), BTreeMap::new(), None);
        for number in 0..count {
            let signature = key.sign(&Self::digest(number, previous.clone()).signed_bytes().unwrap());
            let bytes = Self::bytes(number, previous.clone(), &signature);
            assert!((7_000..8_192).contains(&bytes.len()), "{}", bytes.len());
            digests.insert(
                Self::window(number).digest_key("org_id=diku", 0),
                (number, previous.replace(sha256_hex(&bytes)), signature),
            );
        }
        Self { digests }
    }

    fn window(number: u64) -> Segment {
        let window_start = at("2026-03-01").plus(Duration::from_secs(number));
        let window_end = window_start.plus(Duration::from_secs(1));
        Segment { stream: Stream::Live, window_start, window_end, first_seq: 1 }
    }

    fn digest(number: u64, previous_digest_sha256: Option<String>) -> Digest {
        let Segment { stream, window_start, window_end, first_seq } = Self::window(number);
        Digest {
            version: Digest::VERSION,
            org_id: org("diku"),
            stream,
            window_start,
            window_end,
            first_seq,
            last_seq: 0,
            event_count: 0,
            object: None,
            merkle_root: MerkleTree::default().root(),
            previous_digest_sha256,
            signature: None,
        }
    }

    fn bytes(number: u64, previous: Option<String>, signature: &DigestSignature) -> Vec<u8> {
        // The signature does not cover the name of its key.
        let signature = DigestSignature { key_id: "k".repeat(7_000), ..signature.clone() };
        Digest { signature: Some(signature), ..Self::digest(number, previous) }.to_bytes().unwrap()
    }
}

impl Source for Flood {
    fn name(&self) -> String {
        "a flood".to_owned()
    }

    fn list(&self, _: &OrgId) -> Result<Vec<String>, SourceError> {
        Ok(self.digests.keys().cloned().collect())
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        let (number, previous, signature) = &self.digests[key];
        Ok(Box::new(Cursor::new(Self::bytes(*number, previous.clone(), signature))))
    }

    fn has_whole_keys(&self) -> bool {
        true
    }
}

/// How many digests the flood has: of each, `verify` would keep 8 KB if it kept them.
const FLOOD: u64 = 8_000;

/// Verifies the flood and prints by how much that has raised the memory that this process has had at most.
#[test]
fn a_flood_of_days_without_an_event_is_one_chain() {
    let flood = Flood::of(FLOOD);
    let before = peak_kb();
    let report = verify(flood, &Options::default()).unwrap();
    assert_eq!((report.digests, report.signed, report.events), (FLOOD, FLOOD, 0));
    println!("raised by {} KB", peak_kb() - before);
}

/// Linux tells what a process has had at most.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap())
}

/// In a process of its own, in which nothing else takes memory.
#[test]
fn a_flood_is_not_kept() {
    let test = "fuzz::flood::a_flood_of_days_without_an_event_is_one_chain";
    let child = Command::new(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).output().unwrap();
    let printed = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{printed}");
    let raised: u64 = printed.split_once("raised by ").unwrap().1.split_once(" KB").unwrap().0.parse().unwrap();
    // The digests come to 60 MB.
    assert!(raised < 20 << 10, "{raised} KB");
}
