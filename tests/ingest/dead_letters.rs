use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sporlog_model::EntityType;
use sporlog_model::export::sha256_hex;

use super::{message, order_event, order_history, record_of, response};
use crate::harness::{System, in_batch, incompressible, kafka_event, kafka_record, topic};

/// A payload of an order with one member set to something else, or taken out.
fn spoiled(member: &str, value: Option<Value>) -> Value {
    let mut payload = order_event(99).payload();
    match value {
        Some(value) => payload[member] = value,
        None => drop(payload.as_object_mut().unwrap().remove(member)),
    }
    payload
}

/// Payloads that can never become an event, with the reason.
fn poison() -> Vec<(String, &'static str)> {
    let not_json = ["", "{", "[]", "null", "\"text\"", "{}{}", "{\"id\":}", "\u{0}"];
    let not_json = not_json.map(|text| (text.to_owned(), "the payload is not a JSON object"));
    let members = [
        ("id", None, "id is missing"),
        ("id", Some(json!(null)), "id is missing"),
        ("id", Some(json!("1")), "id must be a UUID"),
        ("id", Some(json!(7)), "id must be a string"),
        ("orderId", None, "orderId is missing"),
        ("orderId", Some(json!("")), "orderId must be a UUID"),
        ("orderId", Some(json!("{c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9}")), "orderId must be a UUID"),
        ("action", None, "action is missing"),
        ("action", Some(json!("edit")), "action must be Create, Edit or Delete"),
        ("action", Some(json!("Destroy")), "action must be Create, Edit or Delete"),
        ("orderSnapshot", Some(json!("{}")), "orderSnapshot is not a JSON object"),
        ("orderSnapshot", Some(json!([{}])), "orderSnapshot is not a JSON object"),
    ];
    let members = members.map(|(member, value, reason)| (spoiled(member, value).to_string(), reason));
    let dates = [json!("yesterday"), json!("99999-01-01T00:00:00Z"), json!({})].map(|date| {
        let mut payload = spoiled("actionDate", Some(date));
        payload["eventDate"] = json!(null);
        (payload.to_string(), "actionDate is not a date and time")
    });
    not_json.into_iter().chain(members).chain(dates).collect()
}

/// What the dead-letter queue keeps of a payload that is text.
fn kept(text: &str) -> Value {
    json!({
        "encoding": "text", "data": text, "part": 1, "parts": 1, "bytes": text.len(),
        "sha256": sha256_hex(text.as_bytes()),
    })
}

/// Takes the time off a letter, which no test knows.
fn timeless(mut letter: Value) -> Value {
    let at = letter.as_object_mut().unwrap().remove("rejectedAt").unwrap();
    assert_eq!(at.as_str().map(str::len), Some("2024-11-14T08:48:48.340000Z".len()));
    letter
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_kafka_record_that_can_never_be_stored_is_set_aside_with_the_reason() {
    let system = System::start().await;
    let (topic, poison) = (topic("diku", EntityType::Order), poison());
    // Good records before, between and after them.
    let mut records = vec![record_of(&order_event(0), "diku", 0)];
    for (number, (payload, _)) in poison.iter().enumerate() {
        records.push(kafka_record(&topic, 2 * number + 1, payload.as_bytes()));
        records.push(record_of(&order_event(number + 1), "diku", 2 * number + 2));
    }
    let rejected: Vec<_> = poison.iter().enumerate().map(|(number, (_, reason))| (2 * number + 1, *reason)).collect();
    let answer = system.invoke("IngestFunction", &kafka_event(records)).await;
    assert_eq!(answer, response(poison.len() + 1, 0, &rejected));
    assert_eq!(order_history(&system, "diku").await.len(), poison.len() + 1);

    let letters = system.dead_letters(poison.len()).await;
    for (number, (letter, (payload, reason))) in letters.into_iter().zip(&poison).enumerate() {
        let expected = json!({
            "reason": reason, "source": "kafka", "topic": topic, "partition": 0, "offset": 2 * number + 1,
            "payload": kept(payload),
        });
        assert_eq!(timeless(letter), expected);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_usable_envelope_is_set_aside_too() {
    let system = System::start().await;
    let good = order_event(1).payload().to_string();
    let with_value = |value: Value| {
        let mut record = record_of(&order_event(1), "diku", 5);
        record["value"] = value;
        record
    };
    let mut without_value = with_value(json!(null));
    without_value.as_object_mut().unwrap().remove("value");
    let binary = json!({
        "encoding": "gzip+base64", "part": 1, "parts": 1, "bytes": 3, "sha256": sha256_hex(&[0xff, 0xfe, 0]),
    });
    for (record, reason, payload) in [
        (with_value(json!(null)), "the record has no value", kept("")),
        (without_value, "the record has no value", kept("")),
        (with_value(json!("not base64!")), "the value is not base64", kept("not base64!")),
        (with_value(json!("//4A")), "the payload is not a JSON object", binary),
        (
            kafka_record("folio.Default.diku.DI_COMPLETED", 5, good.as_bytes()),
            "the topic carries no acquisition events",
            kept(&good),
        ),
        (kafka_record("ACQ_ORDER_CHANGED", 5, good.as_bytes()), "the topic carries no acquisition events", kept(&good)),
        (
            kafka_record("ACQ.ACQ_ORDER_CHANGED", 5, good.as_bytes()),
            "neither the header x-okapi-tenant nor the topic names a tenant",
            kept(&good),
        ),
    ] {
        let topic = record["topic"].clone();
        let answer = system.invoke("IngestFunction", &kafka_event(vec![record])).await;
        assert_eq!(answer, response(0, 0, &[(0, reason)]));
        let mut letter = timeless(system.dead_letters(1).await.remove(0));
        if payload.get("data").is_none() {
            letter["payload"].as_object_mut().unwrap().remove("data");
        }
        let expected = json!({
            "reason": reason, "source": "kafka", "topic": topic, "partition": 0, "offset": 5, "payload": payload,
        });
        assert_eq!(letter, expected);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_batch_is_stored_but_for_its_poison() {
    let system = System::start().await;
    let events = [
        in_batch("diku", EntityType::Order, &order_event(1).payload()),
        in_batch("diku", EntityType::Order, &spoiled("action", Some(json!("Destroy")))),
        in_batch("a b", EntityType::Order, &order_event(2).payload()),
        json!({"orgId": "diku", "type": "voucher", "payload": {}}),
        json!({"type": "order", "payload": {}}),
        json!(["diku"]),
        json!({"orgId": "diku", "type": "order", "payload": "text"}),
        in_batch("diku", EntityType::Order, &order_event(3).payload()),
    ];
    let answer = system.ingest(events.to_vec()).await;
    let rejected = answer["rejected"].as_array().unwrap();
    let reasons = [
        (1, "action must be Create, Edit or Delete"),
        (2, "orgId must be 1 to 64 letters, digits, '_', '.' or '-'"),
        (3, "type names no acquisition event"),
        (
            4,
            "not an event with orgId, type and payload, nor a batch of them: a member is missing or of another type at",
        ),
        (5, "not an event with orgId, type and payload, nor a batch of them: "),
        (6, "the payload is not a JSON object"),
    ];
    assert_eq!((&answer["stored"], &answer["batchItemFailures"]), (&json!(2), &json!([])), "{answer}");
    let letters = system.dead_letters(reasons.len()).await;
    for (((index, reason), rejected), letter) in reasons.into_iter().zip(rejected).zip(letters) {
        assert_eq!(rejected["index"], index);
        assert!(rejected["reason"].as_str().unwrap().starts_with(reason), "{rejected}");
        let letter = timeless(letter);
        assert_eq!((&letter["source"], &letter["index"]), (&json!("batch"), &json!(index)));
        assert_eq!((&letter["reason"], &letter["payload"]), (&rejected["reason"], &kept(&events[index].to_string())));
    }
    assert_eq!(order_history(&system, "diku").await.len(), 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_message_may_be_partly_poison() {
    let system = System::start().await;
    let bad = in_batch("diku", EntityType::Order, &spoiled("id", None));
    let batch = json!({"events": [order_event(1).in_batch("diku"), bad, order_event(2).in_batch("diku")]});
    let messages =
        [message("m1", &batch), message("m2", &json!("hello")), message("m3", &order_event(3).in_batch("diku"))];
    let answer = system.invoke("IngestFunction", &json!({"Records": messages})).await;
    assert_eq!((&answer["stored"], &answer["batchItemFailures"]), (&json!(3), &json!([])), "{answer}");
    let letters = system.dead_letters(2).await.into_iter().map(timeless).collect::<Vec<_>>();
    let expected = json!({
        "reason": "id is missing", "source": "sqs", "messageId": "m1", "index": 1,
        "payload": kept(&bad.to_string()),
    });
    assert_eq!(letters[0], expected);
    assert_eq!((&letters[1]["messageId"], &letters[1]["payload"]), (&json!("m2"), &kept("hello")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_odd_record_does_not_cost_its_neighbours() {
    let system = System::start().await;
    let odd = json!({"topic": 7, "note": "secret"});
    let mut event = kafka_event(vec![record_of(&order_event(1), "diku", 0), record_of(&order_event(2), "diku", 2)]);
    event["records"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .for_each(|records| records.as_array_mut().unwrap().insert(1, odd.clone()));
    let answer = system.invoke("IngestFunction", &event).await;
    assert_eq!((&answer["stored"], &answer["batchItemFailures"]), (&json!(2), &json!([])), "{answer}");
    let reason = answer["rejected"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not a Kafka record as Lambda describes it: ") && !reason.contains("secret"),
        "{reason}"
    );
    assert_eq!(system.dead_letters(1).await[0]["offset"], -1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_message_carries_is_set_aside_in_parts() {
    let system = System::start().await;
    let snapshot = json!({"text": incompressible(5 * 1024 * 1024, 7)});
    let large = in_batch("diku", EntityType::Order, &spoiled("orderSnapshot", Some(snapshot)));
    let answer = system.ingest(vec![order_event(1).in_batch("diku"), large.clone()]).await;
    assert_eq!((&answer["stored"], &answer["batchItemFailures"]), (&json!(1), &json!([])));
    let reason = answer["rejected"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("4128768"), "{reason}");
    assert_put_together(&system, &large.to_string(), reason).await;

    let message = message("large", &json!(incompressible(400_000, 7)));
    let body = message["body"].as_str().unwrap().to_owned();
    let answer = system.invoke("IngestFunction", &json!({"Records": [message]})).await;
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_put_together(&system, &body, answer["rejected"][0]["reason"].as_str().unwrap()).await;
    system.stop().await;
}

/// The letters in the queue, in any order, are the parts of `payload`.
async fn assert_put_together(system: &System, payload: &str, reason: &str) {
    let mut letters = system.all_dead_letters().await;
    let parts = letters.len();
    assert!(parts > 1);
    letters.sort_by_key(|letter| letter["payload"]["part"].as_u64());
    let mut base64 = String::new();
    for (number, letter) in letters.iter().enumerate() {
        let expected = json!({
            "encoding": "gzip+base64", "data": letter["payload"]["data"], "part": number + 1, "parts": parts,
            "bytes": payload.len(), "sha256": sha256_hex(payload.as_bytes()),
        });
        assert_eq!((&letter["payload"], letter["reason"].as_str()), (&expected, Some(reason)));
        base64.push_str(letter["payload"]["data"].as_str().unwrap());
    }
    let mut text = String::new();
    GzDecoder::new(&STANDARD.decode(base64).unwrap()[..]).read_to_string(&mut text).unwrap();
    assert!(text == payload, "{} and {} bytes", text.len(), payload.len());
}
