//! Snapshots of megabytes, and answers beyond what Lambda carries.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::json;
use sporlog_model::{EntityType, folio};

use super::{assert_error, event_id, numbers, order_event, path};
use crate::harness::{
    Answer, Caller, System, incompressible, kafka_event, kafka_record, random_base64, repetitive, scope_of, topic,
};

const FOUR_MB: usize = 4 * 1024 * 1024;
const GZIP: [(&str, &str); 1] = [("accept-encoding", "gzip")];
/// A snapshot of exactly `bytes` bytes, with numbers that a float would spoil.
fn snapshot(bytes: usize, filling: impl FnOnce(usize) -> String) -> String {
    let (head, tail) = (r#"{"price":4.50,"total":12345678901234567890,"text":""#, "\"}");
    let snapshot = format!("{head}{}{tail}", filling(bytes - head.len() - tail.len()));
    assert_eq!(snapshot.len(), bytes);
    snapshot
}

fn payload(number: usize, snapshot: &str) -> String {
    order_event(number, json!("SNAPSHOT")).payload().to_string().replace("\"SNAPSHOT\"", snapshot)
}

/// Appends orders' events with these snapshots, numbered from 1.
async fn fill(system: &System, snapshots: impl Iterator<Item = String>) {
    for (position, snapshot) in snapshots.enumerate() {
        let payload = payload(position + 1, &snapshot);
        let event = folio::parse_event(EntityType::Order, payload.as_bytes()).unwrap();
        system.stack.store.append(&scope_of("diku"), &event).await.unwrap();
    }
}

async fn read(system: &System, query: &str, headers: &[(&str, &str)]) -> Answer {
    system.get_with(&Caller::auditor("diku"), &format!("{}{query}", path(EntityType::Order)), headers).await
}

fn unzipped(answer: &Answer) -> String {
    assert_eq!((answer.status, &answer.headers["content-encoding"]), (200, &"gzip".parse().unwrap()));
    assert_eq!(answer.headers["vary"], "Accept-Encoding");
    let mut text = String::new();
    GzDecoder::new(&answer.bytes[..]).read_to_string(&mut text).unwrap();
    text
}

/// Asserts that the answer is refused, and that the limit it names is the largest that does.
async fn assert_refused(system: &System, headers: &[(&str, &str)], largest: usize, advice: &str) {
    let answer = read(system, "", headers).await;
    let message = format!("The answer is too large: ask for limit={largest} or less{advice}");
    let parameters = json!([{"key": "limit", "value": largest.to_string()}]);
    assert_error(&answer, 413, "answerTooLarge", &message, &parameters);
    assert_eq!(read(system, &format!("?limit={largest}"), headers).await.status, 200);
    assert_eq!(read(system, &format!("?limit={}", largest + 1), headers).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_megabytes_come_in_and_out_unchanged() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let snapshot = snapshot(FOUR_MB, |bytes| random_base64(bytes, 7));
    let record = kafka_record(&topic("diku", EntityType::Order), 0, payload(1, &snapshot).as_bytes());
    assert_eq!(system.invoke("IngestFunction", &kafka_event(vec![record.clone()])).await["stored"], 1);
    assert_eq!(system.invoke("IngestFunction", &kafka_event(vec![record])).await["duplicates"], 1);

    let end = format!(r#""orderSnapshot":{snapshot}}}],"totalItems":1}}"#);
    for query in ["", "?sortBy=event_date", "?sortBy=id"] {
        let answer = read(&system, query, &[]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().ends_with(&end), "{} bytes", answer.bytes.len());
    }
    system.export("diku").await;
    let line = system.exported_text(&bucket);
    assert!(line.ends_with(&format!("\"data\":{snapshot}}}\n")), "{} bytes", line.len());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_lambdas_limit_is_compressed_or_refused() {
    let system = System::start().await;
    let snapshots: Vec<String> =
        (0..4).map(|number| snapshot(3_000_000, |bytes| format!("{number}{}", repetitive(bytes - 1)))).collect();
    fill(&system, snapshots.iter().cloned()).await;
    for coding in ["gzip", "br, GZIP;q=0.5", "*"] {
        let answer = read(&system, "?sortOrder=asc", &[("accept-encoding", coding)]).await;
        let text = unzipped(&answer);
        let shown = |number: usize| text.find(&format!(r#""orderSnapshot":{}}}"#, snapshots[number])).unwrap();
        assert!((1..4).all(|number| shown(number - 1) < shown(number)));
        assert!(text.ends_with(r#"}],"totalItems":4}"#));
    }
    // What fits is not compressed, also when it might be.
    assert!(!read(&system, "?limit=2", &GZIP).await.headers.contains_key("content-encoding"));
    for headers in [&[][..], &[("accept-encoding", "gzip;q=0, br")]] {
        assert_refused(&system, headers, 2, ", or accept gzip").await;
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_compress_is_refused_with_the_limit_that_does() {
    let system = System::start().await;
    fill(&system, (1..=9).map(|seed| snapshot(1_000_000, |bytes| incompressible(bytes, seed)))).await;
    assert_refused(&system, &[], 6, ", or accept gzip").await;
    // Compressed and then in base64 these are larger than as they are.
    assert_refused(&system, &GZIP, 6, "").await;
    // Page by page, all of it can be had.
    let first = numbers(&read(&system, "?limit=6", &[]).await);
    let second = numbers(&read(&system, "?limit=6&offset=6", &[]).await);
    assert_eq!([first, second].concat(), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_the_functions_memory_is_refused_too() {
    let system = System::start().await;
    fill(&system, (1..=13).map(|_| snapshot(FOUR_MB, repetitive))).await;
    assert_refused(&system, &GZIP, 12, "").await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_do_not_make_an_event_too_large() {
    let system = System::start().await;
    // Within Lambda's answer each quote takes two bytes: 4 MB of text become more than 6. In base64 they do not.
    let list = vec!["a"; FOUR_MB / 4 - 2];
    fill(&system, std::iter::once(json!({"list": list}).to_string())).await;
    let answer = read(&system, "", &[]).await;
    assert_eq!((answer.status, &answer.headers["content-encoding"]), (200, &"identity".parse().unwrap()));
    let answer = answer.json();
    assert_eq!(answer["orderAuditEvents"][0]["id"], event_id(1));
    assert_eq!(answer["orderAuditEvents"][0]["orderSnapshot"]["list"].as_array().unwrap().len(), FOUR_MB / 4 - 2);
    system.stop().await;
}
