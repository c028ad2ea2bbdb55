use export_run::RunOutcome;
use serde_json::{Value, json};
use sporlog_store::{RunStatus, RunTrigger};

use super::bucket::{ids_of_whole_bucket, lines_of_whole_bucket};
use super::{Exporter, MORNING};
use crate::harness::{ManualClock, SAMPLES, System, scope_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_is_in_the_bucket_and_in_the_run() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let other_bucket = system.enable_export("other").await;
    let (exporter, other) = (Exporter::of(&system, "diku", &clock), Exporter::of(&system, "other", &clock));
    let ids = exporter.record(5).await;
    let other_ids = other.record(2).await;
    exporter.exports(5).await;
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    assert!(system.keys(&other_bucket).is_empty());
    other.exports(2).await;
    assert_eq!(ids_of_whole_bucket(&system, &other_bucket, "other"), other_ids);
    assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);

    let [run] = exporter.runs().await.try_into().unwrap();
    let keys = system.keys(&bucket);
    let digest: Value = serde_json::from_slice(&system.object(&bucket, &keys[1])).unwrap();
    assert_eq!((run.status, run.trigger, run.attempt), (RunStatus::Succeeded, RunTrigger::Schedule, 1));
    assert_eq!((run.first_seq, run.last_seq, run.event_count), (Some(1), Some(5), 5));
    assert_eq!(run.digest_key.as_ref(), Some(&keys[1]));
    assert_eq!(
        json!(run.objects),
        json!([{
            "key": keys[0], "sha256": digest["object"]["sha256"], "eventCount": 5, "byteCount": digest["object"]["byteCount"],
        }])
    );
    assert_eq!(json!([run.window_start, run.window_end]), json!([digest["windowStart"], digest["windowEnd"]]));
    assert_eq!((run.error_code, run.error, run.next_attempt_at), (None, None, None));
    assert!(run.finished_at.is_some());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_the_event_as_it_was_sent() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    for (entity_type, payload) in SAMPLES {
        let payload: Value = serde_json::from_str(payload).unwrap();
        system.ingest(vec![json!({"orgId": "diku", "type": entity_type.name(), "payload": payload})]).await;
    }
    assert_eq!(system.export("diku").await["eventCount"], 6);
    let lines = lines_of_whole_bucket(&system, &bucket, "", "diku");
    for (line, (entity_type, payload)) in lines.iter().zip(SAMPLES) {
        let sent: Value = serde_json::from_str(payload).unwrap();
        let original = sent.as_object().unwrap().iter().find(|(name, _)| name.starts_with("original"));
        let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let published = [
            "action",
            "actor",
            "data",
            "entityId",
            "entityType",
            "id",
            "occurredAt",
            "orgId",
            "recordedAt",
            "seq",
            "source",
        ];
        let published = published.into_iter().chain(original.is_some().then_some("original"));
        let mut published: Vec<&str> = published.collect();
        published.sort_unstable();
        assert_eq!(members, published, "{entity_type}");
        assert_eq!(line["entityId"], sent[sporlog_model::folio::entity_id_member(entity_type)]);
        assert_eq!((&line["entityType"], &line["source"]), (&json!(entity_type.name()), &json!("acquisition")));
        assert_eq!((&line["id"], &line["action"]), (&sent["id"], &sent["action"]));
        assert_eq!(line["actor"], json!({"id": sent["userId"], "name": null}));
        assert_eq!(line["data"], sent[sporlog_model::folio::snapshot_member(entity_type)]);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_events_is_empty_and_the_next_continues_the_chain() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
    assert!(system.keys(&bucket).is_empty());
    let mut ids = Vec::new();
    for round in 1..=3 {
        ids.extend(exporter.record(round).await);
        exporter.exports(round as u64).await;
        let keys = system.keys(&bucket);
        assert!(matches!(exporter.run().await, RunOutcome::Empty { .. }));
        assert_eq!(system.keys(&bucket), keys);
        assert_eq!(ids_of_whole_bucket(&system, &bucket, "diku"), ids);
    }
    assert_eq!(system.keys(&bucket).len(), 6);
    let statuses: Vec<_> = exporter.runs().await.into_iter().rev().map(|run| run.status).collect();
    let (empty, full) = (RunStatus::Empty, RunStatus::Succeeded);
    assert_eq!(statuses, [empty, full, empty, full, empty, full, empty]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_is_due_again_after_a_run() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(1).await;
    exporter.exports(1).await;
    assert!(exporter.is_due(clock.now()).await);
    assert!(!exporter.is_due(clock.now().minus(std::time::Duration::from_micros(1))).await);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_stand_under_the_prefix() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let bucket = system.enable_export("diku").await;
    let mut config = system.stack.store.export_config(&scope_of("diku")).await.unwrap().unwrap();
    config.destination.prefix = sporlog_model::KeyPrefix::parse("logs/sporlog").unwrap();
    system.stack.store.put_export_config(&scope_of("diku"), &config).await.unwrap();
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(2).await;
    exporter.exports(2).await;
    assert_eq!(lines_of_whole_bucket(&system, &bucket, "logs/sporlog/", "diku").len(), 2);
    system.stop().await;
}
