use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};

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
