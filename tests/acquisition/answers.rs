use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{ENTITY, event_id, numbers, order_event, path};
use crate::harness::{Caller, SAMPLES, System, in_batch};

const EVENT: &str = "99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1";
const USER: &str = "58edf8c3-89e4-559c-9aed-aae637a3f40b";
const PARENT: &str = "0b86ee25-2ba5-4c08-a2c2-7b5f6b9547de";

/// The published names of a type: its list, its parent's id, its own id, its snapshot.
const NAMES: [(EntityType, &str, Option<&str>, &str, &str); 6] = [
    (EntityType::Order, "orderAuditEvents", None, "orderId", "orderSnapshot"),
    (EntityType::OrderLine, "orderLineAuditEvents", Some("orderId"), "orderLineId", "orderLineSnapshot"),
    (EntityType::Piece, "pieceAuditEvents", None, "pieceId", "pieceSnapshot"),
    (EntityType::Invoice, "invoiceAuditEvents", None, "invoiceId", "invoiceSnapshot"),
    (EntityType::InvoiceLine, "invoiceLineAuditEvents", Some("invoiceId"), "invoiceLineId", "invoiceLineSnapshot"),
    (EntityType::Organization, "organizationAuditEvents", None, "organizationId", "organizationSnapshot"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_read_answers_the_published_members_in_their_order() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for (entity_type, list, parent_id, entity_id, snapshot) in NAMES {
        let mut payload = json!({
            "id": EVENT, "action": "Edit", entity_id: ENTITY, "userId": USER,
            "eventDate": "2024-11-14T08:48:48.340Z", "actionDate": "2024-11-14T09:48:47.001987+01:00",
            snapshot: {"list": [1, null, "ø"], "receivingStatus": "Late"},
            "somethingNewer": true,
        });
        if let Some(parent_id) = parent_id {
            payload[parent_id] = PARENT.into();
        }
        system.ingest(vec![in_batch("diku", entity_type, &payload)]).await;
        let parent = parent_id.map(|name| format!(r#""{name}":"{PARENT}","#)).unwrap_or_default();
        let event = format!(
            r#"{{"id":"{EVENT}","action":"Edit",{parent}"{entity_id}":"{ENTITY}","userId":"{USER}","eventDate":"2024-11-14T08:48:48.340+00:00","actionDate":"2024-11-14T08:48:47.001+00:00","{snapshot}":{{"list":[1,null,"ø"],"receivingStatus":"Late"}}}}"#
        );
        let expected = format!(r#"{{"{list}":[{event}],"totalItems":1}}"#);
        let answer = system.get(&caller, &path(entity_type)).await;
        assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
        assert_eq!(answer.headers["content-type"], "application/json");
        if entity_type == EntityType::Piece {
            let changes = system.get(&caller, &format!("{}/status-change-history", path(entity_type))).await;
            assert_eq!((changes.status, changes.text()), (200, expected.as_str()));
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn absent_members_are_left_out() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for (entity_type, list, _, entity_id, snapshot) in NAMES {
        let sparse = [
            json!({"id": event_id(1), "action": "Create", entity_id: ENTITY, "actionDate": "2024-11-14"}),
            json!({
                "id": event_id(2), "action": "Delete", entity_id: ENTITY, "actionDate": "2024-11-15",
                "userId": null, "eventDate": null, snapshot: null, "orderId": null, "invoiceId": null, entity_id: ENTITY,
            }),
        ];
        system.ingest(sparse.into_iter().map(|payload| in_batch("diku", entity_type, &payload)).collect()).await;
        let event = |number: usize, action: &str, day: &str| {
            let id = event_id(number);
            format!(
                r#"{{"id":"{id}","action":"{action}","{entity_id}":"{ENTITY}","actionDate":"{day}T00:00:00.000+00:00"}}"#
            )
        };
        let (first, second) = (event(1, "Create", "2024-11-14"), event(2, "Delete", "2024-11-15"));
        let answer = system.get(&caller, &path(entity_type)).await;
        assert_eq!(answer.text(), format!(r#"{{"{list}":[{second},{first}],"totalItems":2}}"#));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_unknown_entity_has_an_empty_history() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for (entity_type, list, ..) in NAMES {
        let empty = format!(r#"{{"{list}":[],"totalItems":0}}"#);
        let answer = system.get(&caller, &path(entity_type)).await;
        assert_eq!((answer.status, answer.text()), (200, empty.as_str()));
    }
    let changes = system.get(&caller, &format!("{}/status-change-history?offset=3", path(EntityType::Piece))).await;
    assert_eq!((changes.status, changes.text()), (200, r#"{"pieceAuditEvents":[],"totalItems":0}"#));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn ids_of_any_version_in_any_case_are_one_entity() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let versions = [
        "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0190a5b0-7e2f-7abc-8def-0123456789ab",
        "abcdefab-cdef-abcd-efab-cdefabcdefab",
    ];
    for (number, id) in versions.into_iter().enumerate() {
        let mut event = order_event(number, json!({}));
        event.entity_id = if number % 2 == 0 { id.to_uppercase() } else { id.to_owned() };
        system.ingest(vec![event.in_batch("diku")]).await;
        for spelling in [id.to_owned(), id.to_uppercase(), id.replacen('-', "%2D", 1)] {
            let answer = system.get(&caller, &format!("/audit-data/acquisition/order/{spelling}")).await;
            assert_eq!(numbers(&answer), [number], "{spelling}");
            assert_eq!(answer.json()["orderAuditEvents"][0]["orderId"], id);
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn tenants_do_not_see_each_other() {
    let system = System::start().await;
    // The same entity, the same event ids, other contents.
    let of = |tenant: &str, count: usize| {
        let events = (1..=count).map(|number| order_event(number, json!({"of": tenant})).in_batch(tenant));
        events.collect::<Vec<Value>>()
    };
    let both = of("diku", 3).into_iter().chain(of("college", 2)).collect();
    assert_eq!(system.ingest(both).await["stored"], 5);
    for (tenant, count) in [("diku", 3), ("college", 2), ("Diku", 0), ("diku2", 0)] {
        let caller = Caller::auditor(tenant);
        for sort in ["action_date", "event_date", "id", "action", "user_id"] {
            let answer = system.get(&caller, &format!("{}?sortBy={sort}", path(EntityType::Order))).await.json();
            assert_eq!(answer["totalItems"], count, "{tenant}");
            let events = answer["orderAuditEvents"].as_array().unwrap();
            assert_eq!(events.len(), count);
            assert!(events.iter().all(|event| event["orderSnapshot"] == json!({"of": tenant})), "{tenant}: {events:?}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn one_id_in_six_types_is_six_events() {
    let system = System::start().await;
    let events = SAMPLES.map(|(entity_type, payload)| {
        let payload: Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload["id"], EVENT, "FOLIO's samples share their id");
        in_batch("diku", entity_type, &payload)
    });
    assert_eq!(system.ingest(events.to_vec()).await["stored"], 6);
    system.stop().await;
}
