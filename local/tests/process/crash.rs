use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tempfile::tempdir;
use uuid::Uuid;

use crate::server::{Server, token};

const EVENTS: usize = 2_000;
const ORDERS: usize = 20;
const IN_FLIGHT: usize = 50;

/// The server is killed when it has acknowledged so many.
const KILLED_AFTER: usize = 700;

/// Events by their ids, of a few orders in turn.
fn events() -> BTreeMap<String, Value> {
    let orders: Vec<String> = (0..ORDERS).map(|_| Uuid::new_v4().to_string()).collect();
    let event = |n: usize| {
        let (id, order) = (Uuid::new_v4().to_string(), &orders[n % ORDERS]);
        let payload = json!({
            "id": id, "action": "Edit", "orderId": order, "orderSnapshot": {"n": n},
            "actionDate": format!("2024-11-14T08:{:02}:{:02}.000Z", n / 60, n % 60),
        });
        (id, json!({"orgId": "diku", "type": "order", "payload": payload}))
    };
    (0..EVENTS).map(event).collect()
}

/// How often each event id is in the histories; the totals must say the same.
async fn stored(server: &Server, data_dir: &Path, events: &BTreeMap<String, Value>) -> BTreeMap<String, usize> {
    let token = token(data_dir, "diku");
    let orders: BTreeSet<&str> = events.values().map(|event| event["payload"]["orderId"].as_str().unwrap()).collect();
    let mut stored = BTreeMap::new();
    for order in orders {
        let (status, history) = server.history(order, "diku", &token).await;
        assert_eq!(status, 200, "{history}");
        let events = history["orderAuditEvents"].as_array().unwrap();
        assert_eq!(history["totalItems"], events.len());
        for event in events {
            *stored.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_has_every_event_it_acknowledged_once() {
    let directory = tempdir().unwrap();
    let data_dir = directory.path();
    let (http, events) = (reqwest::Client::new(), events());
    let server = Server::bare(data_dir);
    let acknowledged = Mutex::new(BTreeSet::new());
    stream::iter(&events)
        .for_each_concurrent(IN_FLIGHT, async |(id, event)| {
            let Some(answer) = server.ingest(&http, event).await else { return };
            assert_eq!(answer["stored"], 1, "{answer}");
            let mut acknowledged = acknowledged.lock().unwrap();
            acknowledged.insert(id.clone());
            if acknowledged.len() == KILLED_AFTER {
                server.signal("-KILL");
            }
        })
        .await;
    server.kill();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!((KILLED_AFTER..EVENTS).contains(&acknowledged.len()), "{}", acknowledged.len());

    let server = Server::bare(data_dir);
    let kept = stored(&server, data_dir, &events).await;
    println!("{} acknowledged, {} stored", acknowledged.len(), kept.len());
    assert!(kept.values().all(|count| *count == 1));
    let lost: Vec<_> = acknowledged.iter().filter(|id| !kept.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");

    // The sender does not know which of the rest arrived, so it sends all of them again.
    let answers = stream::iter(events.values()).map(|event| server.ingest(&http, event)).buffer_unordered(IN_FLIGHT);
    let answers: Vec<Value> = answers.map(Option::unwrap).collect().await;
    let sum = |member: &str| -> u64 { answers.iter().map(|answer| answer[member].as_u64().unwrap()).sum() };
    assert_eq!((sum("duplicates"), sum("stored")), (kept.len() as u64, (EVENTS - kept.len()) as u64));
    let all = stored(&server, data_dir, &events).await;
    assert!(all.len() == EVENTS && all.values().all(|count| *count == 1), "{}", all.len());
    assert!(server.interrupt().success());
}
