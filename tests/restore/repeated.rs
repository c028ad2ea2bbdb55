//! What becomes of an export whose state is put back without anybody noticing, and what it is refused to resume.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue::S;
use export_run::RunOutcome;
use sporlog_local::bucket_end;
use sporlog_store::ExportState;
use sporlog_verify::{FaultKind, Options, Source, TrustedKeys, VerifyError};

use super::tables::{Item, Tables};
use super::{Scene, record, resume, send};
use crate::export::bucket::{Objects, verified, verify};
use crate::export::{Exporter, MORNING};
use crate::harness::{ManualClock, System, org};

fn state_of(items: &mut [Item]) -> &mut Item {
    items.iter_mut().find(|item| item["sk"] == S("STATE".to_owned())).unwrap()
}

/// Two organizations; the table of both is restored to before the second export of each.
#[tokio::test(flavor = "multi_thread")]
async fn every_organization_goes_on_by_itself() {
    let system = System::start().await;
    let (tables, clock) = (Tables::of(&system), ManualClock::at(MORNING));
    let mut orgs = HashMap::new();
    for id in ["diku", "college"] {
        let bucket = system.enable_export(id).await;
        let exporter = Exporter::with(&system, id, &clock, &[]);
        record(&exporter, &clock, 3).await;
        exporter.exports(3).await;
        orgs.insert(id, (bucket, exporter));
    }
    let items = tables.items("Table", None).await;
    let mut lost = HashMap::new();
    for (id, (_, exporter)) in &orgs {
        lost.insert(*id, record(exporter, &clock, 2).await);
        exporter.exports(2).await;
    }
    tables.restore("Restored", items).await;
    for (id, (bucket, _)) in &orgs {
        let restored = Exporter::in_table(&system, id, &clock, "Restored", &[]);
        assert!(matches!(restored.run().await, RunOutcome::Failed { error_code: "restored_table", .. }));
        // In another's bucket there is nothing of this one.
        let (_, (foreign, _)) = orgs.iter().find(|(other, _)| *other != id).unwrap();
        let refused = resume(&system, &restored, foreign, id).await.unwrap_err();
        assert!(refused.contains("holds no digest"), "{refused}");
        let state = resume(&system, &restored, bucket, id).await.unwrap();
        assert_eq!(state.next_seq, 6);
        send(&restored, &clock, &lost[id]).await;
        record(&restored, &clock, 1).await;
        // Those, and that the export was resumed.
        restored.exports(4).await;
        let report = verified(&system, &[bucket], id, &Options::default());
        assert_eq!((report.events, report.repeated), (9, 2));
        // Resumed once more, it is where it is.
        let again = resume(&system, &restored, bucket, id).await.unwrap();
        assert_eq!(again.next_seq, 10);
        record(&restored, &clock, 1).await;
        restored.exports(2).await;
        verified(&system, &[bucket], id, &Options::default());
    }
    system.stop().await;
}

/// Why a restored table exports nothing by itself: the numbers of the lost exports would be given out again.
#[tokio::test(flavor = "multi_thread")]
async fn going_on_without_looking_would_fork_the_chain() {
    let Scene { system, tables, clock, bucket, exporter } = Scene::set().await;
    record(&exporter, &clock, 3).await;
    exporter.exports(3).await;
    let mut items = tables.items("Table", Some("diku")).await;
    record(&exporter, &clock, 2).await;
    exporter.exports(2).await;
    tables.create("Restored").await;
    let id =
        tables.client.describe_table().table_name("Restored").send().await.unwrap().table.unwrap().table_id.unwrap();
    state_of(&mut items).insert("table_id".to_owned(), S(id));
    for item in items {
        tables.client.put_item().table_name("Restored").set_item(Some(item)).send().await.unwrap();
    }
    let restored = Exporter::in_table(&system, "diku", &clock, "Restored", &[]);
    record(&restored, &clock, 3).await;
    restored.exports(3).await;
    match verify(&system, &[&bucket], "diku", &Options::default()) {
        Err(VerifyError::Fault(fault)) => assert_eq!(fault.kind, FaultKind::Fork, "{fault}"),
        other => panic!("{other:?}"),
    }
    system.stop().await;
}

/// A bucket without the objects whose keys have this in them.
fn part(system: &System, bucket: &str, missing: &str) -> Vec<Box<dyn Source>> {
    let kept = system.keys(bucket).into_iter().filter(|key| !key.contains(missing));
    let objects = kept.map(|key| (key.clone(), system.object(bucket, &key))).collect();
    vec![Box::new(Objects { name: "part".to_owned(), objects })]
}

/// A bucket that is not all of the export, or not whole, moves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_only_moves_forward_along_its_own_chain() {
    let Scene { system, tables, clock, bucket, exporter } = Scene::set().await;
    for count in 1..=3 {
        record(&exporter, &clock, count).await;
        exporter.exports(count as u64).await;
    }
    tables.restore("Restored", tables.items("Table", Some("diku")).await).await;
    let restored = Exporter::in_table(&system, "diku", &clock, "Restored", &[]);
    let state = restored.state().await;
    for (missing, told) in [
        // The newest digest; a segment in the middle; everything.
        ("000000000004-", "is not in the chain"),
        ("000000000002-", "are missing"),
        ("", "holds no digest"),
    ] {
        let refused = bucket_end::read(&part(&system, &bucket, missing), &org("diku"), &state, &TrustedKeys::default());
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(told), "{missing}: {refused}");
    }
    let refused = bucket_end::none(&part(&system, &bucket, ""), &org("diku"), &state).unwrap_err().to_string();
    assert!(refused.contains("the state names the digest"), "{refused}");
    let unknowing = ExportState { previous_digest_sha256: None, ..state };
    bucket_end::none(&part(&system, &bucket, ""), &org("diku"), &unknowing).unwrap();
    let refused =
        bucket_end::none(&part(&system, &bucket, "digests/"), &org("diku"), &unknowing).unwrap_err().to_string();
    assert!(refused.contains("has org_id=diku/date="), "{refused}");

    resume(&system, &restored, &bucket, "diku").await.unwrap();
    record(&restored, &clock, 1).await;
    restored.exports(2).await;
    verified(&system, &[&bucket], "diku", &Options::default());
    system.stop().await;
}

/// An old state over the new one in the same table: nothing tells but the bucket, when the place of a new digest is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_taken_is_noticed_and_stops_the_export() {
    let Scene { system, tables, clock, bucket, exporter } = Scene::set().await;
    record(&exporter, &clock, 3).await;
    exporter.exports(3).await;
    let old = state_of(&mut tables.items("Table", Some("diku")).await).clone();
    record(&exporter, &clock, 1).await;
    exporter.exports(1).await;
    tables.client.put_item().table_name("Table").set_item(Some(old)).send().await.unwrap();
    clock.advance(std::time::Duration::from_mins(5));
    // The same event has the same number and so the same key; its digest has the same key and another window.
    let before = system.keys(&bucket);
    let outcome = exporter.run().await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "place_taken", .. }), "{outcome:?}");
    for _ in 0..2 {
        assert!(matches!(exporter.run().await, RunOutcome::Failed { error_code: "restored_table", .. }));
    }
    assert_eq!(system.keys(&bucket), before);
    assert_eq!(exporter.state().await.next_seq, 4);
    assert_eq!(resume(&system, &exporter, &bucket, "diku").await.unwrap().next_seq, 5);
    record(&exporter, &clock, 1).await;
    exporter.exports(2).await;
    verified(&system, &[&bucket], "diku", &Options::default());
    system.stop().await;
}
