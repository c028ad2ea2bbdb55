use sporlog_verify::{Fault, FaultKind, Fingerprint, Options, Report, TrustedKeys};
use tempfile::tempdir;

use super::export::{Export, Key};
use super::{assert_fault, verify_all};

fn trusting(keys: &[&Key]) -> Options {
    let fingerprints = keys.iter().map(|key| Fingerprint::parse(&key.public).unwrap());
    Options { trusted: fingerprints.collect(), ..Options::default() }
}

fn verified(export: &Export, options: &Options) -> Result<Report, Fault> {
    let directory = tempdir().unwrap();
    export.write_to(directory.path());
    verify_all(&[directory.path()], "diku", options)
}

#[test]
fn signatures_are_told_of_and_can_be_asked_for() {
    let (key, other) = (Key::new(), Key::new());
    let required = Options { require_signature: true, ..Options::default() };
    let unsigned = Export::usual(None);
    assert_eq!(verified(&unsigned, &Options::default()).unwrap().signed, 0);
    assert_fault(verified(&unsigned, &required), FaultKind::Unsigned, "000000000001-000000000004.json, signature");
    assert_fault(verified(&unsigned, &trusting(&[&key])), FaultKind::Unsigned, "000000000012.json");

    let signed = Export::usual(Some(&key));
    for options in [Options::default(), required.clone(), trusting(&[&key]), trusting(&[&other, &key])] {
        let report = verified(&signed, &options).unwrap();
        assert_eq!(report.signed, 4);
        let [signer] = report.signers.try_into().unwrap();
        assert_eq!(signer.fingerprint, Fingerprint::parse(&key.public).unwrap());
    }
    assert_fault(verified(&signed, &trusting(&[&other])), FaultKind::UntrustedKey, "000000000004.json");

    // Signing was switched on later: the first signature covers what was before.
    let mut later = unsigned;
    later.live("2026-03-04", 1, Some(&key));
    assert_eq!(verified(&later, &trusting(&[&key])).unwrap().signed, 1);
    later.live("2026-03-05", 1, None);
    assert_fault(verified(&later, &Options::default()), FaultKind::Unsigned, "000000000014-000000000014.json");
}

#[test]
fn a_digest_that_was_changed_or_signed_again_is_named() {
    let (key, other) = (Key::new(), Key::new());
    let signed = Export::usual(Some(&key));
    let newest = signed.keys("/digests/").pop().unwrap();
    let changed = |change: &dyn Fn(&mut sporlog_model::export::Digest)| {
        let mut export = signed.clone();
        let mut digest = export.digest(&newest);
        change(&mut digest);
        export.put_digest(&newest, &digest);
        verified(&export, &Options::default())
    };
    let signature = |kind, change: &dyn Fn(&mut sporlog_model::export::Digest)| {
        assert_fault(changed(change), kind, &format!("{newest}, signature"));
    };
    signature(FaultKind::Signature, &|digest| digest.previous_digest_sha256 = Some("0".repeat(64)));
    signature(FaultKind::Signature, &|digest| digest.signature.as_mut().unwrap().public_key.clone_from(&other.public));
    signature(FaultKind::Signature, &|digest| digest.signature.as_mut().unwrap().public_key.clear());
    signature(FaultKind::Signature, &|digest| digest.signature.as_mut().unwrap().value = "MEUCIQ==".to_owned());
    signature(FaultKind::Unsigned, &|digest| digest.signature = None);
    signature(FaultKind::UntrustedKey, &|digest| digest.signature = Some(other.sign(&digest.signed_bytes().unwrap())));
}

/// Whoever may write to the bucket can make all of it anew; only a key that is known from elsewhere tells.
#[test]
fn an_export_made_anew_is_told_by_its_key_alone() {
    let (key, other) = (Key::new(), Key::new());
    for forged in [Export::usual(Some(&other)), Export::usual(None)] {
        assert!(verified(&forged, &Options::default()).is_ok());
        assert!(verified(&forged, &trusting(&[&key])).is_err());
    }
}

#[test]
fn keys_change_where_both_are_trusted() {
    let (key, next) = (Key::new(), Key::new());
    let mut export = Export::usual(Some(&key));
    export.live("2026-03-04", 1, Some(&next));
    assert_fault(verified(&export, &Options::default()), FaultKind::UntrustedKey, "000000000013-");
    assert_eq!(verified(&export, &trusting(&[&key, &next])).unwrap().signers.len(), 2);
}

/// Whoever has got hold of a key that was replaced can neither add to the export nor make it anew.
#[test]
fn a_retired_key_counts_only_before_the_first_signature_of_the_next() {
    let (old, next) = (Key::new(), Key::new());
    let fingerprint = |key: &Key| Fingerprint::parse(&key.public).unwrap();
    let retiring = || Options {
        trusted: [fingerprint(&next)].into_iter().collect::<TrustedKeys>().with_retired([fingerprint(&old)]),
        ..Options::default()
    };
    let mut export = Export::usual(Some(&old));
    assert_fault(verified(&export, &retiring()), FaultKind::Unsigned, "000000000012.json");
    export.live("2026-03-04", 1, Some(&next));
    let report = verified(&export, &retiring()).unwrap();
    assert_eq!((report.signed, report.signers.len()), (5, 2));
    let mut forged = export.clone();
    forged.live("2026-03-05", 1, Some(&old));
    assert_fault(verified(&forged, &retiring()), FaultKind::UntrustedKey, "000000000014-000000000014.json, signature");
    forged = export.clone();
    forged.live("2026-03-05", 1, None);
    assert_fault(verified(&forged, &retiring()), FaultKind::Unsigned, "000000000014-000000000014.json");
    export.live("2026-03-05", 1, Some(&Key::new()));
    assert_fault(verified(&export, &retiring()), FaultKind::UntrustedKey, "000000000014-000000000014.json");
}
