use sporlog_verify::{Directory, EventQuery, FaultKind, Fingerprint, InvalidQuery, Options, Proof, Source, Verifier};
use tempfile::tempdir;

use super::copy::gunzip;
use super::export::{Export, Key};
use crate::harness::org;

/// The proof for what `query` asks for.
fn prove(export: &Export, query: &[u8]) -> Option<Proof> {
    let directory = tempdir().unwrap();
    export.write_to(directory.path());
    let sources: [Box<dyn Source>; 1] = [Box::new(Directory::open(directory.path()).unwrap())];
    let verifier = Verifier { sources: &sources, org: &org("diku"), options: &Options::default() };
    verifier.prove(&EventQuery::parse(query).unwrap()).unwrap().1
}

fn trusting(key: &Key) -> Options {
    Options { trusted: [Fingerprint::parse(&key.public).unwrap()].into_iter().collect(), ..Options::default() }
}

#[test]
fn every_event_can_be_proven_and_checked_without_the_export() {
    let key = Key::new();
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 7, Some(&key));
    export.live("2026-03-01T08:00:00Z", 1, Some(&key));
    for object in export.keys("/date=") {
        for line in gunzip(&export.files[&object]).lines() {
            let proof = prove(&export, line.as_bytes()).unwrap();
            let text = serde_json::to_vec_pretty(&proof).unwrap();
            let read = Proof::parse(&text, "proof").unwrap();
            let report = read.check("proof", &trusting(&key)).unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["seq"], &line["id"]), (&report.seq.into(), &report.id.clone().into()));
            let id = serde_json::json!({"id": line["id"], "entityType": "order", "more": 1}).to_string();
            assert_eq!(prove(&export, id.as_bytes()), Some(proof));
            assert_eq!(read.check("proof", &trusting(&Key::new())).unwrap_err().kind, FaultKind::UntrustedKey);
        }
    }
    let unknown = br#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","entityType":"order"}"#;
    assert_eq!(prove(&export, unknown), None);
    assert_eq!(EventQuery::parse(b"{}"), Err(InvalidQuery::NotAnEvent));
    let pretty = br#"{"seq": 1, "id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","entityType":"order"}"#;
    assert_eq!(EventQuery::parse(pretty), Err(InvalidQuery::NotALine));
}

/// The digest stands in two places, its object in the second. The proof has the digest of the first.
#[test]
fn an_event_can_be_proven_where_only_a_copy_of_its_digest_has_the_object() {
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 3, None);
    let [object] = export.keys("/date=").try_into().unwrap();
    let [digest] = export.keys("/digests/").try_into().unwrap();
    let line = gunzip(&export.files[&object]).lines().nth(1).unwrap().to_owned();
    let lines = export.files.remove(&object).unwrap();
    let mut copy = export.digest(&digest);
    copy.object.as_mut().unwrap().key = format!("spare/{object}");
    export.put_digest(&format!("spare/{digest}"), &copy);
    assert_eq!(export.verified().unwrap_err().kind, FaultKind::ObjectMissing);
    export.files.insert(format!("spare/{object}"), lines);
    let report = export.verified().unwrap();
    assert_eq!((report.digests, report.objects, report.events, report.left_behind), (1, 1, 3, 1));
    let proof = prove(&export, line.as_bytes()).unwrap();
    assert_eq!(proof.check("p", &Options::default()).unwrap().seq, 2);
    let proof = serde_json::to_value(&proof).unwrap();
    assert_eq!(proof["digestKey"], digest);
}

#[test]
fn a_proof_that_was_changed_proves_nothing() {
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 5, None);
    let [object] = export.keys("/date=").try_into().unwrap();
    let text = gunzip(&export.files[&object]);
    let line = text.lines().nth(2).unwrap();
    let proof = serde_json::to_string(&prove(&export, line.as_bytes()).unwrap()).unwrap();
    let options = Options::default();
    assert!(Proof::parse(proof.as_bytes(), "p").unwrap().check("p", &options).is_ok());
    let required = Options { require_signature: true, ..Options::default() };
    assert_eq!(
        Proof::parse(proof.as_bytes(), "p").unwrap().check("p", &required).unwrap_err().kind,
        FaultKind::Unsigned
    );
    // Any digit or letter of it, but for where the bucket has it: no digest says under which prefix it stands.
    let key = proof.find("\"digestKey\":\"").unwrap() + "\"digestKey\":\"".len();
    let place = key..key + "org_id=diku".len();
    for (at, byte) in proof.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
        let mut changed = proof.clone().into_bytes();
        changed[at] = if byte == b'1' { b'2' } else { b'1' };
        let checked = Proof::parse(&changed, "p").and_then(|proof| proof.check("p", &options));
        assert!(checked.is_err() || place.contains(&at), "{}", String::from_utf8(changed).unwrap());
    }
}

#[test]
fn a_line_that_the_export_has_otherwise_is_named() {
    let mut export = Export::of("diku");
    export.live("2026-03-01T06:00:00Z", 2, None);
    let [object] = export.keys("/date=").try_into().unwrap();
    let line = gunzip(&export.files[&object]).lines().nth(1).unwrap().replacen("Edit", "Create", 1);
    let directory = tempdir().unwrap();
    export.write_to(directory.path());
    let sources: [Box<dyn Source>; 1] = [Box::new(Directory::open(directory.path()).unwrap())];
    let verifier = Verifier { sources: &sources, org: &org("diku"), options: &Options::default() };
    let error = verifier.prove(&EventQuery::parse(line.as_bytes()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("line 2: holds this event with another line"), "{error}");
}
