use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use sporlog_local::functions::{self, Function};
use sporlog_model::Clock;
use std::sync::Arc;

use super::{ENTITY, order_event};
use crate::harness::{FolioEvent, Meter, System, scope_of};

/// A request through API Gateway, as the function receives it.
const EVENT: &str = include_str!("../../events/acquisition-audit.json");

/// Enough that a read which touches more than its page stands out.
const MANY: usize = 10_000;

/// The function, with a meter in front of its DynamoDB.
struct Metered {
    function: Arc<dyn Function>,
    meter: Meter,
}

impl Metered {
    async fn of(system: &System) -> Self {
        let meter = Meter::before(system.stack.dynamodb).await;
        let endpoint = format!("http://{}", meter.address);
        let environment =
            system.environment_of("AcquisitionAuditFunction", &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]);
        let function = functions::http(acquisition_audit::router(&environment, Clock::system()).unwrap());
        Self { function, meter }
    }

    /// A read with that query: how many items DynamoDB read for it, how many it answered, and the total.
    async fn read(&self, query: &str) -> (usize, usize, Value) {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        event["rawQueryString"] = query.into();
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
        event["queryStringParameters"] = pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        self.meter.take();
        let answer = self.function.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (self.meter.take(), body["orderAuditEvents"].as_array().unwrap().len(), body["totalItems"].clone())
    }
}

/// Appends events of [`ENTITY`] to the log itself: the whole way in takes several times as long.
async fn fill(system: &System, numbers: std::ops::Range<usize>) {
    fill_told(system, numbers, |number| number).await;
}

/// The same, told in another order than they happened in.
async fn fill_told(system: &System, numbers: std::ops::Range<usize>, told: impl Fn(usize) -> usize) {
    let (store, scope) = (&system.stack.store, scope_of("diku"));
    let appends = numbers.map(|number| {
        let event_date = order_event(told(number), json!({})).event_date;
        let event = FolioEvent { event_date, ..order_event(number, json!({"n": number})) }.event();
        let scope = scope.clone();
        async move { store.append(&scope, &event).await.unwrap() }
    });
    stream::iter(appends).buffer_unordered(32).for_each(|_| async {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_at_any_length_of_the_history() {
    let system = System::start().await;
    let metered = Metered::of(&system).await;
    assert!(EVENT.contains(ENTITY));
    // The head, and the page; by event date the page's index rows too.
    let pages = [
        ("limit=10&sortOrder=desc", 12),
        ("limit=10&sortOrder=asc", 12),
        ("limit=10&sortBy=event_date&sortOrder=desc", 22),
        ("limit=10&sortBy=event_date&sortOrder=asc", 22),
        ("limit=1&sortOrder=desc", 3),
        ("limit=0&sortOrder=desc", 1),
        ("limit=10&offset=2147483647", 1),
    ];
    let mut costs = Vec::new();
    for (from, total) in [(0, 10), (10, MANY)] {
        fill(&system, from..total).await;
        let mut cost = Vec::new();
        for (query, most) in pages {
            let (items, answered, counted) = metered.read(query).await;
            assert!(items <= most, "{query} read {items} items of {total}");
            assert!(items > answered, "the meter stands in front of {query}");
            assert_eq!(counted, total);
            cost.push(items);
        }
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1], "with 10 and with {MANY} events");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_are_not_read_row_by_row_and_others_not_much_oftener() {
    // The head and ten index rows, and by one query ten rows, or two more, or three more of which most are read in vain.
    let in_pairs = |number: usize| number ^ 1;
    let apart = |number: usize| number * 37 % 100;
    let in_order: fn(usize) -> usize = |number| number;
    for (told, most, most_batched) in [(in_order, 21, 0), (in_pairs, 23, 0), (apart, 33, 9)] {
        let system = System::start().await;
        let metered = Metered::of(&system).await;
        fill_told(&system, 0..100, told).await;
        for order in ["asc", "desc"] {
            for offset in [0, 41] {
                metered.meter.take_batched();
                let query = format!("limit=10&offset={offset}&sortBy=event_date&sortOrder={order}");
                let (items, answered, _) = metered.read(&query).await;
                let batched = metered.meter.take_batched();
                assert_eq!(answered, 10);
                assert!(items <= most + offset && batched <= most_batched, "{query}: {items} items, {batched} by key");
            }
        }
        system.stop().await;
    }
}
