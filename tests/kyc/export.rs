use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use serde_json::json;
use sporlog_model::EntityType;
use sporlog_store::RunTrigger;

use super::{Cases, ORG, case, change, nth};
use crate::export::bucket::lines_of_whole_bucket;
use crate::harness::{Fault, Faults, FolioEvent, ManualClock, System, org, scope_of, store};

const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_the_change_as_it_was_sent() {
    let cases = Cases::start().await;
    let bucket = cases.system.enable_export(ORG).await;
    let sent = json!({
        "user": "Martin Hansen", "entity_type": "kyc_case", "action": "STATUS_CHANGED", "field": "status",
        "old_value": null, "new_value": "REVIEWED", "timestamp": "2025-03-10T09:15:00.000Z",
    });
    cases.append("42", &json!({"entries": [nth(0), sent]})).await;
    cases.system.export(ORG).await;
    let lines = lines_of_whole_bucket(&cases.system, &bucket, "", ORG);
    // The organization and its key come first.
    let [.., first, line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(first["data"]["newValue"], "0");
    assert_eq!(first["recordedAt"], line["recordedAt"]);
    assert_eq!(
        *line,
        json!({
            "seq": 4, "id": line["id"], "orgId": ORG, "source": "kyc", "entityType": "kyc-case", "entityId": "42",
            "action": "STATUS_CHANGED", "actor": {"id": null, "name": "Martin Hansen"},
            "occurredAt": "2025-03-10T09:15:00.000000Z", "recordedAt": line["recordedAt"],
            "data": {"id": 2, "entityType": "kyc_case", "field": "status", "oldValue": null, "newValue": "REVIEWED", "reason": null},
        })
    );
    cases.system.stop().await;
}

/// Appends of any size among events of other kinds, the runs ending at and within the instants of appends.
#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_exported_once_in_the_order_of_the_log_whatever_the_windows() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T23:58:00Z");
    let (store, scope) = (store(&system.environment(&[]), clock.clock()), scope_of(ORG));
    let bucket = system.enable_export(ORG).await;
    let run = ExportRun::from_environment(
        &system.environment_of("ExportRunFunction", &[("SETTLE_SECONDS", "60")]),
        clock.clock(),
    )
    .unwrap();
    let (mut sent, mut exported) = (0, 0);
    for round in 0..12_usize {
        for (case_id, size) in [(42, 1), (43, 40), (42, round % 40 + 1), (44, 3)] {
            let changes: Vec<_> = (sent..sent + size).map(|number| change(number, clock.now())).collect();
            store.append_case_entries(&scope, case(case_id), &changes, clock.now(), None).await.unwrap();
            sent += size;
            // Several within one microsecond, too.
            clock.advance(Duration::from_micros((round % 2) as u64));
        }
        store.append(&scope, &FolioEvent::nth(EntityType::Order, ORDER, round).event()).await.unwrap();
        clock.advance(Duration::from_secs(20));
        let request = RunRequest { org_id: org(ORG), trigger: RunTrigger::Schedule, run_id: None };
        if let RunOutcome::Succeeded { event_count, .. } = Box::pin(run.handle(request, u64::MAX)).await.unwrap() {
            exported += event_count;
        }
    }
    assert!(exported > 0);
    clock.advance(Duration::from_mins(2));
    let request = RunRequest { org_id: org(ORG), trigger: RunTrigger::Schedule, run_id: None };
    Box::pin(run.handle(request, u64::MAX)).await.unwrap();

    let lines = lines_of_whole_bucket(&system, &bucket, "", ORG);
    assert_eq!(lines.len(), sent + 12);
    for entity_id in ["42", "43", "44"] {
        let of_case = lines.iter().filter(|line| line["entityId"] == entity_id);
        let numbers: Vec<usize> =
            of_case.map(|line| line["data"]["newValue"].as_str().unwrap().parse().unwrap()).collect();
        assert!(numbers.is_sorted() && !numbers.is_empty(), "{entity_id}: {numbers:?}");
    }
    let mut ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), lines.len());
    system.stop().await;
}

/// A run is cut when it has planned; the next finishes exactly that, though more has come into the same case.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_among_appends_is_finished_by_the_next() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T08:00:00Z");
    let (store, scope) = (store(&system.environment(&[]), clock.clock()), scope_of(ORG));
    let bucket = system.enable_export(ORG).await;
    let faults = Faults::before(&system.stack).await;
    let endpoints = faults.endpoints();
    let endpoints = endpoints.iter().map(|(name, value)| (*name, value.as_str()));
    let environment: Vec<_> = [("SETTLE_SECONDS", "60")].into_iter().chain(endpoints).collect();
    let run =
        ExportRun::from_environment(&system.environment_of("ExportRunFunction", &environment), clock.clock()).unwrap();
    let request = || RunRequest { org_id: org(ORG), trigger: RunTrigger::Schedule, run_id: None };
    let append = async |numbers: std::ops::Range<usize>| {
        let changes: Vec<_> = numbers.map(|number| change(number, clock.now())).collect();
        store.append_case_entries(&scope, case(42), &changes, clock.now(), None).await.unwrap();
        clock.advance(Duration::from_secs(1));
    };
    append(0..40).await;
    append(40..43).await;
    clock.advance(Duration::from_mins(1));
    faults.on("PutObject", [Fault::CutBefore]);
    assert!(Box::pin(faults.cut(run.handle(request(), u64::MAX))).await.is_none());
    append(43..50).await;
    clock.advance(Duration::from_mins(10));
    Box::pin(run.handle(request(), u64::MAX)).await.unwrap();

    let lines = lines_of_whole_bucket(&system, &bucket, "", ORG);
    let numbers = lines.iter().map(|line| line["data"]["newValue"].as_str().unwrap().parse::<usize>().unwrap());
    assert!(numbers.eq(0..50));
    assert_eq!(system.keys(&bucket).len(), 4, "two segments, each with its digest");
    system.stop().await;
}
