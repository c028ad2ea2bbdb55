use export_run::RunOutcome;
use sporlog_local::kms::SigningKey;
use sporlog_model::EntityType;
use sporlog_verify::Options;

use super::bucket::{ids_of_whole_bucket, verified};
use super::{Exporter, MORNING};
use crate::harness::{Fault, Faults, FolioEvent, ManualClock, System};

/// An exporter that signs with the local KMS, through `faults`.
fn signing(system: &System, clock: &ManualClock, faults: &Faults) -> Exporter {
    with_key(system, clock, faults, &SigningKey::arn())
}

fn with_key(system: &System, clock: &ManualClock, faults: &Faults, key: &str) -> Exporter {
    let endpoints = faults.endpoints();
    let own = endpoints.iter().map(|(name, value)| (*name, value.as_str()));
    let own: Vec<_> = own.chain([("SIGNING_KEY_ID", key)]).collect();
    Exporter::with(system, "diku", clock, &own)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_digest_is_signed_and_the_public_key_is_asked_for_once() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let faults = Faults::before(&system.stack).await;
    let exporter = signing(&system, &clock, &faults);
    for count in 1..=3 {
        exporter.record(count).await;
        exporter.exports(count as u64).await;
    }
    let options = Options { require_signature: true, ..Options::default() };
    let report = verified(&system, &[&bucket], "diku", &options);
    assert_eq!((report.digests, report.signed, report.events), (3, 3, 6));
    assert_eq!(report.signers[0].key_id, SigningKey::arn());
    let asked = |operation: &str| faults.operations().iter().filter(|asked| *asked == operation).count();
    assert_eq!((asked("GetPublicKey"), asked("Sign")), (1, 3));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_without_its_signature_is_never_written() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let faults = Faults::before(&system.stack).await;
    let exporter = signing(&system, &clock, &faults);
    let mut ids = exporter.record(2).await;
    // As often as the client tries.
    for (operation, injected, code) in [
        ("GetPublicKey", &[Fault::KmsThrottle; 4][..], "signing_unavailable"),
        ("GetPublicKey", &[Fault::KmsDisabled], "signing_key"),
        ("Sign", &[Fault::KmsThrottle; 4], "signing_unavailable"),
        ("Sign", &[Fault::KmsDisabled], "signing_key"),
        ("Sign", &[Fault::LostAnswer; 4], "signing_unavailable"),
    ] {
        faults.on(operation, injected.iter().copied());
        let outcome = exporter.run().await;
        assert!(matches!(outcome, RunOutcome::Failed { error_code, .. } if error_code == code), "{code}: {outcome:?}");
        let state = exporter.state().await;
        assert_eq!((faults.clear(), state.plan, state.config_fault_since), (0, None, None), "{code}");
        assert!(system.keys(&bucket).is_empty());
        let shown = exporter.runs().await.swap_remove(0).error.unwrap();
        assert!(shown.ends_with('.') && !shown.contains("arn:"), "{shown}");
    }
    // One refusal is tried again by the client.
    faults.on("Sign", [Fault::KmsThrottle]);
    exporter.exports(2).await;
    ids.extend(exporter.record(1).await);
    exporter.exports(1).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    let unknown = with_key(&system, &clock, &faults, "arn:aws:kms:eu-north-1:000000000000:key/unknown");
    unknown.record(1).await;
    let outcome = unknown.run().await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "signing_key", .. }), "{outcome:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_run_signs_without_being_asked() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let event = FolioEvent::of(EntityType::Order, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9");
    system.ingest(vec![event.in_batch("diku")]).await;
    assert_eq!(system.export("diku").await["eventCount"], 1);
    let report = verified(&system, &[&bucket], "diku", &Options { require_signature: true, ..Options::default() });
    assert_eq!(report.signed, report.digests);
    system.stop().await;
}
