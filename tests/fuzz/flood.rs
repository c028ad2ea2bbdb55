//! Buckets with more digests than `verify` may keep: in one chain, in forks, and as copies.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::process::Command;
use std::time::Duration;

use sporlog_boot::Environment;
use sporlog_model::OrgId;
use sporlog_model::export::{Digest, MerkleTree, Segment, Stream, sha256_hex};
use sporlog_verify::{Fault, FaultKind, Options, Report, Source, SourceError};

use super::bucket::verify;
use crate::harness::org;
use crate::verify::export::{Export, Key, at};

/// How many digests a flood has: of each, `verify` would keep 8 KB if it kept them.
const FLOOD: u64 = 4_000;

/// Digests as large as one may be. They are made large when they are asked for, so that the flood itself takes little memory.
#[derive(Debug, Default)]
struct Flood {
    digests: BTreeMap<String, Digest>,
    objects: BTreeMap<String, Vec<u8>>,
}

impl Flood {
    /// Days without an event; each names the one before it that `previous` says, given its number and the hash of the one before.
    fn of_days(previous: impl Fn(u64, Option<String>) -> Option<String>) -> Self {
        let (key, mut flood, mut last) = (Key::new(), Self::default(), None);
        for number in 0..FLOOD {
            let digest = signed(Self::day(number, previous(number, last)), &key);
            last = Some(hash_of(&digest));
            flood.digests.insert(Self::key("", &digest), digest);
        }
        flood
    }

    /// Two days without an event, each in as many copies. No two copies have one signature, so none has the hash of another;
    /// the second day names the copy of the first whose hash is the greatest.
    fn of_copies() -> Self {
        let (key, mut flood, mut previous) = (Key::new(), Self::default(), None);
        for number in 0..2 {
            let mut greatest = None;
            for copy in 0..FLOOD {
                let digest = signed(Self::day(number, previous.clone()), &key);
                greatest = greatest.max(Some(hash_of(&digest)));
                flood.digests.insert(Self::key(&format!("copy{copy}/"), &digest), digest);
            }
            previous = greatest;
        }
        flood
    }

    /// A segment whose digest stands in many places; each says that its place in the bucket is far below where it is now.
    fn of_places() -> Self {
        let mut export = Export::of("diku");
        export.live("2026-03-01T06:00:00Z", 1, None);
        let [(object, lines), (_, digest)] = export.files.into_iter().collect::<Vec<_>>().try_into().unwrap();
        let digest = Digest::parse(&digest).unwrap();
        let mut flood = Self::default();
        for place in 0..FLOOD {
            let prefix = format!("place{place}/");
            let mut digest = digest.clone();
            digest.object.as_mut().unwrap().key = format!("{prefix}{object}");
            flood.digests.insert(Self::key(&prefix, &digest), digest);
        }
        flood.objects.insert(format!("place0/{object}"), lines);
        flood
    }

    fn segment(digest: &Digest) -> Segment {
        let Digest { stream, window_start, window_end, first_seq, .. } = *digest;
        Segment { stream, window_start, window_end, first_seq }
    }

    fn key(prefix: &str, digest: &Digest) -> String {
        Self::segment(digest).digest_key(&format!("{prefix}org_id=diku"), digest.last_seq)
    }

    fn day(number: u64, previous_digest_sha256: Option<String>) -> Digest {
        let window_start = at("2026-03-01").plus(Duration::from_secs(number));
        Digest {
            version: Digest::VERSION,
            org_id: org("diku"),
            stream: Stream::Live,
            window_start,
            window_end: window_start.plus(Duration::from_secs(1)),
            first_seq: 1,
            last_seq: 0,
            event_count: 0,
            object: None,
            merkle_root: MerkleTree::default().root(),
            previous_digest_sha256,
            signature: None,
        }
    }
}

fn signed(digest: Digest, key: &Key) -> Digest {
    Digest { signature: Some(key.sign(&digest.signed_bytes().unwrap())), ..digest }
}

/// As large as it may be: with the name of its key, which the signature does not cover, or with that of its object.
fn bytes_of(digest: &Digest) -> Vec<u8> {
    let (mut digest, filler) = (digest.clone(), "k".repeat(7_000));
    if let Some(object) = &mut digest.object {
        object.key = format!("{filler}/{}", object.key);
    }
    if let Some(signature) = &mut digest.signature {
        signature.key_id = filler;
    }
    let bytes = digest.to_bytes().unwrap();
    assert!((7_000..8_192).contains(&bytes.len()), "{}", bytes.len());
    bytes
}

fn hash_of(digest: &Digest) -> String {
    sha256_hex(&bytes_of(digest))
}

impl Source for Flood {
    fn name(&self) -> String {
        "a flood".to_owned()
    }

    fn list(&self, _: &OrgId) -> Result<Vec<String>, SourceError> {
        Ok(self.digests.keys().chain(self.objects.keys()).cloned().collect())
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        let digest = self.digests.get(key).map(bytes_of);
        Ok(Box::new(Cursor::new(digest.unwrap_or_else(|| self.objects[key].clone()))))
    }

    fn has_whole_keys(&self) -> bool {
        false
    }
}

/// Set in the process of a single flood.
const ALONE: &str = "SPORLOG_TEST_FLOOD";
/// By how much `verify` may raise the memory, in KB. The digests of each flood come to 30 MB, and more than that was kept of all but the
/// one chain.
const MOST_RAISED: u64 = 20 << 10;

/// Verifies a flood in a process of its own, in which nothing else takes memory: the same test, started once more. There `check` is
/// given what came of it; here it must have taken little memory.
fn verified_alone(test: &str, flood: impl FnOnce() -> Flood, check: impl FnOnce(Result<Report, Fault>)) {
    if Environment::of_process().get(ALONE).is_some() {
        let flood = flood();
        let before = peak_kb();
        let result = verify(flood, &Options::default());
        println!("raised by {} KB", peak_kb() - before);
        return check(result);
    }
    let test = format!("fuzz::flood::{test}");
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", &test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let printed = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{printed}{}", String::from_utf8_lossy(&child.stderr));
    let raised: u64 = printed.split_once("raised by ").unwrap().1.split_once(" KB").unwrap().0.parse().unwrap();
    println!("{test}: {raised} KB");
    assert!(raised < MOST_RAISED, "{raised} KB");
}

/// Linux tells what a process has had at most.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    assert!(line.is_some() || !cfg!(target_os = "linux"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap())
}

/// That the fork is told of its first two digests, and no more of them were needed.
fn assert_fork(result: Result<Report, Fault>, one: u64, other: u64) {
    let fault = result.unwrap_err();
    let key = |number| Flood::key("", &Flood::day(number, None));
    assert_eq!((fault.kind, &fault.key), (FaultKind::Fork, &key(other)), "{fault}");
    assert!(fault.problem.contains(&format!("as {}:", key(one))), "{fault}");
}

#[test]
fn a_flood_of_days_is_one_chain() {
    let flood = || Flood::of_days(|_, before| before);
    verified_alone("a_flood_of_days_is_one_chain", flood, |result| {
        let report = result.unwrap();
        assert_eq!((report.digests, report.signed, report.events, report.left_behind), (FLOOD, FLOOD, 0, 0));
    });
}

#[test]
fn a_flood_of_first_days_is_a_fork() {
    let flood = || Flood::of_days(|_, _| None);
    verified_alone("a_flood_of_first_days_is_a_fork", flood, |result| assert_fork(result, 0, 1));
}

#[test]
fn a_flood_of_second_days_is_a_fork() {
    let first = std::cell::OnceCell::new();
    let flood = || Flood::of_days(|number, before| (number > 0).then(|| first.get_or_init(|| before.unwrap()).clone()));
    verified_alone("a_flood_of_second_days_is_a_fork", flood, |result| assert_fork(result, 1, 2));
}

#[test]
fn a_flood_of_copies_is_counted() {
    verified_alone("a_flood_of_copies_is_counted", Flood::of_copies, |result| {
        let report = result.unwrap();
        assert_eq!((report.digests, report.signed, report.left_behind), (2, 2, 2 * (FLOOD - 1)));
    });
}

#[test]
fn a_flood_of_places_is_counted() {
    verified_alone("a_flood_of_places_is_counted", Flood::of_places, |result| {
        let report = result.unwrap();
        assert_eq!((report.digests, report.objects, report.events, report.left_behind), (1, 1, 1, FLOOD - 1));
    });
}
