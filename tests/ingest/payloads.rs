use serde_json::{Value, json};
use sporlog_model::{EntityType, folio};

use super::{ORDER, history, order_event, order_history, response};
use crate::harness::{FolioEvent, System, in_batch, kafka_event, kafka_record, topic};

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn dates_are_read_in_every_form_that_folio_sends() {
    let system = System::start().await;
    for (number, (sent, shown)) in [
        (json!("2024-11-14T08:48:48.340Z"), "2024-11-14T08:48:48.340+00:00"),
        (json!("2024-11-14T08:48:48.340+0000"), "2024-11-14T08:48:48.340+00:00"),
        (json!("2024-11-14T08:48:48.340+00:00"), "2024-11-14T08:48:48.340+00:00"),
        (json!("2024-11-14T10:18:48.340+01:30"), "2024-11-14T08:48:48.340+00:00"),
        (json!("2024-11-13T22:48:48.340-1000"), "2024-11-14T08:48:48.340+00:00"),
        (json!("2024-11-14T08:48:48"), "2024-11-14T08:48:48.000+00:00"),
        (json!("2024-11-14T08:48:48.123456789Z"), "2024-11-14T08:48:48.123+00:00"),
        (json!("2024-11-14t08:48:48z"), "2024-11-14T08:48:48.000+00:00"),
        (json!("2024-11-14"), "2024-11-14T00:00:00.000+00:00"),
        (json!(1_731_574_128_340_i64), "2024-11-14T08:48:48.340+00:00"),
        (json!("1731574128340"), "2024-11-14T08:48:48.340+00:00"),
        (json!(-1), "1969-12-31T23:59:59.999+00:00"),
        (json!(0), "1970-01-01T00:00:00.000+00:00"),
    ]
    .into_iter()
    .enumerate()
    {
        let entity_id = format!("{number:08x}-1111-4111-8111-111111111111");
        let mut payload = FolioEvent::of(EntityType::Invoice, &entity_id).payload();
        payload["actionDate"] = sent.clone();
        payload["eventDate"] = sent.clone();
        assert_eq!(system.ingest(vec![in_batch("diku", EntityType::Invoice, &payload)]).await, response(1, 0, &[]));
        let events = history(&system, "diku", EntityType::Invoice, &entity_id).await;
        assert_eq!((&events[0]["actionDate"], &events[0]["eventDate"]), (&json!(shown), &json!(shown)), "{sent}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn of_two_dates_one_is_enough() {
    let system = System::start().await;
    let mut told = order_event(1).payload();
    told["actionDate"] = json!(null);
    let mut acted = order_event(2).payload();
    acted.as_object_mut().unwrap().remove("eventDate");
    let events = [told, acted].map(|payload| in_batch("diku", EntityType::Order, &payload));
    assert_eq!(system.ingest(events.to_vec()).await, response(2, 0, &[]));
    let events = order_history(&system, "diku").await;
    assert_eq!(events[0]["actionDate"], events[0]["eventDate"]);
    assert_eq!((&events[1]["actionDate"], events[1].get("eventDate")), (&json!("2024-11-14T00:00:02.000+00:00"), None));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_unknown_or_null_do_no_harm() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let mut payload = order_event(1).payload();
    payload["userId"] = json!(null);
    payload["parentId"] = json!({"deep": [[[[]]]]});
    payload["orderLineSnapshot"] = json!("of another type");
    payload["originalOrderSnapshot"] = json!(null);
    payload["poLineId"] = json!(1e300);
    let spaced = format!("\u{20}\r\n\t{payload}\n");
    let record = kafka_record(&topic("diku", EntityType::Order), 0, spaced.as_bytes());
    assert_eq!(system.invoke("IngestFunction", &kafka_event(vec![record])).await, response(1, 0, &[]));
    let events = order_history(&system, "diku").await;
    let members: Vec<&String> = events[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["action", "actionDate", "eventDate", "id", "orderId", "orderSnapshot"]);
    system.export("diku").await;
    let line = &system.exported_lines(&bucket)[0];
    assert_eq!((&line["actor"], line.get("original")), (&json!({"id": null, "name": null}), None));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_is_kept_and_exported() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let events = EntityType::ACQUISITION.map(|entity_type| {
        let snapshot = folio::snapshot_member(entity_type);
        let original = format!("original{}{}", snapshot[..1].to_uppercase(), &snapshot[1..]);
        let mut payload = FolioEvent::of(entity_type, ORDER).payload();
        payload[original] = json!({"before": entity_type.name()});
        in_batch("diku", entity_type, &payload)
    });
    assert_eq!(system.ingest(events.to_vec()).await, response(6, 0, &[]));
    system.export("diku").await;
    let lines = system.exported_lines(&bucket);
    assert_eq!(lines.len(), 6);
    for line in lines {
        assert_eq!(line["original"], json!({"before": line["entityType"]}));
        assert_eq!(line["data"], json!({"id": ORDER, "note": "snapshot"}));
    }
    // The published answers have no place for it.
    for entity_type in EntityType::ACQUISITION {
        let event = &history(&system, "diku", entity_type, ORDER).await[0];
        assert!(!event.to_string().contains("before"), "{event}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_type_goes_by_any_of_its_names() {
    let system = System::start().await;
    let names = ["order", "ORDER", "ACQ_ORDER_CHANGED", "acq_order_changed"];
    let events = names.iter().enumerate().map(
        |(number, name)| json!({"orgId": "diku", "type": name, "payload": order_event(number).payload(), "more": 1}),
    );
    assert_eq!(system.ingest(events.collect::<Vec<Value>>()).await, response(4, 0, &[]));
    assert_eq!(order_history(&system, "diku").await.len(), 4);
    system.stop().await;
}
