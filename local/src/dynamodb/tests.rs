use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeValue, TransactWriteItem, Update},
};
use futures_util::future::join_all;

use super::*;
use crate::template::{Deployment, Template};

fn tables() -> Vec<TableSpec> {
    Template::embedded(&Deployment::default()).unwrap().tables
}

fn loopback() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).unwrap()
}

fn client(engine: &Engine) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-north-1"))
        .credentials_provider(Credentials::new("sporlog", "sporlog-local", None, None, "local"))
        .endpoint_url(format!("http://{}", engine.address()))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn put(client: &Client, pk: &str, ttl: u64) {
    let item = client
        .put_item()
        .table_name("Table")
        .item("pk", AttributeValue::S(pk.into()))
        .item("sk", AttributeValue::S("x".into()));
    item.item("ttl", AttributeValue::N(ttl.to_string())).send().await.unwrap();
}

async fn exists(client: &Client, pk: &str) -> bool {
    let get = client
        .get_item()
        .table_name("Table")
        .key("pk", AttributeValue::S(pk.into()))
        .key("sk", AttributeValue::S("x".into()));
    get.send().await.unwrap().item.is_some()
}

#[tokio::test]
async fn the_table_of_the_template_is_there_and_survives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dynamodb.sqlite");
    for start in 0..2 {
        let engine = Engine::start(loopback(), Some(&path), &tables(), Iam::default()).unwrap();
        let client = client(&engine);
        let table = client.describe_table().table_name("Table").send().await.unwrap().table.unwrap();
        assert_eq!(table.global_secondary_indexes()[0].index_name(), Some("gsi1"));
        let ttl =
            client.describe_time_to_live().table_name("Table").send().await.unwrap().time_to_live_description.unwrap();
        assert_eq!(ttl.attribute_name(), Some("ttl"));
        assert_eq!(exists(&client, "kept").await, start == 1);
        put(&client, "kept", 32_503_680_000).await;
        tokio::task::spawn_blocking(|| engine.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn what_has_expired_is_swept() {
    let engine = Engine::start(loopback(), None, &tables(), Iam::default()).unwrap();
    let client = client(&engine);
    let now = crate::clock::now().as_second().unsigned_abs();
    put(&client, "old", now - 60).await;
    put(&client, "new", now + 3_600).await;
    assert_eq!(engine.database().sweep_ttl().unwrap(), 1);
    assert_eq!((exists(&client, "old").await, exists(&client, "new").await), (false, true));
}

#[test]
fn a_table_that_is_not_a_request_is_named() {
    let table = TableSpec { logical_id: "Odd".into(), create: json!({ "TableName": 7 }), ttl_attribute: None };
    let error = Engine::start(loopback(), None, &[table], Iam::default()).err().unwrap();
    assert!(error.to_string().contains("Odd"), "{error}");
}

/// A transaction that counts `pk` up by `by`; where not `is_new`, only if it is there.
fn count_up(client: &Client, token: &str, pk: &str, by: u32, is_new: bool) -> TransactWriteItemsFluentBuilder {
    let update = Update::builder()
        .table_name("Table")
        .key("pk", AttributeValue::S(pk.into()))
        .key("sk", AttributeValue::S("x".into()))
        .update_expression("ADD #count :by")
        .condition_expression(if is_new { "attribute_not_exists(absent)" } else { "attribute_exists(pk)" })
        .expression_attribute_names("#count", "count")
        .expression_attribute_values(":by", AttributeValue::N(by.to_string()));
    let item = TransactWriteItem::builder().update(update.build().unwrap()).build();
    client.transact_write_items().client_request_token(token).transact_items(item)
}

async fn count(client: &Client, pk: &str) -> Option<String> {
    let get = client
        .get_item()
        .table_name("Table")
        .key("pk", AttributeValue::S(pk.into()))
        .key("sk", AttributeValue::S("x".into()));
    get.send().await.unwrap().item?.get("count")?.as_n().ok().cloned()
}

#[tokio::test]
async fn a_transaction_that_is_sent_again_is_done_once() {
    let engine = Engine::start(loopback(), None, &tables(), Iam::default()).unwrap();
    let client = client(&engine);
    let twice = [(); 2].map(|()| count_up(&client, "one", "a", 3, true).send());
    let at_once = [(); 8].map(|()| count_up(&client, "two", "b", 5, true).send());
    for answer in join_all(twice.into_iter().chain(at_once)).await {
        answer.unwrap();
    }
    count_up(&client, "one", "a", 3, true).send().await.unwrap();
    assert_eq!((count(&client, "a").await.as_deref(), count(&client, "b").await.as_deref()), (Some("3"), Some("5")));
    count_up(&client, "three", "a", 3, true).send().await.unwrap();
    assert_eq!(count(&client, "a").await.as_deref(), Some("6"));
}

#[tokio::test]
async fn a_token_is_for_one_transaction_and_free_again_when_that_failed() {
    let engine = Engine::start(loopback(), None, &tables(), Iam::default()).unwrap();
    let client = client(&engine);
    let refused = count_up(&client, "one", "a", 1, false).send().await.unwrap_err().into_service_error();
    assert!(refused.is_transaction_canceled_exception(), "{refused:?}");
    count_up(&client, "one", "a", 1, true).send().await.unwrap();
    let other = count_up(&client, "one", "a", 2, true).send().await.unwrap_err().into_service_error();
    assert!(other.is_idempotent_parameter_mismatch_exception(), "{other:?}");
    let odd = count_up(&client, &"x".repeat(37), "a", 2, true).send().await.unwrap_err().into_service_error();
    assert_eq!(odd.meta().code(), Some("ValidationException"), "{odd:?}");
    assert_eq!(count(&client, "a").await.as_deref(), Some("1"));
}
