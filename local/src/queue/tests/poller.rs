//! What a function receives of a queue, and what becomes of its answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use super::{queues, send, template};
use crate::{
    functions::{Function, Registry, from_service},
    queue::{MAX_MESSAGE_BYTES, Queues, run_pollers},
};

/// Compiles only for what `tokio::spawn` would take, lifetimes aside.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// Polls with a function that answers each batch with the next of `answers` (and then with no failures), until it has been asked
/// `calls` times; gives the bodies of each call.
async fn poll(queues: &Arc<Queues>, answers: Vec<Value>, calls: usize) -> Vec<Vec<String>> {
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let (sent, mut received) = mpsc::unbounded_channel();
    let function: Arc<dyn Function> = from_service(service_fn(move |event: LambdaEvent<Value>| {
        let records = event.payload["Records"].as_array().unwrap().clone();
        let answer = answers.lock().unwrap().next().unwrap_or(json!({"batchItemFailures": []}));
        let mut bodies: Vec<_> = records.iter().map(|record| record["body"].as_str().unwrap().to_owned()).collect();
        bodies.sort();
        sent.send(bodies).unwrap();
        let named = records.iter().find(|record| Some(record["body"].as_str().unwrap()) == answer["fail"].as_str());
        let answer = named
            .map_or(answer.clone(), |record| json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}));
        async move { if answer == "error" { Err::<Value, lambda_runtime::Error>("no".into()) } else { Ok(answer) } }
    }));
    let template = template();
    let registry = Arc::new(Registry::new(&template, &BTreeMap::from([("f".to_owned(), function)])).unwrap());
    let stop = CancellationToken::new();
    let watch = async {
        let mut batches = vec![];
        while batches.len() < calls {
            batches.push(received.recv().await.unwrap());
        }
        stop.cancel();
        batches
    };
    tokio::join!(sendable(run_pollers(&template, queues, &registry, &stop)), watch).1
}

#[tokio::test(start_paused = true)]
async fn only_the_messages_that_failed_come_again() {
    let queues = queues(None);
    for body in ["a", "b", "c"] {
        send(&queues, body);
    }
    let batches = poll(&queues, vec![json!({"fail": "b"})], 2).await;
    assert_eq!(batches, [vec!["a", "b", "c"], vec!["b"]]);
    assert_eq!(queues.count("Queue").unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_malformed_answer_fails_the_whole_batch_and_then_it_is_set_aside() {
    for wrong in [
        json!("error"),
        json!("text"),
        json!({"batchItemFailures": [{"itemIdentifier": "unknown"}]}),
        json!({"batchItemFailures": [{}]}),
    ] {
        let queues = queues(None);
        for body in ["a", "b"] {
            send(&queues, body);
        }
        let batches = poll(&queues, vec![wrong.clone(), wrong.clone()], 2).await;
        assert_eq!(batches, [vec!["a", "b"], vec!["a", "b"]], "{wrong}");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(queues.receive("Queue", 10, None).unwrap().is_empty());
        assert_eq!(queues.count("Dead").unwrap(), (2, 0), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_success() {
    for answer in [json!(null), json!({}), json!({"batchItemFailures": null})] {
        let queues = queues(None);
        send(&queues, "a");
        poll(&queues, vec![answer], 1).await;
        assert_eq!(queues.count("Queue").unwrap(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_more_than_an_event_is_handed_over_in_parts() {
    let queues = queues(None);
    for _ in 0..10 {
        send(&queues, &"x".repeat(MAX_MESSAGE_BYTES));
    }
    let batches = poll(&queues, vec![], 2).await;
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5]);
    assert_eq!(queues.count("Queue").unwrap(), (0, 0));
}
