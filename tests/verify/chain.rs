use std::time::Duration;

use sporlog_verify::{Backfill, FaultKind, Options};
use tempfile::tempdir;

use super::export::{Export, at};
use super::{assert_fault, verify, verify_all};

#[test]
fn what_the_newest_segment_held_is_missed_by_its_age_alone() {
    let mut export = Export::usual(None);
    let whole = export.verified().unwrap();
    assert_eq!((whole.digests, whole.objects, whole.events), (4, 3, 12));
    assert_eq!((whole.complete_from, whole.complete_to), (at("2026-03-01"), at("2026-03-03T08:00:00Z")));
    for part in ["/date=2026-03-03", "/digests/000000000009-000000000012"] {
        let [key] = export.keys(part).try_into().unwrap();
        export.files.remove(&key);
    }
    let shortened = export.verified().unwrap();
    assert_eq!((shortened.events, shortened.complete_to), (8, at("2026-03-03")));

    let directory = tempdir().unwrap();
    export.write_to(directory.path());
    let aged = |now| {
        let options = Options { max_age: Some((Duration::from_hours(25), at(now))), ..Options::default() };
        verify_all(&[directory.path()], "diku", &options)
    };
    assert!(aged("2026-03-04T01:00:00Z").is_ok());
    assert_fault(aged("2026-03-04T01:00:00.000001Z"), FaultKind::Stale, "windowEnd");
}

#[test]
fn nothing_proves_nothing() {
    let mut export = Export::usual(None);
    export.files.retain(|key, _| !key.contains("/digests/"));
    assert_fault(export.verified(), FaultKind::NothingThere, "holds no digest of organization diku");
    let directory = tempdir().unwrap();
    Export::usual(None).write_to(directory.path());
    let other = verify_all(&[directory.path()], "dik", &Options::default());
    assert_fault(other, FaultKind::NothingThere, "organization dik");
}

#[test]
fn tests_of_the_connection_are_no_part_of_the_log() {
    let mut export = Export::usual(None);
    export.files.insert("org_id=diku/connection-tests/1".to_owned(), b"probe".to_vec());
    export.files.insert("org_id=other/anything".to_owned(), Vec::new());
    export.files.insert("customer/own.txt".to_owned(), Vec::new());
    assert_eq!(export.verified().unwrap().connection_tests, 1);
}

#[test]
fn a_backfill_goes_on_beside_new_events_until_it_meets_them() {
    let mut export = Export::of("diku");
    export.live("2026-03-01T01:00:00Z", 0, None);
    export.backfill("2026-01-02", 3);
    export.live("2026-03-01T02:00:00Z", 2, None);
    export.backfill("2026-02-01", 5);
    let report = export.verified().unwrap();
    assert_eq!(report.backfill, Backfill::Unfinished { from: at("2026-01-01"), to: at("2026-02-01") });
    assert_eq!((report.complete_from, report.complete_to), (at("2026-03-01"), at("2026-03-01T02:00:00Z")));
    let mut too_far = export.clone();
    // Its window ends earlier than that of the live digest with the same numbers before it: the chain says which is first.
    export.live("2026-03-02", 0, None);
    export.backfill("2026-03-01", 0);
    let report = export.verified().unwrap();
    assert_eq!(report.backfill, Backfill::Finished { from: at("2026-01-01") });
    assert_eq!((report.complete_from, report.events), (at("2026-01-01"), 10));

    too_far.backfill("2026-03-01T00:00:00.000001Z", 0);
    assert_fault(too_far.verified(), FaultKind::Window, "windowEnd: the backfill reaches");
}

#[test]
fn windows_join() {
    for (start, told) in
        [("2026-03-01T05:59:59Z", "starts"), ("2026-03-01T06:00:01Z", "starts"), ("2026-03-04", "ends")]
    {
        let mut export = Export::of("diku");
        export.live("2026-03-01T06:00:00Z", 1, None);
        export.live_from = at(start);
        export.live("2026-03-02", 0, None);
        assert_fault(export.verified(), FaultKind::Window, told);
    }
}

/// A table that was restored from a backup lets the export go on from there, in the same bucket.
#[test]
fn a_log_that_went_on_twice_is_a_fork() {
    let mut before = Export::of("diku");
    before.live("2026-03-01T06:00:00Z", 4, None);
    for (count, again) in [(3, 5), (4, 4), (0, 2), (3, 0)] {
        let (mut once, mut twice) = (before.clone(), before.clone());
        once.live("2026-03-01T08:00:00Z", count, None);
        once.live("2026-03-02", 1, None);
        twice.live("2026-03-01T07:00:00Z", again, None);
        // A key that is taken stays as it is.
        twice.files.append(&mut once.files);
        let fault = twice.verified().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Fork, "{count} and {again}: {fault}");
        assert!(fault.problem.contains("000000000005-"), "{fault}");
        assert!(fault.key.contains("000000000005-"), "{fault}");
    }
}

/// Whoever numbers from an earlier state but names the newest digest has hashes, windows and signatures right, and the numbers twice.
#[test]
fn a_number_is_given_once_along_the_chain() {
    for (count, prefix) in [(3, "elsewhere"), (1, "elsewhere"), (2, ""), (0, ""), (0, "elsewhere")] {
        let mut export = Export::of("diku");
        export.live("2026-03-01T04:00:00Z", 0, None);
        export.live("2026-03-01T06:00:00Z", 3, None);
        (export.next_seq, export.prefix) = (1, prefix);
        export.live("2026-03-01T08:00:00Z", count, None);
        assert_fault(export.verified(), FaultKind::Fork, "the log went on twice");
        export.next_seq = 4;
        export.live("2026-03-02", 1, None);
        assert_fault(export.verified(), FaultKind::Fork, "the log went on twice");
    }
}

#[test]
fn an_export_that_moved_is_one_chain() {
    let (old, new) = (tempdir().unwrap(), tempdir().unwrap());
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 4, None);
    export.write_to(old.path());
    let in_old_place = std::mem::take(&mut export.files);
    export.prefix = "new/prefix";
    export.live("2026-03-01T08:00:00Z", 4, None);
    export.live("2026-03-02", 4, None);
    export.write_to(new.path());
    let report = verify_all(&[new.path(), old.path()], "diku", &Options::default()).unwrap();
    assert_eq!((report.events, report.left_behind), (12, 0));
    // With one alone: from the root, from the prefix, from the organization's part.
    for path in [new.path().to_owned(), new.path().join("new/prefix"), new.path().join("new/prefix/org_id=diku")] {
        assert_fault(verify(&path), FaultKind::Gap, "the numbers 1–4 are missing");
        assert_eq!(verify_all(&[old.path(), &path], "diku", &Options::default()).unwrap().events, 12);
    }
    // Both in one bucket.
    export.files.extend(in_old_place);
    assert_eq!(export.verified().unwrap().events, 12);
}

/// The old place took an object, or that and its digest, and then refused; so the segment was planned anew.
#[test]
fn what_was_left_behind_is_told_of_and_no_fault() {
    let mut before = Export::of("diku");
    before.live("2026-03-01T06:00:00Z", 4, None);
    let mut old = before.clone();
    let event =
        crate::harness::FolioEvent::of(sporlog_model::EntityType::Order, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9");
    old.events = vec![event.event()];
    old.live("2026-03-01T08:00:00Z", 1, None);
    let mut moved = Export { prefix: "new", events: vec![event.event()], ..before };
    moved.live("2026-03-01T08:00:00Z", 1, None);
    moved.live("2026-03-02", 2, None);
    let left: Vec<_> = old.keys("/00000000000").into_iter().filter(|key| !moved.files.contains_key(key)).collect();
    let [object, digest] = left.try_into().unwrap();
    moved.files.insert(object.clone(), old.files[&object].clone());
    let report = moved.verified().unwrap();
    assert_eq!((report.events, report.left_behind), (7, 1));
    moved.files.insert(digest.clone(), old.files[&digest].clone());
    let report = moved.verified().unwrap();
    assert_eq!((report.events, report.left_behind), (7, 1));
    // It is a copy, or it is a fault.
    moved.edit(&object, |text| text.replacen("snapshot", "snapshop", 1));
    assert_fault(moved.verified(), FaultKind::Content, &object);
}
