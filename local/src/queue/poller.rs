//! From a queue to a function: Lambda's event source mapping for SQS.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Message, QueueError, Queues, digest::md5_hex, protocol::system_attributes};
use crate::{
    functions::{MAX_REQUEST_BYTES, Registry},
    template::{ACCOUNT, QueueSource, REGION, Template},
};

/// How long one look at a queue waits for messages.
const WAIT: Duration = Duration::from_secs(20);
/// Batches of one queue that run at the same time; Lambda begins with five.
const CONCURRENCY: usize = 5;
/// How long a failed message waits for its second attempt; each further one waits twice as long. In AWS it waits for the rest of the
/// queue's visibility timeout, minutes that nobody in front of a terminal has.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Feeds the messages of one queue to one function.
#[derive(Debug)]
pub struct Poller {
    queues: Arc<Queues>,
    registry: Arc<Registry>,
    function: String,
    source: QueueSource,
}

/// Runs every queue source of the template until `stop`, and then until the batches that were begun are done.
pub async fn run_pollers(
    template: &Template,
    queues: &Arc<Queues>,
    registry: &Arc<Registry>,
    stop: &CancellationToken,
) {
    let mut running = vec![];
    for function in &template.functions {
        for source in &function.queue_sources {
            let poller =
                Poller::new(Arc::clone(queues), Arc::clone(registry), function.logical_id.clone(), source.clone());
            let poller = Arc::new(poller);
            for _ in 0..CONCURRENCY {
                let (poller, stop) = (Arc::clone(&poller), stop.clone());
                running.push(async move { poller.run(&stop).await });
            }
        }
    }
    join_all(running).await;
}

impl Poller {
    /// A poller of that source.
    pub fn new(queues: Arc<Queues>, registry: Arc<Registry>, function: String, source: QueueSource) -> Self {
        Self { queues, registry, function, source }
    }

    /// Polls until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        loop {
            let received = tokio::select! {
                // Asked first: messages that were received but not handed over would stay hidden.
                biased;
                () = stop.cancelled() => return,
                received = self.queues.receive_within(&self.source.queue, self.source.batch_size, None, WAIT) => received,
            };
            let done = match received {
                Ok(messages) if messages.is_empty() => continue,
                Ok(messages) => self.hand_over(&messages).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::error!(queue = self.source.queue, %error, "polling failed");
                tokio::time::sleep(FIRST_RETRY).await;
            }
        }
    }

    /// Gives a batch to the function, in parts when it is more than one event can hold; deletes what succeeded.
    pub fn hand_over<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let event = Bytes::from(
                json!({ "Records": messages.iter().map(|message| self.record(message)).collect::<Vec<_>>() })
                    .to_string(),
            );
            if event.len() > MAX_REQUEST_BYTES && messages.len() > 1 {
                let (first, second) = messages.split_at(messages.len() / 2);
                self.hand_over(first).await?;
                return self.hand_over(second).await;
            }
            let failed = self.invoke(event, messages).await;
            for message in messages {
                if failed.contains(message.id.as_str()) {
                    let again = FIRST_RETRY * 2_u32.saturating_pow(message.receives.saturating_sub(1).min(10));
                    self.queues.change_visibility(&self.source.queue, &message.receipt, again)?;
                } else {
                    self.queues.delete(&self.source.queue, &message.receipt)?;
                }
            }
            Ok(())
        })
    }

    /// The ids of the messages that failed.
    async fn invoke<'a>(&self, event: Bytes, messages: &'a [Message]) -> BTreeSet<&'a str> {
        let everything = || messages.iter().map(|message| message.id.as_str()).collect();
        match self.registry.invoke(&self.function, event).await {
            Ok(Ok(answer)) if self.source.reports_item_failures => failures(&answer, messages).unwrap_or_else(|| {
                tracing::error!(
                    function = self.function,
                    "the answer does not name messages of the batch; all of it failed"
                );
                everything()
            }),
            Ok(Ok(_)) => BTreeSet::new(),
            Ok(Err(error)) => {
                tracing::warn!(function = self.function, %error, "a batch failed");
                everything()
            }
            Err(error) => {
                tracing::error!(function = self.function, %error, "a batch could not be handed over");
                everything()
            }
        }
    }

    fn record(&self, message: &Message) -> Value {
        let attributes: serde_json::Map<String, Value> = message
            .attributes
            .iter()
            .map(|(name, attribute)| {
                let value = json!({
                    "dataType": attribute.data_type, "stringValue": attribute.string_value, "binaryValue": attribute.binary_value,
                    "stringListValues": [], "binaryListValues": [],
                });
                (name.clone(), value)
            })
            .collect();
        json!({
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": system_attributes(message),
            "messageAttributes": attributes,
            "md5OfBody": md5_hex(message.body.as_bytes()),
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", self.source.queue),
            "awsRegion": REGION,
        })
    }
}

/// The failed messages that an answer names, or `None` when AWS would count the whole batch as failed: the answer is not of the shape,
/// or an id in it is empty or not of the batch. An answer that is empty or `null` names none.
fn failures<'a>(answer: &[u8], messages: &'a [Message]) -> Option<BTreeSet<&'a str>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        batch_item_failures: Option<Vec<Failure>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Failure {
        item_identifier: String,
    }
    if answer.is_empty() {
        return Some(BTreeSet::new());
    }
    let answer: Option<Answer> = serde_json::from_slice(answer).ok()?;
    let named = answer.unwrap_or_default().batch_item_failures.unwrap_or_default();
    named
        .iter()
        .map(|failure| messages.iter().map(|message| message.id.as_str()).find(|id| *id == failure.item_identifier))
        .collect()
}
