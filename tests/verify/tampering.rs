use sporlog_export::SegmentWriter;
use sporlog_model::export::{MerkleTree, Segment, SegmentSummary, Stream, sha256_hex};
use sporlog_model::{EntityType, RecordedEvent};
use sporlog_verify::FaultKind;

use super::assert_fault;
use super::copy::{gunzip, gzip};
use super::export::{Export, at};
use crate::harness::{FolioEvent, org};

/// What somebody did, the kind of thing that is named, and what its place and words have in them.
type Case = (&'static str, fn(&mut Export, &Keys), FaultKind, fn(&Keys) -> String);

/// The keys of the usual export, in the order of the log.
struct Keys {
    objects: Vec<String>,
    digests: Vec<String>,
}

const LINES: [Case; 9] = [
    (
        "a byte of a line",
        |export, keys| export.edit(&keys.objects[1], |text| text.replacen("snapshot", "snapshop", 1)),
        FaultKind::Content,
        |keys| format!("{}, object.sha256", keys.objects[1]),
    ),
    (
        "a space in a line",
        |export, keys| export.edit_lines(&keys.objects[1], |lines| lines[1] = lines[1].replacen(':', ": ", 1)),
        FaultKind::Line,
        |keys| format!("{}, line 2: does not have the one form", keys.objects[1]),
    ),
    (
        "a member twice in a line",
        |export, keys| {
            export.edit_lines(&keys.objects[0], |lines| {
                lines[2] = lines[2].replacen("{\"seq\":3", "{\"seq\":3,\"seq\":3", 1);
            });
        },
        FaultKind::Line,
        |keys| format!("{}, line 3", keys.objects[0]),
    ),
    (
        "a line taken out",
        |export, keys| export.edit_lines(&keys.objects[1], |lines| drop(lines.remove(1))),
        FaultKind::Line,
        |keys| format!("{}, line 2, seq: is 7, and 6 comes next", keys.objects[1]),
    ),
    (
        "the last line taken out",
        |export, keys| export.edit_lines(&keys.objects[2], |lines| drop(lines.pop())),
        FaultKind::Content,
        |keys| format!("{}, eventCount: is 3 of the lines there, and 4 in the digest", keys.objects[2]),
    ),
    (
        "two lines swapped",
        |export, keys| export.edit_lines(&keys.objects[0], |lines| lines.swap(2, 3)),
        FaultKind::Line,
        |keys| format!("{}, line 3, seq: is 4", keys.objects[0]),
    ),
    (
        "a line renumbered",
        |export, keys| export.edit(&keys.objects[0], |text| text.replacen("\"seq\":3", "\"seq\":9", 1)),
        FaultKind::Line,
        |keys| format!("{}, line 3, seq: is 9", keys.objects[0]),
    ),
    (
        "a line of another organization",
        |export, keys| export.edit(&keys.objects[0], |text| text.replacen("\"diku\"", "\"dike\"", 1)),
        FaultKind::WrongOrg,
        |keys| format!("{}, line 1, orgId: is dike", keys.objects[0]),
    ),
    (
        "a line without an end",
        |export, keys| export.edit(&keys.objects[0], |text| text.trim_end().to_owned()),
        FaultKind::Line,
        |keys| format!("{}, line 4: does not end", keys.objects[0]),
    ),
];

const OBJECTS: [Case; 10] = [
    (
        "a byte of an object",
        |export, keys| *export.files.get_mut(&keys.objects[1]).unwrap().iter_mut().rev().nth(6).unwrap() ^= 1,
        FaultKind::Compression,
        |keys| keys.objects[1].clone(),
    ),
    (
        "an object cut",
        |export, keys| export.files.get_mut(&keys.objects[1]).unwrap().truncate(100),
        FaultKind::Compression,
        |keys| format!("{}: cannot be decompressed: it is cut", keys.objects[1]),
    ),
    (
        "an object emptied",
        |export, keys| export.files.get_mut(&keys.objects[1]).unwrap().clear(),
        FaultKind::Compression,
        |keys| keys.objects[1].clone(),
    ),
    (
        "a second gzip member",
        |export, keys| {
            let more = gzip(b"{}\n");
            export.files.get_mut(&keys.objects[0]).unwrap().extend(more);
        },
        FaultKind::Compression,
        |keys| format!("{}: cannot be decompressed: more bytes follow", keys.objects[0]),
    ),
    (
        "a bomb",
        |export, keys| {
            export.files.insert(keys.objects[1].clone(), gzip(&vec![b' '; 40 << 20]));
        },
        FaultKind::Compression,
        |keys| format!("{}, line 1, object.byteCount: holds more than", keys.objects[1]),
    ),
    (
        "the newest object gone",
        |export, keys| drop(export.files.remove(&keys.objects[2])),
        FaultKind::ObjectMissing,
        |keys| format!("{}: is not there, and the digest {}", keys.objects[2], keys.digests[3]),
    ),
    (
        "an old object gone",
        |export, keys| drop(export.files.remove(&keys.objects[0])),
        FaultKind::ObjectMissing,
        |keys| keys.objects[0].clone(),
    ),
    (
        "an object copied to another day",
        |export, keys| {
            let copy = keys.objects[0].replace("2026-03-01", "2026-02-28");
            export.files.insert(copy, export.files[&keys.objects[0]].clone());
        },
        FaultKind::Orphan,
        |keys| keys.objects[0].replace("2026-03-01", "2026-02-28"),
    ),
    (
        "an object moved to another day",
        |export, keys| {
            let object = export.files.remove(&keys.objects[0]).unwrap();
            export.files.insert(keys.objects[0].replace("2026-03-01", "2026-02-28"), object);
        },
        FaultKind::ObjectMissing,
        |keys| keys.objects[0].clone(),
    ),
    (
        "something else beside the log",
        |export, _| drop(export.files.insert("org_id=diku/notes.txt".to_owned(), b"hello".to_vec())),
        FaultKind::Orphan,
        |_| "org_id=diku/notes.txt".to_owned(),
    ),
];

const DIGESTS: [Case; 12] = [
    (
        "a digest gone",
        |export, keys| drop(export.files.remove(&keys.digests[1])),
        FaultKind::Gap,
        |keys| {
            format!(
                "{}: begins with number 9; the digest before it is {}: the numbers 5–8 are missing",
                keys.digests[2], keys.digests[0]
            )
        },
    ),
    (
        "the first digest gone",
        |export, keys| drop(export.files.remove(&keys.digests[0])),
        FaultKind::Gap,
        |_| "the numbers 1–4 are missing".to_owned(),
    ),
    (
        "the digest of a window without events gone",
        |export, keys| drop(export.files.remove(&keys.digests[2])),
        FaultKind::Chain,
        |keys| format!("{}, previousDigestSha256: names a digest", keys.digests[3]),
    ),
    (
        "the newest digest gone and its object kept",
        |export, keys| drop(export.files.remove(&keys.digests[3])),
        FaultKind::Orphan,
        |keys| format!("{}: is there, and no digest names it", keys.objects[2]),
    ),
    (
        "the contents of two digests swapped",
        |export, keys| {
            let (one, other) = (export.digest(&keys.digests[0]), export.digest(&keys.digests[1]));
            export.put_digest(&keys.digests[0], &other);
            export.put_digest(&keys.digests[1], &one);
        },
        FaultKind::WrongKey,
        |keys| format!("{}: holds the digest whose key is {}", keys.digests[0], keys.digests[1]),
    ),
    (
        "a member twice in a digest",
        |export, keys| {
            let text = String::from_utf8(export.files[&keys.digests[1]].clone()).unwrap();
            let twice = text.replacen("\"firstSeq\": 5", "\"firstSeq\": 5,\n  \"firstSeq\": 5", 1);
            export.files.insert(keys.digests[1].clone(), twice.into_bytes());
        },
        FaultKind::Digest,
        |keys| keys.digests[1].clone(),
    ),
    (
        "a line feed behind a digest",
        |export, keys| export.files.get_mut(&keys.digests[1]).unwrap().push(b'\n'),
        FaultKind::Digest,
        |keys| format!("{}: does not have the one form", keys.digests[1]),
    ),
    (
        "a digest of any size",
        |export, keys| export.files.get_mut(&keys.digests[1]).unwrap().resize(1 << 20, b' '),
        FaultKind::Digest,
        |keys| format!("{}: is too large", keys.digests[1]),
    ),
    (
        "an event more, says a digest",
        |export, keys| {
            let mut digest = export.digest(&keys.digests[1]);
            digest.event_count += 1;
            export.put_digest(&keys.digests[1], &digest);
        },
        FaultKind::Digest,
        |keys| format!("{}, eventCount", keys.digests[1]),
    ),
    (
        "another hash, says a digest",
        |export, keys| {
            let mut digest = export.digest(&keys.digests[3]);
            digest.merkle_root = "0".repeat(64);
            export.put_digest(&keys.digests[3], &digest);
        },
        FaultKind::Content,
        |keys| format!("{}, merkleRoot", keys.objects[2]),
    ),
    (
        "a digest that names an object elsewhere",
        |export, keys| {
            let mut digest = export.digest(&keys.digests[1]);
            let object = digest.object.as_mut().unwrap();
            object.key = object.key.replace("org_id=diku", "org_id=dike");
            export.put_digest(&keys.digests[1], &digest);
        },
        FaultKind::WrongKey,
        |keys| format!("{}, object.key", keys.digests[1]),
    ),
    (
        "a digest of another organization",
        |export, keys| {
            let other = Export::of("other");
            let mut other = Export { next_seq: 5, live_from: at("2026-03-01T06:00:00Z"), ..other };
            other.live("2026-03-02T00:00:00Z", 4, None);
            let (_, digest) = other.files.last_key_value().unwrap();
            export.files.insert(keys.digests[1].clone(), digest.clone());
        },
        FaultKind::WrongOrg,
        |keys| format!("{}, orgId: is a digest of organization other", keys.digests[1]),
    ),
];

#[test]
fn every_change_is_named() {
    for (name, change, kind, place) in LINES.into_iter().chain(OBJECTS).chain(DIGESTS) {
        let mut export = Export::usual(None);
        let keys = Keys { objects: export.keys("/date="), digests: export.keys("/digests/") };
        change(&mut export, &keys);
        println!("{name}: {}", assert_fault(export.verified(), kind, &place(&keys)));
    }
}

/// Whatever byte it is: it is noticed, unless the lines are the same, as with the time in a gzip header.
#[test]
fn any_byte() {
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 2, None);
    export.live("2026-03-02", 0, None);
    let whole = export.verified().unwrap();
    for (key, bytes) in export.files.clone() {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            export.files.insert(key.clone(), changed);
            let result = export.verified();
            let same_lines = key.contains("/date=") && result.as_ref() == Ok(&whole);
            assert!(result.is_err() || same_lines, "byte {at} of {key}: {result:?}");
        }
        export.files.insert(key, bytes);
    }
}

#[test]
fn the_export_of_another_organization_in_this_ones_place() {
    let mut other = Export::of("other");
    other.live("2026-03-01T06:00:00Z", 2, None);
    let renamed = |key: &String| key.replace("org_id=other", "org_id=diku");
    other.files = other.files.iter().map(|(key, bytes)| (renamed(key), bytes.clone())).collect();
    assert_fault(other.verified(), FaultKind::WrongOrg, "orgId");
}

/// Lines that a digest vouches for are not believed either.
#[test]
fn what_its_own_digest_vouches_for() {
    let mut template = Export::of("diku");
    template.live("2026-03-01T06:00:00Z", 3, None);
    let text = gunzip(&template.files[&template.keys("/date=")[0]]);
    let with = |from: &str, to: &str| text.replacen(from, to, 1);
    for (lines, kind, place) in [
        (
            with("00:00:02.", "06:00:00."),
            FaultKind::Line,
            "line 3, recordedAt: is 2026-03-01T06:00:00.000000Z, outside",
        ),
        (with("2026-03-01T00:00:00.", "2026-02-28T23:59:59."), FaultKind::Line, "line 1, recordedAt"),
        (with("T00:00:02.", "T00:00:00."), FaultKind::Line, "line 3, recordedAt"),
        (with("\"diku\"", "\"dike\""), FaultKind::WrongOrg, "line 1, orgId"),
        (with("\"seq\":2", "\"seq\":7"), FaultKind::Line, "line 2, seq"),
    ] {
        assert_ne!(lines, text);
        let mut merkle = MerkleTree::default();
        lines.lines().for_each(|line| merkle.push(line.as_bytes()));
        let summary = SegmentSummary {
            event_count: 3,
            byte_count: lines.len() as u64,
            sha256: sha256_hex(lines.as_bytes()),
            merkle_root: merkle.root(),
        };
        let (window_start, window_end) = (at("2026-03-01"), at("2026-03-01T06:00:00Z"));
        let segment = Segment { stream: Stream::Live, window_start, window_end, first_seq: 1 };
        let mut export = Export::of("diku");
        export.add(segment, summary, &gzip(lines.as_bytes()), None);
        assert_fault(export.verified(), kind, place);
    }
}

#[test]
fn an_event_for_the_second_time() {
    let mut export = Export::of("diku");
    let event = FolioEvent::of(EntityType::Piece, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9").event();
    // FOLIO gives the same id to events of different types.
    let other_type = sporlog_model::Event { entity_type: EntityType::Order, ..event.clone() };
    export.events = vec![event.clone(), other_type, event.clone()];
    export.live("2026-03-01T06:00:00Z", 2, None);
    assert_eq!(export.verified().unwrap().events, 2);
    // Recorded again, as after its table was restored: told of, and no fault.
    export.live("2026-03-01T08:00:00Z", 2, None);
    let report = export.verified().unwrap();
    assert_eq!((report.events, report.repeated), (4, 1));
    // With another content it is not the same event.
    let mut changed = export.clone();
    changed.events = vec![sporlog_model::Event { data: None, ..event.clone() }];
    changed.live("2026-03-01T10:00:00Z", 1, None);
    let fault = assert_fault(changed.verified(), FaultKind::Repeated, "line 1, id: the piece event ");
    assert!(fault.key.contains("000000000005-") && fault.problem.contains("another content"), "{fault}");
    // The very same recording cannot be there twice.
    let recorded = RecordedEvent { event, recorded_at: at("2026-03-01T09:00:00Z") };
    let mut writer = SegmentWriter::new(&org("diku"), 5);
    writer.push(&recorded).unwrap();
    writer.push(&recorded).unwrap();
    let written = writer.finish().unwrap();
    let (window_start, window_end) = (at("2026-03-01T08:00:00Z"), at("2026-03-01T10:00:00Z"));
    let segment = Segment { stream: Stream::Live, window_start, window_end, first_seq: 5 };
    export.add(segment, written.summary, &written.gzip, None);
    let fault = assert_fault(export.verified(), FaultKind::Repeated, "line 2, id: the piece event ");
    assert!(fault.problem.ends_with("is in the export for the second time"), "{fault}");
}

#[test]
fn what_a_fault_repeats_cannot_act_on_a_terminal() {
    let mut export = Export::usual(None);
    export.files.insert("org_id=diku/\u{1b}[2J\u{202e}x".to_owned(), Vec::new());
    let fault = export.verified().unwrap_err();
    assert_eq!(fault.key, "org_id=diku/\\u{1b}[2J\\u{202e}x");
}
