//! Asynchronous invocations: accepted, tried, tried again, and given to the dead-letter queue.
//!
//! An accepted event is kept in a queue of its own until it has succeeded or is set aside, so that neither Ctrl-C nor a kill loses it:
//! what the last process left behind is taken up by [`AsyncInvoker::resume`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    clock,
    functions::{FunctionError, InvokeError, MAX_ASYNC_EVENT_BYTES, MAX_REQUEST_BYTES, Registry, function_arn},
    queue::{Message, QueueError, Queues},
    template::{AsyncPolicy, QueueSpec, Template},
};

/// The queue that keeps accepted events. It is Lambda's own, not one of the template.
pub const ASYNC_QUEUE: &str = "lambda-asynchronous-events";
/// How long an event waits before its second attempt; the third waits twice as long. AWS waits one minute and two.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Events are taken from the queue by hand, never by waiting for their visibility.
const HIDDEN: Duration = Duration::from_hours(12);

/// The settings of [`ASYNC_QUEUE`], to be opened beside the queues of the template.
pub fn async_queue_spec() -> QueueSpec {
    QueueSpec {
        logical_id: ASYNC_QUEUE.to_owned(),
        visibility_timeout: HIDDEN,
        retention: Duration::from_hours(14 * 24),
        redrive: None,
    }
}

/// Why an event was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Lambda refuses it.
    #[error(transparent)]
    Refused(#[from] InvokeError),
    /// It could not be kept.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// An accepted event as it is kept.
#[derive(Serialize, Deserialize)]
struct Accepted {
    function: String,
    event: Box<RawValue>,
}

/// Runs asynchronous invocations.
#[derive(Debug)]
pub struct AsyncInvoker {
    registry: Arc<Registry>,
    queues: Arc<Queues>,
    policies: BTreeMap<String, AsyncPolicy>,
    running: TaskTracker,
    stop: CancellationToken,
}

impl AsyncInvoker {
    /// For the functions of a template. `queues` must have been opened with [`async_queue_spec`]. After `stop` no retry waits any more:
    /// the rest of them are made at once.
    pub fn new(
        template: &Template,
        registry: Arc<Registry>,
        queues: Arc<Queues>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let policies =
            template.functions.iter().map(|spec| (spec.logical_id.clone(), spec.asynchronous.clone())).collect();
        Arc::new(Self { registry, queues, policies, running: TaskTracker::new(), stop })
    }

    /// Accepts an event: from here on it is kept. The handle ends when it has succeeded or was set aside.
    ///
    /// # Errors
    /// When Lambda would refuse it, or it cannot be kept.
    pub fn submit(self: &Arc<Self>, function: &str, event: Bytes) -> Result<JoinHandle<()>, SubmitError> {
        self.registry.check(function, &event, MAX_ASYNC_EVENT_BYTES)?;
        let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
        let event: Box<RawValue> =
            serde_json::from_slice(&event).map_err(|error| InvokeError::NotJson(error.to_string()))?;
        let accepted = Accepted { function: function.to_owned(), event };
        let body = serde_json::to_string(&accepted).map_err(QueueError::from)?;
        let receipt = self.queues.keep(ASYNC_QUEUE, &body)?;
        Ok(self.start(accepted, receipt))
    }

    /// Takes up what an earlier process accepted and did not finish; call it once, before anything is submitted.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn resume(self: &Arc<Self>) -> Result<usize, QueueError> {
        self.queues.release(ASYNC_QUEUE)?;
        let left: Vec<Message> = self.queues.receive(ASYNC_QUEUE, usize::MAX, Some(HIDDEN))?;
        let count = left.len();
        for message in left {
            let accepted = serde_json::from_str(&message.body)?;
            drop(self.start(accepted, message.receipt));
        }
        Ok(count)
    }

    /// Waits until every accepted event has succeeded or was set aside.
    pub async fn drained(&self) {
        self.running.close();
        self.running.wait().await;
    }

    fn start(self: &Arc<Self>, accepted: Accepted, receipt: String) -> JoinHandle<()> {
        let invoker = Arc::clone(self);
        self.running.spawn(async move {
            let finished = invoker.run(&accepted).await;
            if let Err(error) = finished.and_then(|()| invoker.queues.delete(ASYNC_QUEUE, &receipt)) {
                tracing::error!(function = accepted.function, %error, "an event is left to the next start");
            }
        })
    }

    /// Tries an event as often as its function's policy says.
    async fn run(&self, accepted: &Accepted) -> Result<(), QueueError> {
        let policy = self.policies.get(&accepted.function);
        let retries = policy.map_or(0, |policy| policy.retries);
        let event = Bytes::from(accepted.event.get().to_owned());
        let mut attempts = 0;
        let error = loop {
            attempts += 1;
            let error = match self.registry.invoke(&accepted.function, event.clone()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error,
                Err(refusal) => FunctionError::new("Lambda", refusal.to_string()),
            };
            tracing::warn!(function = accepted.function, attempts, %error, "an asynchronous invocation failed");
            if attempts > retries {
                break error;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(FIRST_RETRY * 2_u32.saturating_pow(attempts - 1)) => {}
            }
        };
        match policy.and_then(|policy| policy.on_failure.as_deref()) {
            Some(queue) => self.set_aside(queue, accepted, attempts, &error),
            None => Ok(()),
        }
    }

    /// Sends the record of Lambda's on-failure destination.
    fn set_aside(
        &self,
        queue: &str,
        accepted: &Accepted,
        attempts: u32,
        error: &FunctionError,
    ) -> Result<(), QueueError> {
        let mut record = json!({
            "version": "1.0",
            "timestamp": clock::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            "requestContext": {
                "requestId": Uuid::new_v4().to_string(),
                "functionArn": format!("{}:$LATEST", function_arn(&accepted.function)),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": serde_json::from_str::<Value>(accepted.event.get())?,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": error,
        });
        match self.queues.send(queue, &record.to_string(), &BTreeMap::new(), Duration::ZERO) {
            // The event alone fills a message: the record goes without it, as from Lambda, and the log says so.
            Err(QueueError::TooLarge) => {
                tracing::error!(
                    function = accepted.function,
                    "the failed event is too large for the dead-letter queue and is not in it"
                );
                record["requestPayload"] = Value::Null;
                self.queues.send(queue, &record.to_string(), &BTreeMap::new(), Duration::ZERO).map(drop)
            }
            sent => sent.map(drop),
        }
    }
}

// An event of the largest size must still fit when it is tried.
const _: () = assert!(MAX_ASYNC_EVENT_BYTES < MAX_REQUEST_BYTES);
