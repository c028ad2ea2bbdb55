use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{ENTITY, assert_error, event_id, numbers, path};
use crate::harness::{Caller, System, in_batch};

const ANN: Option<&str> = Some("11111111-1111-4111-8111-111111111111");
const BOB: Option<&str> = Some("22222222-2222-4222-8222-222222222222");

/// Number, action, user, minute of the action, minute of the event. Full of ties, in no order.
type Row = (usize, &'static str, Option<&'static str>, &'static str, Option<&'static str>);
const ROWS: [Row; 7] = [
    (4, "Delete", ANN, "10:03", Some("10:02")),
    (2, "Edit", BOB, "10:01", None),
    (6, "Create", BOB, "10:00", Some("10:05")),
    (1, "Create", ANN, "10:00", Some("10:05")),
    (5, "Edit", None, "09:00", None),
    (3, "Edit", None, "10:01", Some("10:02")),
    (7, "Edit", ANN, "09:30", Some("10:05")),
];

/// Every spelling with its ascending order. Descending is the reverse, ties included.
const ORDERS: [(&str, [usize; 7]); 8] = [
    ("action_date", [5, 7, 1, 6, 2, 3, 4]),
    ("actionDate", [5, 7, 1, 6, 2, 3, 4]),
    // Without a date comes last.
    ("event_date", [3, 4, 7, 1, 6, 5, 2]),
    ("eventDate", [3, 4, 7, 1, 6, 5, 2]),
    ("id", [1, 2, 3, 4, 5, 6, 7]),
    ("action", [1, 6, 4, 5, 7, 2, 3]),
    ("user_id", [7, 1, 4, 6, 2, 5, 3]),
    ("userId", [7, 1, 4, 6, 2, 5, 3]),
];

async fn system_with_rows(entity_type: EntityType, status: Value) -> System {
    let system = System::start().await;
    let id_member = sporlog_model::folio::entity_id_member(entity_type);
    for (number, action, user, acted, told) in ROWS {
        let payload = json!({
            "id": event_id(number), "action": action, id_member: ENTITY, "userId": user,
            "actionDate": format!("2024-11-14T{acted}:00Z"),
            "eventDate": told.map(|minute| format!("2024-11-14T{minute}:00Z")),
            sporlog_model::folio::snapshot_member(entity_type): {"receivingStatus": status, "claimingInterval": number},
        });
        let answer = system.ingest(vec![in_batch("diku", entity_type, &payload)]).await;
        assert_eq!(answer["stored"], 1);
    }
    system
}

async fn assert_orders(system: &System, path: &str) {
    let caller = Caller::auditor("diku");
    for (sort, ascending) in ORDERS {
        let descending: Vec<usize> = ascending.into_iter().rev().collect();
        for (order, expected) in [
            ("&sortOrder=asc", &ascending[..]),
            ("&sortOrder=ASC", &ascending),
            ("&sortOrder=Asc", &ascending),
            ("&sortOrder=desc", &descending),
            ("&sortOrder=DESC", &descending),
            ("&sortOrder=dEsC", &descending),
            ("", &descending),
        ] {
            let answer = system.get(&caller, &format!("{path}?sortBy={sort}{order}")).await;
            assert_eq!(numbers(&answer), expected, "{sort}{order}");
            assert_eq!(answer.json()["totalItems"], 7);
        }
    }
    let newest_first: Vec<usize> = ORDERS[0].1.into_iter().rev().collect();
    assert_eq!(numbers(&system.get(&caller, path).await), newest_first);
    assert_eq!(numbers(&system.get(&caller, &format!("{path}?sortOrder=asc")).await), ORDERS[0].1);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_sort_in_both_directions_with_ties() {
    let system = system_with_rows(EntityType::InvoiceLine, json!("any")).await;
    assert_orders(&system, &path(EntityType::InvoiceLine)).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn status_changes_sort_as_every_history_does() {
    // Each has a claiming interval of its own, so each is a change.
    let system = system_with_rows(EntityType::Piece, json!("Expected")).await;
    assert_orders(&system, &format!("{}/status-change-history", path(EntityType::Piece))).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn other_sorts_are_refused_by_name() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let fields = "sortBy must be one of action_date, event_date, id, action, user_id";
    let orders = "sortOrder must be asc or desc";
    for (query, name, value, message) in [
        ("sortBy=actiondate", "sortBy", "actiondate", fields),
        ("sortBy=ACTION_DATE", "sortBy", "ACTION_DATE", fields),
        ("sortBy=", "sortBy", "", fields),
        ("sortBy=order_id&sortBy=id", "sortBy", "order_id", fields),
        ("sortBy=action_date%3B+DROP", "sortBy", "action_date; DROP", fields),
        ("sortOrder=up", "sortOrder", "up", orders),
        ("sortOrder=", "sortOrder", "", orders),
        ("sortOrder=asc%20", "sortOrder", "asc ", orders),
        ("sortOrder=descending", "sortOrder", "descending", orders),
    ] {
        for path in [path(EntityType::Order), format!("{}/status-change-history", path(EntityType::Piece))] {
            let answer = system.get(&caller, &format!("{path}?{query}")).await;
            assert_error(&answer, 422, "validationError", message, &json!([{"key": name, "value": value}]));
        }
    }
    system.stop().await;
}
