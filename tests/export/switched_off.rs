use std::time::Duration;

use export_run::RunOutcome;
use serde_json::json;
use sporlog_local::s3::Deny;
use sporlog_model::EntityType;
use sporlog_store::{ExportConfig, RunStatus};
use sporlog_verify::Options;

use super::bucket::{lines_of_whole_bucket, verified};
use super::{Exporter, MORNING, Scene};
use crate::harness::{Fault, Faults, ManualClock, System};

const HOUR: Duration = Duration::from_hours(1);

async fn config(exporter: &Exporter) -> ExportConfig {
    exporter.store.export_config(&exporter.scope).await.unwrap().unwrap()
}

async fn configure(exporter: &Exporter, config: &ExportConfig) {
    let config = ExportConfig { updated_at: exporter.clock.now(), ..config.clone() };
    exporter.store.put_export_config(&exporter.scope, &config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_for_a_day_is_switched_off_and_nothing_is_lost() {
    let system = System::start().await;
    for (org, refusal, code) in [("no-role", Deny::Assume, "assume_role_denied"), ("no-put", Deny::Put, "put_denied")] {
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(org).await;
        let exporter = Exporter::of(&system, org, &clock);
        exporter.record(2).await;
        exporter.exports(2).await;
        exporter.deny(&system, Some(refusal)).await;
        exporter.record(2).await;
        let since = clock.now();
        exporter.fails(code).await;
        clock.advance(23 * HOUR);
        exporter.fails(code).await;
        assert!(config(&exporter).await.enabled);
        assert_eq!(exporter.state().await.config_fault_since, Some(since));
        let next = exporter.runs().await[0].next_attempt_at;
        assert!(next.is_some_and(|next| next > clock.now()));

        clock.advance(HOUR);
        let before = exporter.state().await;
        exporter.fails(code).await;
        let off = config(&exporter).await;
        assert!(!off.enabled && off.updated_at == clock.now());
        let why = config(&exporter).await.switched_off.unwrap();
        assert_eq!((why.code.as_str(), why.at), (code, clock.now()));
        let run = exporter.runs().await.swap_remove(0);
        assert_eq!((run.status, run.error_code.as_deref(), run.next_attempt_at), (RunStatus::Failed, Some(code), None));
        let after = exporter.state().await;
        assert_eq!((after.exported_to, after.next_seq, after.plan), (before.exported_to, before.next_seq, before.plan));
        clock.advance(100 * HOUR);
        assert!(!exporter.is_due(clock.now()).await);
        assert_eq!(exporter.run().await, RunOutcome::Disabled);

        let id = off.id;
        // Mended and enabled again, it goes on: with what was recorded, and with what is told of the switching off.
        exporter.deny(&system, None).await;
        configure(&exporter, &ExportConfig { enabled: true, switched_off: None, ..off }).await;
        assert_eq!(config(&exporter).await.switched_off, None);
        exporter.record(1).await;
        exporter.exports(4).await;
        let lines = lines_of_whole_bucket(&system, &bucket, "", org);
        let told = lines.iter().find(|line| line["entityType"] == EntityType::ExportConfig.name()).unwrap();
        assert_eq!(
            (&told["source"], &told["action"], &told["entityId"]),
            (&json!("sporlog"), &json!("Disable"), &json!(id.to_string()))
        );
        assert_eq!(told["actor"], json!({"id": null, "name": "sporlog"}));
        let reason = told["data"]["reason"].as_str().unwrap();
        let expected = json!({"enabled": false, "code": code, "reason": reason, "failingSince": since.to_string()});
        assert_eq!(told["data"], expected);
        assert!(reason.ends_with('.') && !told.to_string().contains("arn:"), "{told}");
        assert_eq!(exporter.state().await.config_fault_since, None);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refusals_with_nothing_written_in_between_count() {
    let Scene { system, clock, bucket, faults, exporter } = Scene::set().await;
    exporter.record(2).await;
    exporter.exports(2).await;
    exporter.record(1).await;
    exporter.deny(&system, Some(Deny::Assume)).await;
    let since = clock.now();
    exporter.fails("assume_role_denied").await;
    clock.advance(12 * HOUR);
    // A busy service says nothing of the role.
    exporter.deny(&system, None).await;
    faults.on("PutObject", [Fault::SlowDown; 5]);
    exporter.fails("slow_down").await;
    assert_eq!(exporter.state().await.config_fault_since, Some(since));
    // A segment that got through does, even if the next one does not.
    clock.advance(HOUR);
    exporter.exports(1).await;
    assert_eq!(exporter.state().await.config_fault_since, None);
    exporter.record(1).await;
    exporter.deny(&system, Some(Deny::Put)).await;
    clock.advance(12 * HOUR);
    let since = clock.now();
    exporter.fails("put_denied").await;
    assert_eq!(exporter.state().await.config_fault_since, Some(since));

    // So does a changed configuration: it has a day of its own.
    clock.advance(23 * HOUR);
    configure(&exporter, &config(&exporter).await).await;
    assert_eq!(exporter.state().await.config_fault_since, None);
    clock.advance(2 * HOUR);
    exporter.fails("put_denied").await;
    assert!(config(&exporter).await.enabled);
    exporter.deny(&system, None).await;
    assert!(matches!(exporter.run().await, RunOutcome::Succeeded { .. }));
    assert_eq!(verified(&system, &[&bucket], "diku", &Options::default()).events, 4);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_changed_in_the_last_moment_is_not_switched_off() {
    let Scene { system, clock, faults, exporter, .. } = Scene::set().await;
    exporter.record(1).await;
    exporter.deny(&system, Some(Deny::Assume)).await;
    exporter.fails("assume_role_denied").await;
    clock.advance(25 * HOUR);
    faults.on("AssumeRole", [Fault::Hold]);
    let direct = Exporter::of(&system, "diku", &clock);
    let meanwhile = async {
        clock.advance(Duration::from_secs(1));
        configure(&direct, &config(&direct).await).await;
    };
    let (outcome, held) = faults.hold(exporter.run(), meanwhile).await;
    assert!(held && matches!(outcome, RunOutcome::Failed { .. }), "{outcome:?}");
    assert!(config(&exporter).await.enabled);
    assert!(exporter.is_due(clock.now()).await);
    assert_eq!(exporter.state().await.config_fault_since, None);
    system.stop().await;
}

/// The transaction that switches off is cut, and its answer lost, like any other.
#[tokio::test(flavor = "multi_thread")]
async fn switching_off_happens_once_and_as_a_whole() {
    let system = System::start().await;
    for (org, fault) in [("before", Fault::CutBefore), ("after", Fault::CutAfter), ("lost", Fault::LostAnswer)] {
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(org).await;
        let faults = Faults::before(&system.stack).await;
        let exporter = Exporter::behind(&system, org, &clock, &faults);
        let direct = Exporter::of(&system, org, &clock);
        exporter.record(1).await;
        exporter.deny(&system, Some(Deny::Assume)).await;
        exporter.fails("assume_role_denied").await;
        clock.advance(25 * HOUR);
        // The lease, then the end.
        faults.on("TransactWriteItems", [Fault::Pass, fault]);
        let outcome = faults.cut(exporter.run()).await;
        assert_eq!(outcome.is_none(), !matches!(fault, Fault::LostAnswer), "{org}: {outcome:?}");
        clock.advance(HOUR);
        direct.run().await;
        let off = config(&direct).await;
        assert!(!off.enabled, "{org}");
        direct.deny(&system, None).await;
        configure(&direct, &ExportConfig { enabled: true, switched_off: None, ..off }).await;
        clock.advance(HOUR);
        direct.exports(2).await;
        let lines = lines_of_whole_bucket(&system, &bucket, "", org);
        let told = lines.iter().filter(|line| line["entityType"] == "export-config").count();
        assert_eq!(told, 1, "{org}");
    }
    system.stop().await;
}
