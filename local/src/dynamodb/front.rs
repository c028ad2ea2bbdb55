//! What stands before the engine: asks IAM whether the function that calls may do what its request wants.
//!
//! The engine offers no place for this in its own server, so it is on a port that nobody is told of, and this passes on what is allowed.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::net::TcpListener;

use crate::iam::dynamodb::PartitionKeys;
use crate::iam::{Call, Denied, Iam, Role, credential};

/// What the `X-Amz-Target` of a request begins with.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// The largest request of DynamoDB, in bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1_024 * 1_024;

#[derive(Clone)]
struct Front {
    engine: SocketAddr,
    client: Client<HttpConnector, Body>,
    partition_keys: Arc<PartitionKeys>,
    iam: Iam,
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
    let front = Front { engine, client, partition_keys: Arc::new(partition_keys), iam };
    let router = Router::new().fallback(answer).with_state(front);
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let role = credential::access_key(&parts).and_then(|access_key| front.iam.role(&access_key));
    let Some(role) = role else { return front.pass(parts, body).await };
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match front.refusal(role, &parts, &body) {
        Some(denied) => access_denied(&denied.to_string()),
        None => front.pass(parts, body.into()).await,
    }
}

impl Front {
    /// Why the function may not do this.
    fn refusal(&self, role: &Role, parts: &Parts, body: &Bytes) -> Option<Denied> {
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.strip_prefix(TARGET_PREFIX).unwrap_or(target);
        match self.partition_keys.calls(operation, body) {
            Ok(calls) => self.iam.allow(role, &calls).err(),
            Err(unreadable) => {
                let call = Call::on(format!("dynamodb:{operation}"), "*");
                Some(self.iam.refuse(role, &call, unreadable.to_string()))
            }
        }
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

fn access_denied(message: &str) -> Response {
    let body = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": message});
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"))];
    (StatusCode::BAD_REQUEST, json, body.to_string()).into_response()
}
