//! Restored to any point of a run.

use std::sync::Arc;

use export_run::RunOutcome;
use futures_util::stream::{self, StreamExt};
use sporlog_local::kms::SigningKey;
use sporlog_verify::Options;

use super::tables::Tables;
use super::{record, resume, send};
use crate::export::bucket::verified;
use crate::export::recovery::{AT_ONCE, Case, Scene, requests};
use crate::export::{Exporter, LEASE_OVER};
use crate::harness::{Fault, System};

const WRITES: [&str; 2] = ["TransactWriteItems", "PutObject"];

/// What happened between the point of the restore and the loss of the table.
#[derive(Debug, Clone, Copy)]
enum Lost {
    Nothing,
    /// The run was finished by the next, and more events were exported.
    Exports,
}

/// A run is cut, and that is the point to which the table is restored; a table that is restored knows nothing of what follows.
async fn restored_to(system: &System, scene: Scene, lost: Lost, fault: Fault, number: usize) {
    let name = format!("{lost:?}-{fault:?}-{number}").to_lowercase();
    let mut case = Case::of(system, &name, scene).await;
    case.faults.at(number, fault);
    assert_eq!(case.faults.cut(case.exporter.run()).await, None, "{name}");
    let tables = Tables::of(system);
    let items = tables.items("Table", Some(&name)).await;
    let clock = case.clock();
    clock.advance(LEASE_OVER);
    let mut sent_again = Vec::new();
    if let Lost::Exports = lost {
        for count in [2, 1] {
            sent_again.extend(record(&case.direct, &clock, count).await);
            assert!(matches!(case.direct.run().await, RunOutcome::Succeeded { .. }), "{name}");
        }
    }
    tables.restore(&name, items).await;
    let arn = SigningKey::arn();
    let restored = Exporter::in_table(system, &name, &clock, &name, &[("SIGNING_KEY_ID", &arn)]);
    assert_refused(system, &case, &restored, &name).await;

    let state = resume(system, &restored, &case.bucket, &name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    send(&restored, &clock, &sent_again).await;
    let new = record(&restored, &clock, 2).await;
    assert!(matches!(restored.run().await, RunOutcome::Succeeded { .. }), "{name}: {state:?}");
    // What was exported, sent again and so exported again, is in the bucket twice.
    for events in [&sent_again, &sent_again, &new] {
        case.ids.extend(events.iter().map(|event| event.id.to_string()));
    }
    assert!(matches!(restored.run().await, RunOutcome::Succeeded { .. } | RunOutcome::Empty { .. }), "{name}");
    assert_whole(system, &case, sent_again.len(), &name);
    let state = restored.state().await;
    assert_eq!((state.plan, state.backfill), (None, None), "{name}");
}

/// As long as nobody has said where it goes on, nothing is written and everybody can see why.
async fn assert_refused(system: &System, case: &Case, restored: &Exporter, name: &str) {
    let before = system.keys(&case.bucket);
    let outcome = restored.run().await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "restored_table", .. }), "{name}: {outcome:?}");
    assert_eq!(system.keys(&case.bucket), before, "{name}");
    let shown = restored.runs().await.swap_remove(0);
    assert_eq!(shown.error_code.as_deref(), Some("restored_table"), "{name}");
}

/// The chain, the numbers and the windows are whole, every event is there, and `verify` counts what is there again. An event
/// of the resumed export itself says that it was.
fn assert_whole(system: &System, case: &Case, repeated: usize, name: &str) {
    let options = Options { require_signature: true, ..Options::default() };
    let report = verified(system, &[&case.bucket], name, &options);
    assert_eq!((report.repeated, report.signed), (repeated as u64, report.digests), "{name}");
    let lines = crate::export::bucket::lines_of_whole_bucket(system, &case.bucket, "", name);
    let (resumed, events): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["entityType"] == "export-config");
    assert_eq!(resumed.iter().map(|line| &line["action"]).collect::<Vec<_>>(), ["Resume"], "{name}");
    let mut exported: Vec<_> = events.iter().map(|line| line["id"].as_str().unwrap()).collect();
    let mut ids: Vec<_> = case.ids.iter().map(String::as_str).collect();
    exported.sort_unstable();
    ids.sort_unstable();
    assert_eq!(exported, ids, "{name}");
}

async fn restored_anywhere(scene: Scene, lost: Lost) {
    let system = Arc::new(System::start().await);
    let requests = requests(&system, scene).await;
    let writes = requests.iter().enumerate().filter(|(_, operation)| WRITES.contains(&operation.as_str()));
    // Before anything was written, and after each write: nothing changes in between.
    let cases: Vec<_> = writes.map(|(number, _)| (Fault::CutAfter, number)).chain([(Fault::CutBefore, 0)]).collect();
    assert!(cases.len() > 6, "{requests:?}");
    let restores = stream::iter(cases).map(|(fault, number)| {
        let system = Arc::clone(&system);
        tokio::spawn(async move { restored_to(&system, scene, lost, fault, number).await })
    });
    restores.buffer_unordered(AT_ONCE).for_each(async |case| case.unwrap()).await;
    Arc::into_inner(system).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_any_point_of_a_first_run_after_which_more_was_exported() {
    restored_anywhere(Scene::First, Lost::Exports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_any_point_of_a_run_with_everything_to_do_after_which_more_was_exported() {
    restored_anywhere(Scene::Everything, Lost::Exports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_any_point_of_a_first_run_that_was_the_last() {
    restored_anywhere(Scene::First, Lost::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_any_point_of_a_run_with_everything_to_do_that_was_the_last() {
    restored_anywhere(Scene::Everything, Lost::Nothing).await;
}
