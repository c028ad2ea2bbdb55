use std::collections::BTreeSet;

use serde_json::json;
use sporlog_local::iam::Used;
use sporlog_model::{Clock, EntityType};

use crate::docs::PAGES;
use crate::harness::{Caller, FolioEvent, System, scope_of};

const ORG: &str = "diku";
const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// Does everything that Sporlog does, and tells what of its policies that used. Nothing may be refused.
pub(super) async fn everything() -> BTreeSet<Used> {
    let mut used = BTreeSet::new();
    // Every operation of the API, as its page has it.
    for page in &PAGES {
        let system = System::start().await;
        assert_eq!(page.run(&system).await, None);
        used.extend(leave(system).await);
    }
    let system = System::start().await;
    without_a_caller(&system).await;
    used.extend(leave(system).await);
    used
}

/// What no page shows, since nobody calls: schedules, queues, and what they lead to.
async fn without_a_caller(system: &System) {
    let bucket = system.enable_export(ORG).await;
    send_old_event(system, 0).await;
    let rejected = system.ingest(vec![json!({"orgId": ORG, "type": "order", "payload": {}})]).await;
    assert_eq!(rejected["rejected"].as_array().map(Vec::len), Some(1), "{rejected}");
    system.dead_letters(1).await;
    let by_event_date = format!("/audit-data/acquisition/order/{ORDER}?sortBy=event_date");
    assert_eq!(system.get(&Caller::auditor(ORG), &by_event_date).await.json()["totalItems"], 1);

    // A tick starts the export; what it has delivered may be deleted.
    assert_eq!(system.invoke("ExportDispatchFunction", &json!({})).await, json!({"started": 1}));
    system.finish_runs().await;
    assert_eq!(system.exported_lines(&bucket).len(), 1);
    system.keep_orders_for(ORG, 30).await;
    system.finish_runs().await;
    assert_eq!(system.get(&Caller::auditor(ORG), &by_event_date).await.json()["totalItems"], 0);

    // An export that is switched off holds up nothing, and is not run.
    let scope = scope_of(ORG);
    let mut config = system.stack.store.export_config(&scope).await.unwrap().unwrap();
    (config.enabled, config.updated_at) = (false, Clock::system().now());
    system.stack.store.put_export_config(&scope, &config).await.unwrap();
    assert_eq!(system.export(ORG).await["outcome"], "disabled");
    send_old_event(system, 1).await;
    system.keep_orders_for(ORG, 10_000).await;
    system.keep_orders_for(ORG, 30).await;
    system.finish_runs().await;
    let swept = system.invoke("RetentionFunction", &json!({})).await;
    assert_eq!(swept["finished"].as_u64(), Some(0), "{swept}");
    assert_eq!(system.get(&Caller::auditor(ORG), &by_event_date).await.json()["totalItems"], 0);
}

/// One of two years ago.
async fn send_old_event(system: &System, number: usize) {
    let event = FolioEvent::nth(EntityType::Order, ORDER, number).in_batch(ORG);
    assert_eq!(system.ingest(vec![event]).await["stored"], 1);
}

async fn leave(system: System) -> BTreeSet<Used> {
    system.finish_runs().await;
    let iam = system.stack.iam.clone();
    system.stop().await;
    assert_eq!(iam.refused(), []);
    iam.used()
}
