//! A sound export to which somebody did anything: any bytes of any objects, any objects gone, copied, renamed or swapped.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use sporlog_model::OrgId;
use sporlog_model::export::Digest;
use sporlog_verify::{Fault, Fingerprint, Options, Report, Source, SourceError, Verifier, VerifyError};

use super::{Edit, edit, for_all};
use crate::harness::org;
use crate::verify::copy::{gunzip, gzip};
use crate::verify::export::{Export, Key, at};

/// A bucket in memory. Whoever opens a key that it did not list is told so by a panic.
#[derive(Debug, Clone)]
pub(super) struct Bucket(pub(super) BTreeMap<String, Vec<u8>>);

impl Source for Bucket {
    fn name(&self) -> String {
        "a bucket".to_owned()
    }

    fn list(&self, org: &OrgId) -> Result<Vec<String>, SourceError> {
        let segment = format!("org_id={org}");
        Ok(self.0.keys().filter(|key| key.split('/').any(|part| part == segment)).cloned().collect())
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        Ok(Box::new(Cursor::new(&self.0[key])))
    }

    fn has_whole_keys(&self) -> bool {
        true
    }
}

pub(super) fn verify(source: impl Source + 'static, options: &Options) -> Result<Report, Fault> {
    let sources: [Box<dyn Source>; 1] = [Box::new(source)];
    match (Verifier { sources: &sources, org: &org("diku"), options }).verify() {
        Ok(report) => Ok(report),
        Err(VerifyError::Fault(fault)) => Err(*fault),
        Err(VerifyError::Source(error)) => panic!("{error}"),
    }
}

/// Both streams, windows with and without events, everything signed, and the test of a connection left behind.
static SOUND: LazyLock<(BTreeMap<String, Vec<u8>>, Options)> = LazyLock::new(|| {
    let key = Key::new();
    let mut export = Export::usual(Some(&key));
    export.files.insert("org_id=diku/connection-tests/0001".to_owned(), b"test".to_vec());
    export.files.insert("org_id=other/date=2026-03-01/x".to_owned(), b"of somebody else".to_vec());
    let trusted = [Fingerprint::parse(&key.public).unwrap()].into_iter().collect();
    (export.files, Options { trusted, require_signature: true, ..Options::default() })
});

/// What somebody did. Objects are chosen by their place in the listing.
#[derive(Debug, Clone)]
enum Deed {
    Edit(Index, Edit),
    Drop(Index),
    Swap(Index, Index),
    Copy(Index, String),
    Rename(Index, String),
    Add(String, Vec<u8>),
}

/// A key near to the object's own, or somewhere else.
fn new_key(old: &str, to: &str) -> String {
    match to.split_once('→') {
        Some((from, to)) => old.replacen(from, to, 1),
        None => to.to_owned(),
    }
}

impl Deed {
    fn apply(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        let keys: Vec<String> = files.keys().cloned().collect();
        let chosen = |at: &Index| keys.get(at.index(keys.len().max(1))).cloned();
        match self {
            Self::Edit(at, edit) => {
                let Some(key) = chosen(at) else { return };
                edit.apply(files.get_mut(&key).unwrap());
            }
            Self::Drop(at) => drop(chosen(at).and_then(|key| files.remove(&key))),
            Self::Swap(one, other) => {
                let Some((one, other)) = chosen(one).zip(chosen(other)) else { return };
                let (a, b) = (files[&one].clone(), files[&other].clone());
                files.insert(one, b);
                files.insert(other, a);
            }
            Self::Copy(at, to) => {
                let Some(key) = chosen(at) else { return };
                files.insert(new_key(&key, to), files[&key].clone());
            }
            Self::Rename(at, to) => {
                let Some(key) = chosen(at) else { return };
                let content = files.remove(&key).unwrap();
                files.insert(new_key(&key, to), content);
            }
            Self::Add(key, content) => drop(files.insert(key.clone(), content.clone())),
        }
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let places = vec![
        "digests→Digests",
        "org_id=diku→org_id=other",
        "org_id=diku→org_id=diku/../org_id=diku",
        "org_id=diku→/org_id=diku",
        "org_id=diku→p/org_id=diku",
        "org_id=diku→org_id=diku/org_id=diku",
        "0→1",
        "0→０",
        "0→٠",
        "0→",
        "0→00",
        "1→2",
        "4→5",
        "-→--",
        ".json→.JSON",
        ".json→.json.json",
        ".jsonl.gz→.jsonl",
        "date=2026-03-01→date=2026-03-02",
        "date=→date=../date=",
        "digests/→digests//",
        "digests/→connection-tests/",
        "date=→connection-tests/",
        "diku/→diku/./",
        "org_id=diku/notes",
        "org_id=diku/",
        "org_id=diku//digests/000000000001-000000000004.json",
        "../org_id=diku/digests/000000000001-000000000004.json",
        "org_id=diku/digests/000000000013-000000000012-20260303T090000000000Z.json",
        "org_id=diku/digests/18446744073709551615-18446744073709551615.json",
        "org_id=diku/digests/000000000000-000000000000.json",
        "org_id=diku/date=/000000000001-x.jsonl.gz",
    ];
    let place = move || prop::sample::select(places.clone()).prop_map(str::to_owned);
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        Just(gzip(&vec![b' '; 1 << 20])),
        Just(b"[".repeat(100_000)),
        Just(Vec::new()),
    ];
    let deed = prop_oneof![
        4 => (any::<Index>(), edit()).prop_map(|(at, edit)| Deed::Edit(at, edit)),
        2 => any::<Index>().prop_map(Deed::Drop),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Deed::Swap(one, other)),
        2 => (any::<Index>(), place()).prop_map(|(at, to)| Deed::Copy(at, to)),
        2 => (any::<Index>(), place()).prop_map(|(at, to)| Deed::Rename(at, to)),
        1 => (place(), content).prop_map(|(key, content)| Deed::Add(new_key("org_id=diku/digests/000000000001-000000000004.json", &key), content)),
    ];
    prop::collection::vec(deed, 1..4)
}

/// What there is of the organization's log, wherever it stands: by the place and by the name in it, the digest or the lines.
fn log_of(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<(String, String), String> {
    let mut log = BTreeMap::new();
    for (key, bytes) in files {
        let Some((place, name)) = key.rsplit_once("org_id=diku/") else { continue };
        let is_elsewhere = !place.is_empty() && !place.ends_with('/');
        if is_elsewhere || name.starts_with("connection-tests/") {
            continue;
        }
        let text = if name.strip_suffix(".gz").is_some() { gunzip(bytes) } else { nameless(bytes) };
        log.insert((name.to_owned(), place.to_owned()), text);
    }
    log
}

/// A digest without the name of the key that signed it, which the signature does not cover: in the newest digest it can be any. In
/// those before, the hash in the next one holds it.
fn nameless(digest: &[u8]) -> String {
    let mut digest = Digest::parse(digest).unwrap();
    if let Some(signature) = &mut digest.signature {
        signature.key_id.clear();
    }
    String::from_utf8(digest.to_bytes().unwrap()).unwrap()
}

/// Why it is no fault that these files are others than the sound ones; `None` if it would be one.
fn harmless(files: &BTreeMap<String, Vec<u8>>, report: &Report) -> Option<&'static str> {
    let (now, before) = (log_of(files), log_of(&SOUND.0));
    // In compressed bytes there is room for changes that no line shows, such as the time in the header.
    let is_there = |name: &str, text: &str| now.iter().any(|((known, _), other)| known == name && other == text);
    let missing = before.iter().filter(|((name, _), text)| !is_there(name, text)).count();
    let second = (now.len() + missing).saturating_sub(before.len());
    if report.left_behind != second as u64 {
        return None;
    }
    if missing == 0 {
        // A digest without an object may stand in another place, as after a change of the prefix.
        return Some(
            "every digest and every line is there; what is there twice is told of, and of others nothing is said",
        );
    }
    // The others are there, up to one of the sound ones.
    let newest = report.newest_digest_key.as_str();
    let (_, name) = newest.rsplit_once("org_id=diku/")?;
    let sound = SOUND.0.get(&format!("org_id=diku/{name}"));
    let is_sound = sound.is_some_and(|bytes| nameless(bytes) == nameless(&files[newest]));
    (is_sound && report.complete_to < at("2026-03-03T08:00:00Z"))
        .then_some("the newest digests are gone with their objects: told by the age of the newest, or by its hash")
}

#[test]
fn the_sound_one_is_sound() {
    let (files, options) = &*SOUND;
    let report = verify(Bucket(files.clone()), options).unwrap();
    assert_eq!((report.events, report.digests, report.signed, report.connection_tests), (12, 4, 4, 1));
    assert!(harmless(files, &report).is_some());
}

/// Whatever was done: it is a fault, or one of two things that change nothing of what was proven.
#[test]
fn whatever_was_done_is_told() {
    let (sound, options) = &*SOUND;
    let whole = verify(Bucket(sound.clone()), options).unwrap();
    for_all(&deeds(), |deeds| {
        let mut files = sound.clone();
        for deed in deeds {
            deed.apply(&mut files);
        }
        let Ok(report) = verify(Bucket(files.clone()), options) else { return Ok(()) };
        let why = harmless(&files, &report);
        prop_assert!(why.is_some(), "{report:?}");
        if report.complete_to == whole.complete_to {
            let fingerprints =
                |report: &Report| report.signers.iter().map(|signer| signer.fingerprint.clone()).collect::<Vec<_>>();
            prop_assert_eq!(fingerprints(&report), fingerprints(&whole));
            let Report { connection_tests, left_behind, signers, newest_digest_sha256, .. } = whole.clone();
            prop_assert_eq!(
                Report { connection_tests, left_behind, signers, newest_digest_sha256, ..report },
                whole.clone()
            );
        }
        Ok(())
    });
}

/// Every pair of objects, not some: no digest stands for another, no object for another.
#[test]
fn no_two_objects_can_be_swapped_and_none_can_be_missed() {
    let (sound, options) = &*SOUND;
    let keys: Vec<&String> =
        sound.keys().filter(|key| key.starts_with("org_id=diku/") && !key.contains("connection-tests")).collect();
    assert_eq!(keys.len(), 7);
    for one in &keys {
        let mut files = sound.clone();
        files.remove(*one);
        assert!(verify(Bucket(files), options).is_err(), "without {one}");
        for other in keys.iter().filter(|other| *other != one) {
            let mut files = sound.clone();
            files.insert((*one).clone(), sound[*other].clone());
            assert!(verify(Bucket(files.clone()), options).is_err(), "{other} in the place of {one}");
            files.insert((*other).clone(), sound[*one].clone());
            assert!(verify(Bucket(files), options).is_err(), "{one} and {other} swapped");
        }
    }
}
