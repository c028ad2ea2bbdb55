use aws_sdk_sqs::Client;
use serde_json::Value;
use sporlog_boot::{Aws, AwsService};

use super::System;
#[cfg(feature = "second-opinion")]
use super::system::Place;

/// Long enough for any message that is on its way; less than the client's patience with one call.
const WAIT_SECONDS: i32 = 4;

impl System {
    pub(crate) fn sqs(&self) -> Client {
        Client::new(&Aws::from_environment(&self.environment(&[])).unwrap().service(AwsService::Sqs))
    }

    pub(crate) async fn queue_url(&self, queue: &str) -> String {
        #[cfg(feature = "second-opinion")]
        if let Place::Deployed(deployed) = &self.stack {
            return deployed.resources[queue].clone();
        }
        self.sqs().get_queue_url().queue_name(queue).send().await.unwrap().queue_url.unwrap()
    }

    /// Sends a message to a queue.
    pub(crate) async fn send_message(&self, queue: &str, body: &str) {
        let url = self.queue_url(queue).await;
        self.sqs().send_message().queue_url(url).message_body(body).send().await.unwrap();
    }

    /// Takes exactly `count` messages out of the dead-letter queue: waits for them, and no more may be there.
    pub(crate) async fn dead_letters(&self, count: usize) -> Vec<Value> {
        let mut letters = Vec::new();
        while letters.len() < count {
            let more = self.receive_dead_letters(WAIT_SECONDS).await;
            assert!(!more.is_empty(), "{count} expected: {letters:#?}");
            letters.extend(more);
        }
        letters.extend(self.all_dead_letters().await);
        assert_eq!(letters.len(), count, "{letters:#?}");
        letters
    }

    /// Takes what is in the dead-letter queue now.
    pub(crate) async fn all_dead_letters(&self) -> Vec<Value> {
        let mut letters = Vec::new();
        loop {
            let more = self.receive_dead_letters(0).await;
            if more.is_empty() {
                return letters;
            }
            letters.extend(more);
        }
    }

    async fn receive_dead_letters(&self, wait_seconds: i32) -> Vec<Value> {
        let (sqs, url) = (self.sqs(), self.queue_url("DeadLetterQueue").await);
        let request = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(wait_seconds);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        for message in &messages {
            let receipt = message.receipt_handle().unwrap();
            sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
        }
        messages.iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap()).collect()
    }
}
