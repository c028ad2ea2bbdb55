//! More events than the feed reads at a time, and reads that fail.

use std::iter::repeat_n;
use std::time::Duration;

use export_run::RunOutcome;
use sporlog_model::EntityType;
use uuid::Uuid;

use super::recovery::{Case, Scene};
use crate::harness::{Fault, FolioEvent, System};

/// Of one entity, so of one shard of the feed: two full pages and a part of a third.
const EVENTS: usize = 620;
/// Pages that are asked for one after the other, behind the first of each shard.
const AHEAD: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_fails_the_run_and_the_next_exports_all() {
    let system = System::start().await;
    let mut case = Case::of(&system, "diku", Scene::First).await;
    let entity = Uuid::new_v4().to_string();
    for n in 0..EVENTS {
        let event = FolioEvent::nth(EntityType::Order, &entity, n);
        case.direct.store.append(&case.direct.scope, &event.event()).await.unwrap();
        case.clock().advance(Duration::from_millis(1));
        case.ids.push(event.id);
    }
    case.clock().advance(Duration::from_mins(2));

    // Each run fails at one query more of what is the same work, until there is none left to fail at. The SDK does not try a
    // refusal again.
    let refused = Fault::DynamoDb(400, "AccessDeniedException");
    let mut number = 0;
    let exported = loop {
        case.faults.on("Query", repeat_n(Fault::Pass, number).chain([refused]));
        match case.exporter.run().await {
            RunOutcome::Failed { error_code, .. } => assert_eq!(error_code, "store_unavailable", "query {number}"),
            RunOutcome::Succeeded { event_count, .. } => break event_count,
            other => panic!("query {number}: {other:?}"),
        }
        assert_eq!((case.faults.clear(), system.keys(&case.bucket).len()), (0, 0), "query {number}");
        number += 1;
    };
    assert_eq!(case.faults.clear(), 1, "a run that met a failed query has succeeded");
    assert_eq!(exported, case.ids.len() as u64);
    assert!(number > AHEAD, "{number}");
    case.assert_whole(&system, "after all failures");
    system.stop().await;
}
