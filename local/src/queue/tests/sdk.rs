//! The protocol, spoken by the real SDK.

use std::sync::Arc;

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};
use tokio::net::TcpListener;

use super::{queues, send};
use crate::queue::{MAX_MESSAGE_BYTES, Queues, router};

async fn client(queues: &Arc<Queues>) -> (Client, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = router(Arc::clone(queues));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-north-1"))
        .credentials_provider(Credentials::new("sporlog", "sporlog-local", None, None, "local"))
        .endpoint_url(&endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    (Client::from_conf(config), format!("{endpoint}/000000000000/Queue"))
}

#[tokio::test]
async fn the_sdk_sends_receives_and_deletes() {
    let queues = queues(None);
    let (client, url) = client(&queues).await;
    let kind = MessageAttributeValue::builder().data_type("String").string_value("v").build().unwrap();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_attributes("kind", kind)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    let batch =
        client.send_message_batch().queue_url(&url).entries(entry("a")).entries(entry("b")).send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (2, 0));

    let received = client.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
    assert_eq!(received.messages().len(), 3);
    let hello = received.messages().iter().find(|message| message.body() == Some("hello")).unwrap();
    assert_eq!(hello.message_id(), sent.message_id());
    assert_eq!(hello.message_attributes().unwrap()["kind"].string_value(), Some("v"));
    assert_eq!(hello.md5_of_message_attributes(), sent.md5_of_message_attributes());
    assert!(client.receive_message().queue_url(&url).send().await.unwrap().messages().is_empty());

    for message in received.messages() {
        client.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    }
    assert_eq!(queues.count("Queue").unwrap(), (0, 0));
}

#[tokio::test]
async fn the_sdk_finds_counts_and_purges_queues() {
    let queues = queues(None);
    let (client, url) = client(&queues).await;
    assert_eq!(client.get_queue_url().queue_name("Queue").send().await.unwrap().queue_url(), Some(url.as_str()));
    assert_eq!(
        client.list_queues().queue_name_prefix("Qu").send().await.unwrap().queue_urls(),
        std::slice::from_ref(&url)
    );

    send(&queues, "m");
    let count = async || {
        let attributes = client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        attributes.attributes().unwrap()[&QueueAttributeName::ApproximateNumberOfMessages].clone()
    };
    assert_eq!(count().await, "1");
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(count().await, "0");
}

#[tokio::test]
async fn the_sdk_understands_the_errors() {
    let queues = queues(None);
    let (client, url) = client(&queues).await;
    let error = client.get_queue_url().queue_name("Nothing").send().await.unwrap_err().into_service_error();
    assert!(error.is_queue_does_not_exist());
    assert_eq!(error.meta().message(), Some("The specified queue does not exist."));
    let largest = "x".repeat(MAX_MESSAGE_BYTES);
    client.send_message().queue_url(&url).message_body(&largest).send().await.unwrap();
    let error = client.send_message().queue_url(&url).message_body(format!("{largest}x")).send().await.unwrap_err();
    assert_eq!(error.into_service_error().meta().code(), Some("InvalidParameterValue"));
}
