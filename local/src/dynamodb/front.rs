//! What stands before the engine: asks IAM whether the function that calls may do what its request wants.
//!
//! The engine offers no place for this in its own server, so it is on a port that nobody is told of, and this passes on what is allowed.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

use super::answers::exception;
use super::transactions::{Done, Named};
use crate::iam::dynamodb::PartitionKeys;
use crate::iam::{Call, Denied, Iam, Role, credential};

/// What the `X-Amz-Target` of a request begins with.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// The largest request and the largest answer of DynamoDB, in bytes.
pub(super) const MAX_REQUEST_BYTES: usize = 16 * 1_024 * 1_024;

#[derive(Clone)]
struct Front {
    engine: SocketAddr,
    client: Client<HttpConnector, Body>,
    partition_keys: Arc<PartitionKeys>,
    iam: Iam,
    done: Done,
}

/// Serves the engine at that address until `stopped`, then lets running requests end.
pub(super) async fn serve(
    listener: TcpListener,
    engine: SocketAddr,
    (iam, partition_keys): (Iam, PartitionKeys),
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut connector = HttpConnector::new();
    // Small requests and answers would otherwise wait for an acknowledgement that is delayed; a client that cannot set it is only slower.
    connector.set_nodelay(true);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let front = Front { engine, client, partition_keys: Arc::new(partition_keys), iam, done: Done::new() };
    let router = Router::new().fallback(answer).with_state(front);
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix(TARGET_PREFIX).unwrap_or(target).to_owned();
    let role = credential::access_key(&parts).and_then(|access_key| front.iam.role(&access_key));
    let is_transaction = operation == "TransactWriteItems";
    if role.is_none() && !is_transaction {
        return front.pass(parts, body).await;
    }
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(denied) = role.and_then(|role| front.refusal(role, &operation, &body)) {
        return exception("com.amazon.coral.service#AccessDeniedException", &denied.to_string());
    }
    match is_transaction.then(|| Named::read(&body)).flatten() {
        Some(transaction) => front.once(parts, transaction).await,
        None => front.pass(parts, body.into()).await,
    }
}

impl Front {
    /// Why the function may not do this.
    fn refusal(&self, role: &Role, operation: &str, body: &Bytes) -> Option<Denied> {
        match self.partition_keys.calls(operation, body) {
            Ok(calls) => self.iam.allow(role, &calls).err(),
            Err(unreadable) => {
                let call = Call::on(format!("dynamodb:{operation}"), "*");
                Some(self.iam.refuse(role, &call, unreadable.to_string()))
            }
        }
    }

    /// In a task of its own: a transaction goes on when its client hangs up, and who sends it again is told what became of it.
    async fn once(&self, mut parts: Parts, transaction: Named) -> Response {
        // That of the body with the token.
        parts.headers.remove(header::CONTENT_LENGTH);
        let front = self.clone();
        let executed = tokio::spawn(async move { front.done.once(transaction, |body| front.pass(parts, body)).await });
        executed.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a transaction was not carried out");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }

    async fn pass(&self, mut parts: Parts, body: Body) -> Response {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = Uri::try_from(format!("http://{}{path}", self.engine)) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        parts.uri = uri;
        match self.client.request(Request::from_parts(parts, body)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(%error, "the embedded DynamoDB did not answer");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
