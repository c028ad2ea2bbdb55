//! The wire protocol of SQS (AWS JSON 1.0), as far as producers, people and the functions need it.
//!
//! Whether a function may is asked before (`invoke/gate.rs`); anybody else may: the port is on loopback and the queues hold nothing that
//! its owner does not own.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    Message, QueueError, Queues,
    digest::{md5_hex, md5_of_attributes},
    wire::{
        ChangeVisibility, DeleteMessage, GetQueueUrl, ListQueues, Outgoing, QueueUrl, ReceiveMessage, SendMessage,
        SendMessageBatch,
    },
};
use crate::template::{ACCOUNT, REGION};

/// The longest that a receive may wait.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The most messages of one call.
const MAX_BATCH: usize = 10;

/// The SQS endpoint of these queues.
pub fn router(queues: Arc<Queues>) -> Router {
    let body = DefaultBodyLimit::max(4 * super::MAX_MESSAGE_BYTES);
    // Some SDKs send to the endpoint, others to the URL of the queue; both name the queue in the body.
    Router::new().route("/", post(handle)).route("/{account}/{queue}", post(handle)).layer(body).with_state(queues)
}

/// An error as SQS answers it: the name of the JSON protocol, and the older one that SDKs still look for.
struct Fault {
    code: &'static str,
    legacy: &'static str,
    status: StatusCode,
    message: String,
}

impl Fault {
    fn sender(code: &'static str, legacy: &'static str, message: impl Into<String>) -> Self {
        Self { code, legacy, status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    fn parameter(message: impl Into<String>) -> Self {
        Self::sender("InvalidParameterValue", "InvalidParameterValue", message)
    }
}

impl From<QueueError> for Fault {
    fn from(error: QueueError) -> Self {
        let message = error.to_string();
        match error {
            QueueError::NoSuchQueue => {
                Self::sender("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", message)
            }
            QueueError::TooLarge => Self::parameter(message),
            QueueError::NoSuchReceipt => Self::sender("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message),
            QueueError::Database(_) | QueueError::Corrupt(_) => {
                tracing::error!(%message, "the local SQS failed");
                Self {
                    code: "InternalFailure",
                    legacy: "InternalFailure",
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    message,
                }
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let side = if self.status.is_client_error() { "Sender" } else { "Receiver" };
        let body = json!({"__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message});
        let legacy = (HeaderName::from_static("x-amzn-query-error"), format!("{};{side}", self.legacy));
        (self.status, json_type(), [legacy], body.to_string()).into_response()
    }
}

fn json_type() -> [(HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"))]
}

async fn handle(State(queues): State<Arc<Queues>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let answer = match target.strip_prefix("AmazonSQS.").unwrap_or_default() {
        "SendMessage" => read(&body).and_then(|send: SendMessage| send_message(&queues, &send)),
        "SendMessageBatch" => read(&body).and_then(|batch: SendMessageBatch| send_batch(&queues, batch)),
        "ReceiveMessage" => match read(&body) {
            Ok(receive) => receive_message(&queues, receive).await,
            Err(fault) => Err(fault),
        },
        "DeleteMessage" => read(&body).and_then(|delete: DeleteMessage| {
            queues.delete(&name(&delete.queue_url), &delete.receipt_handle)?;
            Ok(json!({}))
        }),
        "ChangeMessageVisibility" => read(&body).and_then(|change: ChangeVisibility| {
            queues.change_visibility(
                &name(&change.queue_url),
                &change.receipt_handle,
                Duration::from_secs(change.visibility_timeout),
            )?;
            Ok(json!({}))
        }),
        "GetQueueUrl" => read(&body).and_then(|get: GetQueueUrl| {
            queues.spec(&get.queue_name)?;
            Ok(json!({ "QueueUrl": url(host, &get.queue_name) }))
        }),
        "ListQueues" => read(&body).map(|list: ListQueues| {
            let prefix = list.queue_name_prefix.unwrap_or_default();
            let urls: Vec<_> =
                queues.names().filter(|name| name.starts_with(&prefix)).map(|name| url(host, name)).collect();
            json!({ "QueueUrls": urls })
        }),
        "GetQueueAttributes" => read(&body).and_then(|get: QueueUrl| attributes(&queues, &name(&get.queue_url))),
        "PurgeQueue" => read(&body).and_then(|purge: QueueUrl| {
            queues.purge(&name(&purge.queue_url))?;
            Ok(json!({}))
        }),
        _ => Err(Fault::sender(
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            format!("not local: {target}"),
        )),
    };
    match answer {
        Ok(body) => (json_type(), body.to_string()).into_response(),
        Err(fault) => fault.into_response(),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::parameter(error.to_string()))
}

fn url(host: &str, queue: &str) -> String {
    format!("http://{host}/{ACCOUNT}/{queue}")
}

/// The queue that a URL names.
fn name(url: &str) -> String {
    url.rsplit('/').next().unwrap_or(url).to_owned()
}

fn send_message(queues: &Queues, send: &SendMessage) -> Result<Value, Fault> {
    Ok(Value::Object(store(queues, &name(&send.queue_url), &send.message)?))
}

fn store(queues: &Queues, queue: &str, message: &Outgoing) -> Result<Map<String, Value>, Fault> {
    if message.message_body.is_empty() {
        return Err(Fault::sender(
            "MissingParameter",
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ));
    }
    let delay = Duration::from_secs(message.delay_seconds);
    let id = queues.send(queue, &message.message_body, &message.message_attributes, delay)?;
    let mut answer = Map::new();
    answer.insert("MessageId".into(), id.into());
    answer.insert("MD5OfMessageBody".into(), md5_hex(message.message_body.as_bytes()).into());
    if !message.message_attributes.is_empty() {
        answer.insert("MD5OfMessageAttributes".into(), md5_of_attributes(&message.message_attributes).into());
    }
    Ok(answer)
}

fn send_batch(queues: &Queues, batch: SendMessageBatch) -> Result<Value, Fault> {
    let queue = name(&batch.queue_url);
    queues.spec(&queue)?;
    if batch.entries.is_empty() {
        return Err(Fault::sender(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry.",
        ));
    }
    if batch.entries.len() > MAX_BATCH {
        let message = format!("Maximum number of entries per request are {MAX_BATCH}.");
        return Err(Fault::sender(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            message,
        ));
    }
    if batch.entries.iter().map(|entry| entry.message.message_body.len()).sum::<usize>() > super::MAX_MESSAGE_BYTES {
        let message = format!("Batch requests cannot be longer than {} bytes.", super::MAX_MESSAGE_BYTES);
        return Err(Fault::sender("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", message));
    }
    let (mut successful, mut failed) = (vec![], vec![]);
    for entry in batch.entries {
        match store(queues, &queue, &entry.message) {
            Ok(mut answer) => {
                answer.insert("Id".into(), entry.id.into());
                successful.push(Value::Object(answer));
            }
            Err(fault) => {
                let sender = fault.status.is_client_error();
                failed
                    .push(json!({"Id": entry.id, "Code": fault.code, "Message": fault.message, "SenderFault": sender}));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

async fn receive_message(queues: &Queues, receive: ReceiveMessage) -> Result<Value, Fault> {
    let most = receive.max_number_of_messages.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&most) {
        return Err(Fault::parameter(format!("MaxNumberOfMessages must be between 1 and {MAX_BATCH}, if provided.")));
    }
    let wait = Duration::from_secs(receive.wait_time_seconds).min(MAX_WAIT);
    let visibility = receive.visibility_timeout.map(Duration::from_secs);
    let messages = queues.receive_within(&name(&receive.queue_url), most, visibility, wait).await?;
    Ok(json!({ "Messages": messages.iter().map(received).collect::<Vec<_>>() }))
}

fn received(message: &Message) -> Value {
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": md5_hex(message.body.as_bytes()),
        "Body": message.body,
        "Attributes": system_attributes(message),
    });
    if !message.attributes.is_empty() {
        answer["MD5OfMessageAttributes"] = md5_of_attributes(&message.attributes).into();
        answer["MessageAttributes"] = json!(message.attributes);
    }
    answer
}

/// What SQS itself says of a message.
pub(super) fn system_attributes(message: &Message) -> Value {
    json!({
        "ApproximateReceiveCount": message.receives.to_string(),
        "SentTimestamp": message.sent_ms.to_string(),
        "SenderId": ACCOUNT,
        "ApproximateFirstReceiveTimestamp": message.first_received_ms.to_string(),
    })
}

fn attributes(queues: &Queues, queue: &str) -> Result<Value, Fault> {
    let spec = queues.spec(queue)?;
    let (visible, hidden) = queues.count(queue)?;
    let mut attributes = json!({
        "ApproximateNumberOfMessages": visible.to_string(),
        "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
        "QueueArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
        "VisibilityTimeout": spec.visibility_timeout.as_secs().to_string(),
        "MessageRetentionPeriod": spec.retention.as_secs().to_string(),
        "MaximumMessageSize": super::MAX_MESSAGE_BYTES.to_string(),
    });
    if let Some(redrive) = &spec.redrive {
        let target = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", redrive.queue);
        let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receives});
        attributes["RedrivePolicy"] = policy.to_string().into();
    }
    Ok(json!({ "Attributes": attributes }))
}
