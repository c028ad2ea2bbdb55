use std::time::Duration;

use serde_json::json;

use super::{order_event, order_history};
use crate::harness::System;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until a tenant's order has that many events.
async fn wait_for(system: &System, tenant: &str, count: usize) {
    let arrived = async {
        while order_history(system, tenant).await.len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.unwrap_or_else(|_| panic!("{count} events of {tenant} never came"));
    assert_eq!(order_history(system, tenant).await.len(), count);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn messages_reach_the_log_through_the_queue() {
    let system = System::start().await;
    let batch: Vec<_> = (1..=20).map(|number| order_event(number).in_batch("diku")).collect();
    system.send_message("IngestQueue", &json!({"events": batch}).to_string()).await;
    for number in 21..=30 {
        system.send_message("IngestQueue", &order_event(number).in_batch("diku").to_string()).await;
        system.send_message("IngestQueue", &order_event(number).in_batch("college").to_string()).await;
    }
    // Again, as SQS may deliver it.
    system.send_message("IngestQueue", &json!({"events": batch}).to_string()).await;
    system.send_message("IngestQueue", "this is no event").await;

    let letter = system.dead_letters(1).await.remove(0);
    assert_eq!((&letter["source"], &letter["payload"]["data"]), (&json!("sqs"), &json!("this is no event")));
    wait_for(&system, "diku", 30).await;
    wait_for(&system, "college", 10).await;
    system.stop().await;
}
