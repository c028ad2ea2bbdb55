//! Whose state it is: of a table that an export has left, and of none.

use std::time::Duration;

use export_run::RunOutcome;
use sporlog_store::{ExportedSoFar, NotForward};

use super::{Scene, record, resume};
use crate::export::bucket::verified;
use crate::export::{Exporter, MORNING};
use crate::harness::{ManualClock, System};

async fn is_refused(exporter: &Exporter) {
    let outcome = exporter.run().await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "restored_table", .. }), "{outcome:?}");
}

/// From a table to the one that is restored from it, and back to the first.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_to_a_restored_table_and_back() {
    let Scene { system, tables, clock, bucket, exporter: old } = Scene::set().await;
    record(&old, &clock, 3).await;
    old.exports(3).await;
    tables.restore("Restored", tables.items("Table", Some("diku")).await).await;
    let new = Exporter::in_table(&system, "diku", &clock, "Restored", &[]);
    for (from, to, exported) in [(&old, &new, 3), (&new, &old, 3)] {
        from.store.hand_over_export(&from.scope, &to.store).await.unwrap();
        is_refused(from).await;
        is_refused(to).await;
        resume(&system, to, &bucket, "diku").await.unwrap();
        record(to, &clock, 2).await;
        // Those, and that the export was resumed.
        to.exports(exported).await;
        is_refused(from).await;
    }
    let report = verified(&system, &[&bucket], "diku", &sporlog_verify::Options::default());
    assert_eq!((report.events, report.repeated), (9, 0));
    let itself = old.store.hand_over_export(&old.scope, &old.store).await;
    assert!(matches!(itself, Err(sporlog_store::CopyError::SameTable)), "{itself:?}");
    system.stop().await;
}

/// A state that does not say where it came to be, and has something exported or begun, is not believed: neither by a run
/// nor by the operator's tool.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_does_not_say_whose_it_is_is_not_adopted() {
    let Scene { system, tables, clock, bucket, exporter } = Scene::set().await;
    record(&exporter, &clock, 1).await;
    exporter.exports(1).await;
    let state = tables.items("Table", Some("diku")).await;
    let mut state = state.into_iter().find(|item| item["sk"].as_s().unwrap() == "STATE").unwrap();
    assert!(state.remove("table_id").is_some());
    tables.client.put_item().table_name("Table").set_item(Some(state)).send().await.unwrap();
    for _ in 0..2 {
        is_refused(&exporter).await;
    }
    let standing = exporter.store.standing_export(&exporter.scope).await.unwrap().unwrap();
    assert!(!standing.of_this_table);
    resume(&system, &exporter, &bucket, "diku").await.unwrap();
    let standing = exporter.store.standing_export(&exporter.scope).await.unwrap().unwrap();
    assert!(standing.of_this_table);
    record(&exporter, &clock, 1).await;
    exporter.exports(2).await;
    verified(&system, &[&bucket], "diku", &sporlog_verify::Options::default());
    system.stop().await;
}

/// A bucket that is an old copy, or that has windows which nobody can have written yet, moves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_neither_too_old_nor_ahead_of_time() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    system.enable_export("diku").await;
    let exporter = Exporter::with(&system, "diku", &clock, &[]);
    record(&exporter, &clock, 1).await;
    exporter.exports(1).await;
    let standing = exporter.store.standing_export(&exporter.scope).await.unwrap().unwrap();
    let (now, begun) = (clock.now(), standing.state.exported_to.unwrap());
    let bucket = |live, backfill| ExportedSoFar {
        next_seq: 9,
        newest_digest_sha256: "5b1e".to_owned(),
        live: Some((begun, live)),
        backfill: Some((begun, backfill)),
    };
    let (near, far) = (now.plus(Duration::from_mins(4)), now.plus(Duration::from_mins(6)));
    assert!(standing.moved_to(&bucket(near, near), None, false).is_ok());
    assert_eq!(standing.moved_to(&bucket(far, near), None, false), Err(NotForward::ToCome(far)));
    assert_eq!(standing.moved_to(&bucket(near, far), None, true), Err(NotForward::ToCome(far)));
    clock.advance(Duration::from_hours(26));
    let standing = exporter.store.standing_export(&exporter.scope).await.unwrap().unwrap();
    assert_eq!(standing.moved_to(&bucket(now, now), None, false), Err(NotForward::Stale(now)));
    assert_eq!(standing.moved_to(&bucket(now, now), None, true).unwrap().exported_to, Some(now));
    system.stop().await;
}
