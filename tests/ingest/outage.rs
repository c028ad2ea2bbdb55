//! DynamoDB is away, and comes back.

use ingest::Ingest;
use serde_json::{Value, json};
use sporlog_model::Clock;

use super::{message, order_event, order_history, record_of, response};
use crate::harness::{Fault, Faults, NOBODY, System, kafka_event, topic};

/// The function of that system, with some variables of the test's own.
async fn function(system: &System, own: &[(&str, &str)]) -> Ingest {
    let queue = system.queue_url("DeadLetterQueue").await;
    let own = [&[("DEAD_LETTER_QUEUE_URL", queue.as_str())], own].concat();
    Ingest::from_environment(&system.environment_of("IngestFunction", &own), Clock::system()).unwrap()
}

/// The same, but for a DynamoDB at an address where nothing listens.
async fn cut_off(system: &System) -> Ingest {
    function(system, &[("AWS_ENDPOINT_URL_DYNAMODB", NOBODY)]).await
}

fn failures(identifiers: &[Value]) -> Value {
    let failures: Vec<Value> = identifiers.iter().map(|identifier| json!({"itemIdentifier": identifier})).collect();
    json!({"stored": 0, "duplicates": 0, "skipped": 0, "rejected": [], "batchItemFailures": failures})
}

async fn handle(ingest: &Ingest, event: &Value) -> Value {
    let event = serde_json::value::to_raw_value(event).unwrap();
    serde_json::to_value(ingest.handle(event).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_records_are_named_by_partition_and_offset_and_stored_later() {
    let system = System::start().await;
    let ingest = cut_off(&system).await;
    let mut records: Vec<Value> = (0..3).map(|number| record_of(&order_event(number), "diku", 40 + number)).collect();
    records[2]["partition"] = json!(7);
    let event = kafka_event(records);
    let topic = topic("diku", sporlog_model::EntityType::Order);
    let identifier =
        |partition: usize, offset: usize| json!({"partition": format!("{topic}-{partition}"), "offset": offset});
    let expected = failures(&[identifier(0, 40), identifier(0, 41), identifier(7, 42)]);
    assert_eq!(handle(&ingest, &event).await, expected);
    assert_eq!(system.invoke("IngestFunction", &event).await, response(3, 0, &[]));
    assert_eq!(order_history(&system, "diku").await.len(), 3);
    system.dead_letters(0).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqs_messages_are_named_once_by_their_id_and_stored_later() {
    let system = System::start().await;
    let ingest = cut_off(&system).await;
    let batch = json!({"events": [order_event(1).in_batch("diku"), order_event(2).in_batch("diku")]});
    let event = json!({"Records": [message("m1", &batch), message("m2", &order_event(3).in_batch("diku"))]});
    assert_eq!(handle(&ingest, &event).await, failures(&[json!("m1"), json!("m2")]));
    assert_eq!(system.invoke("IngestFunction", &event).await, response(3, 0, &[]));
    assert_eq!(order_history(&system, "diku").await.len(), 3);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_batch_fails_as_a_whole_and_is_stored_later() {
    let system = System::start().await;
    let ingest = cut_off(&system).await;
    let event = json!({"events": [order_event(1).in_batch("diku"), order_event(2).in_batch("diku")]});
    let raw = serde_json::value::to_raw_value(&event).unwrap();
    let failure = ingest.handle(raw).await.unwrap_err();
    let expected = ("NotStored", "2 of 2 events could not be stored now; send the batch again");
    assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), expected);
    assert_eq!(system.invoke("IngestFunction", &event).await, response(2, 0, &[]));
    assert_eq!(order_history(&system, "diku").await.len(), 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_also_while_nothing_can_be_stored() {
    let system = System::start().await;
    let ingest = cut_off(&system).await;
    let mut poison = record_of(&order_event(2), "diku", 2);
    poison["value"] = json!("e30=");
    let event = kafka_event(vec![record_of(&order_event(1), "diku", 1), poison]);
    let answer = handle(&ingest, &event).await;
    assert_eq!(answer["rejected"], json!([{"index": 1, "reason": "actionDate is missing"}]));
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1), "{answer}");
    system.dead_letters(1).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_even_be_set_aside_is_delivered_again() {
    let system = System::start().await;
    let ingest = function(&system, &[("AWS_ENDPOINT_URL_SQS", NOBODY)]).await;
    let event =
        json!({"Records": [message("bad", &json!("hello")), message("good", &order_event(1).in_batch("diku"))]});
    let expected = json!({"stored": 1, "duplicates": 0, "skipped": 0, "rejected": [], "batchItemFailures": [{"itemIdentifier": "bad"}]});
    assert_eq!(handle(&ingest, &event).await, expected);
    assert_eq!(order_history(&system, "diku").await.len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_is_named_and_the_same_instance_stores_it_later() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let ingest = function(&system, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    let messages = [1, 2, 3].map(|number| message(&format!("m{number}"), &order_event(number).in_batch("diku")));
    let event = json!({"Records": messages});
    // As often as the client tries.
    faults.on("TransactWriteItems", [Fault::InternalError; 4]);
    let expected = json!({"stored": 2, "duplicates": 0, "skipped": 0, "rejected": [], "batchItemFailures": [{"itemIdentifier": "m1"}]});
    assert_eq!(handle(&ingest, &event).await, expected);
    assert_eq!(faults.clear(), 0);
    assert_eq!(handle(&ingest, &event).await, response(1, 2, &[]));
    assert_eq!(order_history(&system, "diku").await.len(), 3);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_is_lost_is_stored_once() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let ingest = function(&system, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    faults.on("TransactWriteItems", [Fault::LostAnswer, Fault::TransactionConflict, Fault::Throttle]);
    let answer =
        handle(&ingest, &json!({"events": [order_event(1).in_batch("diku"), order_event(2).in_batch("diku")]})).await;
    assert_eq!((&answer["batchItemFailures"], faults.clear()), (&json!([]), 0), "{answer}");
    assert_eq!(order_history(&system, "diku").await.len(), 2);
    system.export("diku").await;
    assert_eq!(system.exported_lines(&bucket).len(), 2);
    system.stop().await;
}
