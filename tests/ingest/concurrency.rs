use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{ORDER, message, order_event, order_history, record_of};
use crate::harness::{Caller, System, kafka_event};

const COUNT: usize = 200;

/// The numbers below [`COUNT`], each once and in no order: 73 and 200 have no common divisor.
fn shuffled() -> impl Iterator<Item = usize> {
    (0..COUNT).map(|position| position * 73 % COUNT)
}

/// The events of these numbers, from one of the three sources.
fn delivery(tenant: &str, source: usize, numbers: &[usize]) -> Value {
    let events = numbers.iter().map(|number| order_event(*number).in_batch(tenant));
    match source % 3 {
        0 => json!({"events": events.collect::<Vec<_>>()}),
        1 => kafka_event(numbers.iter().map(|number| record_of(&order_event(*number), tenant, *number)).collect()),
        _ => {
            json!({"Records": events.map(|event| message(&event["payload"]["id"].to_string(), &event)).collect::<Vec<_>>()})
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_events_at_once_out_of_order_and_twice() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let numbers: Vec<usize> = shuffled().collect();
    // Every event from two sources, and for two tenants, all under way together.
    let deliveries = numbers.chunks(8).enumerate().flat_map(|(chunk, numbers)| {
        [("diku", chunk), ("diku", chunk + 1), ("college", chunk)]
            .map(|(tenant, source)| delivery(tenant, source, numbers))
    });
    let calls = deliveries.map(|event| {
        let system = &system;
        async move { system.invoke("IngestFunction", &event).await }
    });
    let answers: Vec<Value> = stream::iter(calls).buffer_unordered(12).collect().await;
    let sum = |member: &str| answers.iter().map(|answer| answer[member].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("stored"), sum("duplicates")), (400, 200));
    assert!(answers.iter().all(|answer| answer["batchItemFailures"] == json!([])));

    for tenant in ["diku", "college"] {
        let history = order_history(&system, tenant).await;
        let told: Vec<_> = history.iter().map(|event| event["orderSnapshot"]["n"].as_u64().unwrap()).collect();
        assert_eq!(told, (0..COUNT as u64).collect::<Vec<_>>());
        for (sort, size) in [("action_date", 7), ("action_date", 64), ("event_date", 33), ("id", 50)] {
            let mut tiled = Vec::new();
            for offset in (0..COUNT + size).step_by(size) {
                let query = format!("sortBy={sort}&sortOrder=asc&limit={size}&offset={offset}");
                let path = format!("/audit-data/acquisition/order/{ORDER}?{query}");
                let answer = system.get(&Caller::auditor(tenant), &path).await.json();
                assert_eq!(answer["totalItems"], COUNT);
                tiled.extend(answer["orderAuditEvents"].as_array().unwrap().clone());
            }
            assert_eq!(tiled, history, "{sort} {size}");
        }
    }
    assert_eq!(system.export("diku").await["eventCount"], COUNT);
    assert_eq!(system.exported_lines(&bucket).len(), COUNT);
    system.stop().await;
}
