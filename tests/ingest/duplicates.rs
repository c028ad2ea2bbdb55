use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{ORDER, history, message, order_event, order_history, record_of, response};
use crate::harness::{FolioEvent, System, kafka_event};

const OTHER_ORDER: &str = "0b86ee25-2ba5-4c08-a2c2-7b5f6b9547de";

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_success_and_changes_nothing() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let event = order_event(1);
    // Three times in one batch, then from each source.
    let batch = vec![event.in_batch("diku"); 3];
    assert_eq!(system.ingest(batch.clone()).await, response(1, 2, &[]));
    let records = vec![record_of(&event, "diku", 0), record_of(&event, "diku", 1)];
    assert_eq!(system.invoke("IngestFunction", &kafka_event(records)).await, response(0, 2, &[]));
    let one = message("m1", &event.in_batch("diku"));
    let many = message("m2", &json!({"events": batch}));
    assert_eq!(system.invoke("IngestFunction", &json!({"Records": [one, many]})).await, response(0, 4, &[]));

    assert_eq!(order_history(&system, "diku").await.len(), 1);
    assert_eq!(system.export("diku").await["eventCount"], 1);
    assert_eq!(system.exported_lines(&bucket).len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_telling_stays_whatever_the_next_one_says() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let first = order_event(1);
    system.ingest(vec![first.in_batch("diku")]).await;
    let told = order_history(&system, "diku").await;
    let variants = [
        FolioEvent { snapshot: json!({"changed": true}), ..first.clone() },
        FolioEvent { action: "Delete", ..first.clone() },
        FolioEvent { user_id: None, ..first.clone() },
        FolioEvent { action_date: "2030-01-01T00:00:00Z".to_owned(), ..first.clone() },
        FolioEvent { event_date: "2030-01-01T00:00:00Z".to_owned(), ..first.clone() },
        FolioEvent { entity_id: OTHER_ORDER.to_owned(), ..first.clone() },
        FolioEvent { id: first.id.to_uppercase(), ..first.clone() },
    ];
    for variant in variants {
        assert_eq!(system.ingest(vec![variant.in_batch("diku")]).await, response(0, 1, &[]), "{variant:?}");
    }
    assert_eq!(order_history(&system, "diku").await, told);
    assert_eq!(history(&system, "diku", EntityType::Order, OTHER_ORDER).await, [] as [Value; 0]);
    system.export("diku").await;
    assert_eq!(system.exported_lines(&bucket).len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_id_is_taken_within_its_tenant_and_type_only() {
    let system = System::start().await;
    let events: Vec<Value> = ["diku", "college"]
        .into_iter()
        .flat_map(|tenant| {
            let same_id = |entity_type| FolioEvent { entity_type, ..order_event(1) };
            EntityType::ACQUISITION.map(|entity_type| same_id(entity_type).in_batch(tenant))
        })
        .collect();
    assert_eq!(system.ingest(events.clone()).await, response(12, 0, &[]));
    assert_eq!(system.ingest(events).await, response(0, 12, &[]));
    for tenant in ["diku", "college"] {
        for entity_type in EntityType::ACQUISITION {
            assert_eq!(history(&system, tenant, entity_type, ORDER).await.len(), 1, "{tenant} {entity_type}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn of_repeats_at_the_same_time_one_is_stored() {
    let system = System::start().await;
    // The same id for two orders, from eight callers at once: whoever is first, there is one event.
    let (here, there) = (order_event(1), FolioEvent { entity_id: OTHER_ORDER.to_owned(), ..order_event(1) });
    let calls = (0..8).map(|caller| {
        let event = if caller % 2 == 0 { &here } else { &there };
        system.ingest(vec![event.in_batch("diku")])
    });
    let answers = futures_util::future::join_all(calls).await;
    let sum = |member: &str| answers.iter().map(|answer| answer[member].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("stored"), sum("duplicates")), (1, 7), "{answers:?}");
    let count = order_history(&system, "diku").await.len()
        + history(&system, "diku", EntityType::Order, OTHER_ORDER).await.len();
    assert_eq!(count, 1);
    system.stop().await;
}
