//! The Lambda API of the local run: invoke a function, and wait for it or not.
//!
//! On the same port are the queues, KMS and the key set of the development issuer, since `sam local start-lambda` has no convention
//! for them.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    functions::{InvokeError, MAX_ASYNC_EVENT_BYTES, MAX_REQUEST_BYTES, Registry},
    iam::Iam,
    identity::KEY_SET_PATH,
    kms::{self, SigningKey},
    queue::{self, Queues},
};

mod asynchronous;
mod gate;

pub use asynchronous::{ASYNC_QUEUE, AsyncInvoker, SubmitError, async_queue_spec};

/// The Lambda, SQS and KMS endpoint.
#[derive(Clone, Debug)]
pub struct InvokeServer {
    registry: Arc<Registry>,
    asynchronous: Arc<AsyncInvoker>,
    queues: Arc<Queues>,
    issuer_keys: Arc<Value>,
    signing_key: Arc<SigningKey>,
    iam: Iam,
}

impl InvokeServer {
    /// An endpoint for these functions and queues, for the development issuer's key set and the key that signs digests; `iam` says
    /// what functions may do here.
    pub fn new(
        registry: Arc<Registry>,
        asynchronous: Arc<AsyncInvoker>,
        queues: Arc<Queues>,
        issuer_keys: Value,
        signing_key: SigningKey,
        iam: Iam,
    ) -> Self {
        let (issuer_keys, signing_key) = (Arc::new(issuer_keys), Arc::new(signing_key));
        Self { registry, asynchronous, queues, issuer_keys, signing_key, iam }
    }

    /// The service, without a socket.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(handle))
            // Above every limit of Lambda's, so that the refusal is Lambda's own.
            .layer(DefaultBodyLimit::max(2 * MAX_REQUEST_BYTES))
            .route(KEY_SET_PATH, get(key_set))
            .with_state(self.clone())
            .merge(kms::beside(queue::router(Arc::clone(&self.queues)), Arc::clone(&self.signing_key)))
            .layer(from_fn_with_state(self.iam.clone(), gate::ask))
    }

    /// Serves until `stop`, then lets running requests end. Asynchronous invocations are waited for by [`AsyncInvoker::drained`].
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        axum::serve(listener, self.router()).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn key_set(State(server): State<InvokeServer>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], server.issuer_keys.to_string())
        .into_response()
}

async fn handle(
    State(server): State<InvokeServer>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    let name = function_name(&name);
    let kind = headers.get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok()).unwrap_or("RequestResponse");
    match kind {
        "RequestResponse" => match server.registry.invoke(name, event).await {
            Ok(Ok(answer)) => (StatusCode::OK, answered(), answer).into_response(),
            Ok(Err(error)) => {
                let failed = [(HeaderName::from_static("x-amz-function-error"), HeaderValue::from_static("Unhandled"))];
                (StatusCode::OK, answered(), failed, error.to_body()).into_response()
            }
            Err(refusal) => refused(&refusal),
        },
        "Event" => match server.asynchronous.submit(name, event) {
            Ok(_) => StatusCode::ACCEPTED.into_response(),
            Err(SubmitError::Refused(refusal)) => refused(&refusal),
            Err(SubmitError::Queue(error)) => {
                tracing::error!(%error, "an event could not be kept");
                fault(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string())
            }
        },
        "DryRun" => match server.registry.check(name, &event, MAX_ASYNC_EVENT_BYTES) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(refusal) => refused(&refusal),
        },
        other => {
            let message = format!(
                "Value '{other}' at 'invocationType' failed to satisfy constraint: [Event, RequestResponse, DryRun]"
            );
            fault(StatusCode::BAD_REQUEST, "ValidationException", &message)
        }
    }
}

/// The function that a path names: its name, or an ARN (whole or partial), with or without a qualifier.
fn function_name(given: &str) -> &str {
    let name = given.rsplit_once("function:").map_or(given, |(_, name)| name);
    name.strip_suffix(":$LATEST").unwrap_or(name)
}

fn answered() -> [(HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-amz-executed-version"), HeaderValue::from_static("$LATEST")),
    ]
}

fn refused(refusal: &InvokeError) -> Response {
    let (status, code) = match refusal {
        InvokeError::NotFound(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        InvokeError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
        InvokeError::NotJson(_) => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
    };
    fault(status, code, &refusal.to_string())
}

fn fault(status: StatusCode, code: &'static str, message: &str) -> Response {
    let side = if status.is_client_error() { "User" } else { "Service" };
    // AWS spells the member with a capital for an unknown function and without for the rest.
    let member = if status == StatusCode::NOT_FOUND { "Message" } else { "message" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(code)),
    ];
    (status, headers, json!({"Type": side, member: message}).to_string()).into_response()
}

#[cfg(test)]
mod tests;
