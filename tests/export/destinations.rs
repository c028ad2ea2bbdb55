use export_run::RunOutcome;
use sporlog_local::s3::{Deny, RoleDefinition};
use sporlog_model::{AwsRegion, BucketName, ExternalId, KeyPrefix, RoleArn};
use sporlog_store::{ExportConfig, RunStatus};

use super::bucket::{ids_of_whole_bucket, lines_of_whole_bucket};
use super::{Exporter, LEASE_OVER, MORNING, Scene};
use crate::harness::{Fault, Faults, ManualClock, System, scope_of};

/// Spoils a configuration that works, or what it points at.
type Spoil = fn(&System, &mut ExportConfig);

const SPOILS: [(&str, Spoil); 8] = [
    ("assume_role_denied", |system, config| redefine_role(system, config, Some(Deny::Assume))),
    ("assume_role_denied", |_, config| config.destination.external_id = ExternalId::random()),
    ("assume_role_denied", |_, config| config.destination.role_arn = role("unknown-role")),
    ("bucket_not_found", |_, config| config.destination.bucket = bucket("no-bucket-of-that-name")),
    ("put_denied", |system, config| redefine_role(system, config, Some(Deny::Put))),
    ("put_denied", |system, config| {
        system.stack.storage.create_bucket("bucket-of-somebody-else", "eu-north-1").unwrap();
        config.destination.bucket = bucket("bucket-of-somebody-else");
    }),
    ("wrong_region", |_, config| config.destination.region = AwsRegion::parse("eu-west-1").unwrap()),
    ("wrong_region", |system, config| {
        system.stack.storage.create_bucket("bucket-in-another-region", "eu-west-1").unwrap();
        config.destination.bucket = bucket("bucket-in-another-region");
    }),
];

fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

fn role(name: &str) -> RoleArn {
    RoleArn::parse(&format!("arn:aws:iam::000000000000:role/{name}")).unwrap()
}

fn redefine_role(system: &System, config: &ExportConfig, deny: Option<Deny>) {
    let destination = &config.destination;
    let definition = RoleDefinition {
        name: destination.role_arn.as_str().rsplit('/').next().unwrap().to_owned(),
        bucket: destination.bucket.as_str().to_owned(),
        external_id: Some(destination.external_id.as_str().to_owned()),
        deny,
    };
    system.stack.storage.define_role(&definition).unwrap();
}

async fn config(system: &System, org: &str) -> ExportConfig {
    system.stack.store.export_config(&scope_of(org)).await.unwrap().unwrap()
}

async fn configure(exporter: &Exporter, config: &ExportConfig) {
    let config = ExportConfig { updated_at: exporter.clock.now(), ..config.clone() };
    exporter.store.put_export_config(&exporter.scope, &config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_fails_is_told_tried_again_and_continued_without_a_gap() {
    let system = System::start().await;
    for (number, (code, spoil)) in SPOILS.into_iter().enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{code} ({number})"));
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(&org).await;
        let exporter = Exporter::of(&system, &org, &clock);
        let mut ids = exporter.record(2).await;
        exporter.exports(2).await;
        let before = exporter.state().await;

        let working = config(&system, &org).await;
        let mut spoiled = working.clone();
        spoil(&system, &mut spoiled);
        configure(&exporter, &spoiled).await;
        ids.extend(exporter.record(1).await);
        let mut waits = Vec::new();
        for attempt in 1..=3 {
            let outcome = exporter.run().await;
            assert!(
                matches!(outcome, RunOutcome::Failed { error_code, .. } if error_code == code),
                "{case}: {outcome:?}"
            );
            let run = exporter.runs().await.swap_remove(0);
            assert_eq!((run.status, run.attempt, run.event_count), (RunStatus::Failed, attempt, 0), "{case}");
            assert_eq!(run.error_code.as_deref(), Some(code), "{case}");
            assert!(run.error.as_ref().is_some_and(|sentence| sentence.ends_with('.')), "{case}: {run:?}");
            let shown = format!("{outcome:?} {run:?} {}", serde_json::to_string(&outcome).unwrap());
            for secret in ["arn:aws", "role-of", "unknown-role", "sporlog-", bucket.as_str()] {
                assert!(!shown.contains(secret), "{case}: {shown}");
            }
            let next = run.next_attempt_at.unwrap();
            assert!(exporter.is_due(next).await, "{case}");
            assert!(!exporter.is_due(next.minus(std::time::Duration::from_micros(1))).await, "{case}");
            waits.push(next.since(clock.now()).as_secs());
        }
        // Between half and all of 5, 10 and 20 minutes.
        for (wait, longest) in waits.iter().zip([300, 600, 1_200]) {
            assert!((longest / 2..=longest).contains(wait), "{case}: {waits:?}");
        }
        let after = exporter.state().await;
        assert_eq!(
            (after.exported_to, after.next_seq, after.consecutive_failures),
            (before.exported_to, 3, 3),
            "{case}"
        );
        assert_eq!(ids_of_whole_bucket(&system, &bucket, &org), ids[..2], "{case}");

        redefine_role(&system, &working, None);
        configure(&exporter, &working).await;
        assert!(exporter.is_due(clock.now()).await, "{case}");
        ids.extend(exporter.record(2).await);
        exporter.exports(3).await;
        assert_eq!(ids_of_whole_bucket(&system, &bucket, &org), ids, "{case}");
        assert_eq!(exporter.state().await.consecutive_failures, 0, "{case}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_switched_off_waits_and_goes_on_where_it_was() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    assert_eq!(Exporter::of(&system, "nobody", &clock).run().await, RunOutcome::Disabled);
    let mut ids = exporter.record(2).await;
    exporter.exports(2).await;
    let working = config(&system, "diku").await;
    configure(&exporter, &ExportConfig { enabled: false, ..working.clone() }).await;
    ids.extend(exporter.record(2).await);
    assert_eq!(exporter.run().await, RunOutcome::Disabled);
    assert!(!exporter.is_due(clock.now()).await);
    configure(&exporter, &working).await;
    exporter.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_busy_is_asked_again_and_then_later() {
    let Scene { system, bucket, faults, exporter, .. } = Scene::set().await;
    let mut ids = exporter.record(2).await;
    faults.on("PutObject", [Fault::SlowDown]);
    exporter.exports(2).await;
    ids.extend(exporter.record(2).await);
    // As often as the client tries.
    faults.on("PutObject", [Fault::SlowDown; 5]);
    assert!(matches!(exporter.run().await, RunOutcome::Failed { error_code: "slow_down", .. }));
    assert_eq!((faults.clear(), ids_of_whole_bucket(&system, &bucket, "diku").len()), (0, 2));
    exporter.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    system.stop().await;
}

/// A customer whose bucket lets Sporlog write under one prefix only, and who finds that out from the first failed run.
#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_is_changed_after_a_failure_mends_it() {
    let Scene { system, bucket, faults, exporter, .. } = Scene::set().await;
    exporter.record(2).await;
    faults.on("PutObject", [Fault::AccessDenied]);
    assert!(matches!(exporter.run().await, RunOutcome::Failed { error_code: "put_denied", .. }));
    set_prefix(&system, &exporter, "sporlog").await;
    // The old place refuses still.
    faults.on("PutObject", [Fault::AccessDenied]);
    exporter.exports(2).await;
    assert_eq!((faults.clear(), lines_of_whole_bucket(&system, &bucket, "sporlog/", "diku").len()), (0, 2));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_finished_where_it_was_begun() {
    let system = System::start().await;
    for (org, puts) in [
        ("planned", [Fault::CutBefore, Fault::Pass]),
        ("segment-put", [Fault::CutAfter, Fault::Pass]),
        ("digest-put", [Fault::Pass, Fault::CutAfter]),
    ] {
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(org).await;
        let faults = Faults::before(&system.stack).await;
        let exporter = Exporter::behind(&system, org, &clock, &faults);
        exporter.record(2).await;
        faults.on("PutObject", puts);
        assert_eq!(faults.cut(exporter.run()).await, None, "{org}");
        faults.clear();
        set_prefix(&system, &exporter, "later").await;
        clock.advance(LEASE_OVER);
        exporter.record(1).await;
        exporter.exports(3).await;
        let (begun, later): (Vec<_>, Vec<_>) =
            system.keys(&bucket).into_iter().partition(|key| key.starts_with(&format!("org_id={org}/")));
        assert_eq!((begun.len(), later.len()), (2, 2), "{org}: {begun:?} {later:?}");
        assert!(begun[1].ends_with("/000000000001-000000000002.json"), "{org}: {begun:?}");
        assert_eq!(later[1], format!("later/org_id={org}/digests/000000000003-000000000003.json"));
    }
    system.stop().await;
}

/// The place before may never answer again: of a Region that does not exist nobody hears a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_leaves_a_place_that_was_given_up_and_never_answers() {
    let Scene { system, clock, bucket, faults, exporter } = Scene::set().await;
    exporter.record(2).await;
    faults.on("PutObject", [Fault::CutBefore]);
    assert_eq!(faults.cut(exporter.run()).await, None);
    clock.advance(LEASE_OVER);
    set_prefix(&system, &exporter, "later").await;
    // The run that was cut counts as failed; the next ones find no way either.
    faults.on("PutObject", [Fault::ExpiredToken; 3]);
    for _ in 0..2 {
        assert!(matches!(exporter.run().await, RunOutcome::Failed { .. }));
        clock.advance(LEASE_OVER);
    }
    exporter.exports(2).await;
    assert_eq!(faults.clear(), 0);
    let keys = system.keys(&bucket);
    assert!(keys.len() == 2 && keys.iter().all(|key| key.starts_with("later/")), "{keys:?}");
    assert_eq!(exporter.state().await.plan, None);
    system.stop().await;
}

async fn set_prefix(system: &System, exporter: &Exporter, prefix: &str) {
    let mut config = config(system, &exporter.org).await;
    config.destination.prefix = KeyPrefix::parse(prefix).unwrap();
    configure(exporter, &config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_bucket_continues_the_chain_of_the_old_one() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket_of_first = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(2).await;
    exporter.exports(2).await;
    let previous = exporter.state().await.previous_digest_sha256.unwrap();
    let mut config = config(&system, "diku").await;
    config.destination.bucket = bucket("second-bucket");
    redefine_role(&system, &config, None);
    configure(&exporter, &config).await;
    exporter.record(1).await;
    exporter.exports(1).await;
    assert_eq!(lines_of_whole_bucket(&system, &bucket_of_first, "", "diku").len(), 2);
    let digest = system.object("second-bucket", "org_id=diku/digests/000000000003-000000000003.json");
    let digest: serde_json::Value = serde_json::from_slice(&digest).unwrap();
    assert_eq!(digest["previousDigestSha256"], previous);
    assert_eq!(digest["firstSeq"], 3);
    system.stop().await;
}
