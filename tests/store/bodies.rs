use aws_sdk_dynamodb::types::AttributeValue::S;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use sporlog_model::{EntityType, Event, Instant, JsonObject};
use sporlog_store::{Appended, StoreError};

use super::{ORDER, counts, history, whole_feed};
use crate::harness::{FolioEvent, System, dynamodb, scope_of, soon};

const KIB: usize = 1024;

/// What the store documents: 4 MiB less 64 KiB.
const MAX_BODY: usize = 4 * KIB * KIB - 64 * KIB;

/// A snapshot that takes about `bytes` in the table: base64 of noise, of which deflate saves just the quarter that base64 adds.
pub(super) fn snapshot_of(bytes: usize) -> JsonObject {
    let blocks = (0..=bytes / 32).flat_map(|block: usize| Sha256::digest(block.to_be_bytes()));
    // Deflate and the JSON around the noise add about half a percent.
    let noise: Vec<u8> = blocks.take(bytes * 994 / 1_000).collect();
    JsonObject::parse(&format!(r#"{{"noise":"{}"}}"#, STANDARD_NO_PAD.encode(noise))).unwrap()
}

fn event_of(bytes: usize, original: bool) -> Event {
    let mut event = FolioEvent::of(EntityType::Order, ORDER).event();
    event.data = Some(snapshot_of(bytes));
    event.original = original.then(|| JsonObject::parse(r#"{"before":1.50}"#).unwrap());
    event
}

/// How a body is kept: its bytes in the event's row, or the sizes of its parts.
async fn kept(system: &System, org: &str) -> Result<usize, Vec<usize>> {
    let client = dynamodb(&system.environment(&[]), soon());
    let query = client.query().table_name("Table").key_condition_expression("pk = :pk");
    let rows = query.expression_attribute_values(":pk", S(format!("ORG#{org}#order#{ORDER}"))).into_paginator().items();
    let rows = rows.send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let bodies = |prefix: &str| -> Vec<usize> {
        let rows = rows.iter().filter(|row| row["sk"].as_s().unwrap().starts_with(prefix));
        rows.filter_map(|row| Some(row.get("body")?.as_b().ok()?.as_ref().len())).collect()
    };
    bodies("EV#").first().copied().ok_or_else(|| bodies("PART#"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_every_size_come_back_as_they_were() {
    let system = System::start().await;
    let store = &system.stack.store;
    let around = |bytes: usize| (0..7).map(move |step| bytes - 3 * KIB + step * KIB);
    let sizes = [0, 900, 1_100, 8 * KIB].into_iter().chain(around(16 * KIB)).chain([96 * KIB]).chain(around(380 * KIB));
    let sizes = sizes.chain(around(760 * KIB).step_by(3)).chain([2_000 * KIB, 3_900_000]);
    let (mut inline, mut parts) = (0, Vec::new());
    for (number, bytes) in sizes.enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{bytes} bytes"));
        let (scope, event) = (scope_of(&org), event_of(bytes, number % 2 == 0));
        assert_eq!(store.append(&scope, &event).await.unwrap(), Appended::Stored, "{case}");
        assert_eq!(store.append(&scope, &event).await.unwrap(), Appended::Duplicate, "{case}");
        let page = history(store, &scope, ORDER).await.unwrap();
        assert_eq!(page.events.len(), 1, "{case}");
        assert!(page.events[0].event == event, "{case}: another event came back");
        assert!(whole_feed(store, &scope).await == page.events, "{case}: the feed has another event");
        match kept(&system, &org).await {
            Ok(bytes) => inline = inline.max(bytes),
            Err(sizes) => parts.push(sizes),
        }
    }
    // The sizes did reach what they were chosen for.
    assert!((15 * KIB..=16 * KIB).contains(&inline), "{inline}");
    let smallest = parts.iter().filter(|sizes| sizes.len() == 1).map(|sizes| sizes[0]).min().unwrap();
    assert!((16 * KIB + 1..18 * KIB).contains(&smallest), "{smallest}");
    assert!(parts.iter().flatten().all(|part| *part <= 380 * KIB), "{parts:?}");
    assert!([1, 2, 3, 6, 11].iter().all(|count| parts.iter().any(|sizes| sizes.len() == *count)), "{parts:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_body_fits_and_a_larger_one_is_refused_whole() {
    let system = System::start().await;
    let store = &system.stack.store;
    let StoreError::TooLarge { bytes, limit } =
        store.append(&scope_of("a"), &event_of(5_000_000, false)).await.unwrap_err()
    else {
        panic!("not too large");
    };
    assert!(limit == MAX_BODY && bytes > 4_900_000, "{bytes} of {limit}");
    assert_eq!(counts(&system, "a", ORDER).await.len(), 0);
    assert_eq!(store.feed_days(&scope_of("a"), Instant::MIN, Instant::MAX).await.unwrap(), []);

    let (mut fits, mut too_large) = (0, 0);
    for step in 0..6 {
        let (org, event) = (format!("org-{step}"), event_of(MAX_BODY - 12_000 + step * 4_000, false));
        match store.append(&scope_of(&org), &event).await {
            Ok(_) => {
                fits += 1;
                let page = history(store, &scope_of(&org), ORDER).await.unwrap();
                assert!(page.events[0].event == event, "another event came back");
            }
            Err(StoreError::TooLarge { .. }) => too_large += 1,
            Err(error) => panic!("{step}: {error:?}"),
        }
    }
    assert!(fits > 0 && too_large > 0, "{fits} fit and {too_large} do not");
    system.stop().await;
}
