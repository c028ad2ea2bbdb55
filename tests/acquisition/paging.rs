use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{assert_error, events, number, numbers, order_event, path};
use crate::harness::{Caller, FolioEvent, System};

/// `count` events with numbers from 1, a second apart.
async fn system_with(count: usize) -> System {
    let system = System::start().await;
    let events = (1..=count).map(|number| order_event(number, json!({"n": number})).in_batch("diku")).collect();
    assert_eq!(system.ingest(events).await["stored"], count);
    system
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn limit_and_offset_cut_the_list_and_leave_the_total() {
    let system = system_with(5).await;
    let caller = Caller::auditor("diku");
    for (query, expected) in [
        ("", &[5, 4, 3, 2, 1][..]),
        ("limit=0", &[]),
        ("limit=1", &[5]),
        ("limit=5", &[5, 4, 3, 2, 1]),
        ("limit=6", &[5, 4, 3, 2, 1]),
        ("limit=2147483647", &[5, 4, 3, 2, 1]),
        ("limit=0000000000000000000003", &[5, 4, 3]),
        ("offset=0", &[5, 4, 3, 2, 1]),
        ("offset=4", &[1]),
        ("offset=5", &[]),
        ("offset=6", &[]),
        ("offset=2147483647", &[]),
        ("offset=1&limit=2", &[4, 3]),
        ("offset=1&limit=0", &[]),
        ("limit=2147483647&offset=2147483647", &[]),
        ("limit=2&offset=3&sortOrder=asc", &[4, 5]),
        // The first of a repeated parameter counts, even when the second is no number.
        ("limit=2&limit=4", &[5, 4]),
        ("limit=2&limit=x", &[5, 4]),
        ("offset=3&offset=0&limit=1", &[2]),
        ("sortOrder=asc&sortOrder=desc&limit=1", &[1]),
        // What is not known is not looked at. Names are case-sensitive.
        ("query=x&Limit=1&OFFSET=abc&lang=en&=", &[5, 4, 3, 2, 1]),
        ("page=2&%00=%ff", &[5, 4, 3, 2, 1]),
        ("%6Cimit=2", &[5, 4]),
    ] {
        for sort in ["action_date", "event_date", "id"] {
            let answer = system.get(&caller, &format!("{}?{query}&sortBy={sort}", path(EntityType::Order))).await;
            assert_eq!(numbers(&answer), expected, "{query} {sort}");
            assert_eq!(answer.json()["totalItems"], 5, "{query} {sort}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn other_limits_and_offsets_are_refused_by_name() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for name in ["limit", "offset"] {
        for (sent, value) in [
            ("-1", "-1"),
            ("-0", "-0"),
            ("2147483648", "2147483648"),
            ("18446744073709551616", "18446744073709551616"),
            ("1.5", "1.5"),
            ("1e3", "1e3"),
            ("abc", "abc"),
            ("", ""),
            ("+5", " 5"),
            ("%2B5", "+5"),
            ("5%20", "5 "),
            ("0x10", "0x10"),
            ("%D9%A5", "٥"),
            ("x&NAME=5", "x"),
        ] {
            let query = format!("{name}={}", sent.replace("NAME", name));
            for path in [path(EntityType::Organization), format!("{}/status-change-history", path(EntityType::Piece))] {
                let answer = system.get(&caller, &format!("{path}?{query}")).await;
                let message = format!("{name} must be a whole number from 0 to 2147483647");
                assert_error(&answer, 422, "validationError", &message, &json!([{"key": name, "value": value}]));
            }
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_tile_the_list() {
    const COUNT: usize = 23;
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let users = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    // Five instants, three actions, three users: every order is mostly ties.
    let events = (0..COUNT).rev().map(|number| {
        let mut event = FolioEvent {
            action: ["Create", "Edit", "Delete"][number % 3],
            user_id: users.get(number % 3).map(ToString::to_string),
            action_date: format!("2024-11-14T08:00:0{}Z", number % 5),
            ..order_event(number, json!({"number": number}))
        }
        .payload();
        let told = (number % 4 > 0).then(|| format!("2024-11-14T09:00:0{}Z", number % 4));
        event["eventDate"] = json!(told);
        json!({"orgId": "diku", "type": "order", "payload": event})
    });
    assert_eq!(system.ingest(events.collect()).await["stored"], COUNT);
    for sort in ["action_date", "event_date", "id", "action", "user_id"] {
        for order in ["asc", "desc"] {
            let list = format!("{}?sortBy={sort}&sortOrder={order}", path(EntityType::Order));
            let whole = super::events(&system.get(&caller, &list).await);
            let mut seen: Vec<usize> = whole.iter().map(number).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..COUNT).collect::<Vec<_>>(), "{sort} {order}");
            for size in [1, 2, 5, 7, 22, 23, 24] {
                let pages = pages(&system, &caller, &list, size).await;
                assert_eq!(pages, whole, "{sort} {order} {size}");
            }
        }
    }
    system.stop().await;
}

/// Page after page, until one is empty.
async fn pages(system: &System, caller: &Caller, list: &str, size: usize) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let answer = system.get(caller, &format!("{list}&limit={size}&offset={}", all.len())).await;
        assert_eq!(answer.json()["totalItems"], 23);
        let page = events(&answer);
        assert!(page.len() <= size);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_arrives_meanwhile_moves_no_page_of_the_past() {
    let system = system_with(6).await;
    let caller = Caller::auditor("diku");
    let page = |offset| format!("{}?sortOrder=asc&limit=3&offset={offset}", path(EntityType::Order));
    let first = numbers(&system.get(&caller, &page(0)).await);
    let later = (7..=9).map(|number| order_event(number, json!({})).in_batch("diku"));
    system.ingest(later.collect()).await;
    let rest = [numbers(&system.get(&caller, &page(3)).await), numbers(&system.get(&caller, &page(6)).await)];
    assert_eq!([first, rest.concat()].concat(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    system.stop().await;
}
