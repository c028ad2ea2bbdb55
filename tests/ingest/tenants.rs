use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sporlog_model::EntityType;

use super::{ORDER, history, order_event, order_history, record_of, response};
use crate::harness::{FolioEvent, System, kafka_event, kafka_record, topic};

fn bytes(text: &str) -> Value {
    json!(text.as_bytes())
}

/// The bytes as Java writes them: above 127 negative.
fn signed(text: &str) -> Value {
    json!(text.bytes().map(u8::cast_signed).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_header_names_the_tenant_before_the_topic_does() {
    let system = System::start().await;
    let cases = [
        (json!([]), "topic"),
        (json!([{"x-okapi-tenant": bytes("header")}]), "header"),
        (json!([{"X-Okapi-Tenant": bytes("header")}]), "header"),
        (json!([{"X-OKAPI-TENANT": signed("header")}]), "header"),
        (json!([{"x-okapi-tenant": STANDARD.encode("header")}]), "header"),
        (json!([{"x-okapi-tenant": bytes(" header ")}]), "header"),
        (json!([{"x-okapi-url": bytes("http://okapi")}, {"x-okapi-tenant": bytes("header")}]), "header"),
        (json!([{"x-okapi-user": signed("Åse Ødegård ☃")}, {"x-okapi-tenant": signed("header")}]), "header"),
        (json!([{"x-okapi-tenant": bytes("header")}, {"x-okapi-tenant": bytes("other")}]), "header"),
        (json!([{"x-okapi-tenant-id": bytes("header")}, {"tenant": bytes("header")}]), "topic"),
        (json!([{"empty": []}, {"text": ""}, {"no-base64": "%"}]), "topic"),
        // Kafka's headers may have no value.
        (json!([{"nothing": null}]), "topic"),
    ];
    let mut counts = [("header", 0), ("topic", 0)];
    for (number, (headers, expected)) in cases.into_iter().enumerate() {
        let mut record = record_of(&order_event(number), "topic", number);
        record["headers"] = headers.clone();
        let answer = system.invoke("IngestFunction", &kafka_event(vec![record])).await;
        assert_eq!(answer, response(1, 0, &[]), "{headers}");
        for (tenant, count) in &mut counts {
            *count += usize::from(*tenant == expected);
            assert_eq!(order_history(&system, tenant).await.len(), *count, "{headers}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_names_no_tenant_sets_the_record_aside() {
    let system = System::start().await;
    let reason = "orgId must be 1 to 64 letters, digits, '_', '.' or '-'";
    let wrong = [
        json!(null),
        json!([]),
        bytes(""),
        bytes("a b"),
        signed("å"),
        json!([-1, 0]),
        json!("%"),
        bytes(&"x".repeat(65)),
    ];
    let count = wrong.len();
    for (number, value) in wrong.into_iter().enumerate() {
        let mut record = record_of(&order_event(number), "topic", number);
        record["headers"] = json!([{"x-okapi-tenant": value}]);
        let answer = system.invoke("IngestFunction", &kafka_event(vec![record])).await;
        assert_eq!(answer, response(0, 0, &[(0, reason)]));
    }
    assert!(system.dead_letters(count).await.iter().all(|letter| letter["reason"] == reason));
    assert_eq!(order_history(&system, "topic").await, [] as [Value; 0]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn each_of_the_six_topics_is_its_type() {
    let system = System::start().await;
    let records = EntityType::ACQUISITION.into_iter().flat_map(|entity_type| {
        ["diku", "cs00000int_0001"].map(|tenant| record_of(&FolioEvent::of(entity_type, ORDER), tenant, 0))
    });
    assert_eq!(system.invoke("IngestFunction", &kafka_event(records.collect())).await, response(12, 0, &[]));
    for entity_type in EntityType::ACQUISITION {
        for tenant in ["diku", "cs00000int_0001"] {
            assert_eq!(history(&system, tenant, entity_type, ORDER).await.len(), 1, "{tenant} {entity_type}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn topics_of_other_environments_and_consortia_are_known() {
    let system = System::start().await;
    let names = [
        "folio.Default.diku.ACQ_ORDER_CHANGED",
        "prod-eu.Default.diku.ACQ_ORDER_CHANGED",
        "x.y.z.diku.ACQ_ORDER_CHANGED",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let payload = order_event(number).payload().to_string();
        let event = kafka_event(vec![kafka_record(name, 0, payload.as_bytes())]);
        assert_eq!(system.invoke("IngestFunction", &event).await, response(1, 0, &[]), "{name}");
    }
    assert_eq!(order_history(&system, "diku").await.len(), names.len());

    // Where FOLIO collects its tenants in one topic, the header tells them apart.
    let mut shared = record_of(&order_event(9), "ALL", 0);
    assert_eq!(shared["topic"], topic("ALL", EntityType::Order));
    shared["headers"] = json!([{"x-okapi-tenant": bytes("college")}]);
    assert_eq!(system.invoke("IngestFunction", &kafka_event(vec![shared])).await, response(1, 0, &[]));
    assert_eq!(order_history(&system, "college").await.len(), 1);
    system.stop().await;
}
