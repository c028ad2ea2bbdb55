//! What stands before the embedded DynamoDB: TLS, a delay like that of a service further away, a meter, a recorder; or nobody behind
//! it at all.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::tls::{Tls, TlsListener};
use crate::units::Units;

/// How a front treats requests.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// Serves HTTPS instead of HTTP.
    pub(crate) tls: Option<Tls>,
    /// How long a request waits before it is passed on.
    pub(crate) latency: Duration,
    /// Asks the engine what each request costs, and adds it up.
    pub(crate) metered: bool,
    /// Keeps the bodies of transactions.
    pub(crate) recorded: bool,
}

/// A listening front. It ends when it is dropped.
pub(crate) struct Front {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    /// `None` answers every request as a transaction that went well.
    engine: Option<SocketAddr>,
    http: Client<HttpConnector, Body>,
    manner: Manner,
    units: Mutex<Units>,
    recorded: Mutex<Vec<Bytes>>,
}

impl Front {
    /// Stands before an engine.
    pub(crate) async fn before(engine: SocketAddr, manner: Manner) -> Result<Self, Failure> {
        Self::start(Some(engine), manner).await
    }

    /// Answers by itself, as the engine answers a transaction: `{}`.
    pub(crate) async fn without_engine(manner: Manner) -> Result<Self, Failure> {
        Self::start(None, manner).await
    }

    async fn start(engine: Option<SocketAddr>, manner: Manner) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let tls = manner.tls.clone();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let shared = Arc::new(Shared { engine, http, manner, units: Mutex::default(), recorded: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = tokio::spawn(async move {
            // Both serve until they are aborted.
            let _ = if let Some(tls) = tls {
                axum::serve(TlsListener::new(listener, &tls), router).await
            } else {
                let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
                    let _ = stream.set_nodelay(true);
                });
                axum::serve(listener, router).await
            };
        });
        Ok(Self { endpoint: format!("{scheme}://{address}"), shared, server })
    }

    /// The URL of the endpoint.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was metered since the last call.
    pub(crate) fn take_units(&self) -> Units {
        std::mem::take(&mut self.shared.units.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was recorded since the last call.
    pub(crate) fn take_recorded(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match shared.answer(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> Result<Response, Failure> {
        let (parts, body) = request.into_parts();
        let mut body = axum::body::to_bytes(body, usize::MAX).await?;
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        if !self.manner.latency.is_zero() {
            tokio::time::sleep(self.manner.latency).await;
        }
        if self.manner.recorded && operation == "TransactWriteItems" {
            self.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(body.clone());
        }
        let Some(engine) = self.engine else {
            return Ok(([("content-type", "application/x-amz-json-1.0")], "{}").into_response());
        };
        let mut headers = parts.headers;
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        if self.manner.metered {
            body = asking_for_units(&body)?;
        }
        let mut request = Request::builder().method(parts.method).uri(format!("http://{engine}{}", parts.uri));
        if let Some(all) = request.headers_mut() {
            *all = headers;
        }
        let (mut parts, sent) = self.http.request(request.body(Body::from(body))?).await?.into_parts();
        let answer = axum::body::to_bytes(Body::new(sent), usize::MAX).await?;
        if self.manner.metered {
            let units = Units::of(&operation, &serde_json::from_slice(&answer)?);
            self.units.lock().unwrap_or_else(PoisonError::into_inner).add(units);
        }
        // It has a length now.
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(parts, Body::from(answer)))
    }
}

/// The request, with `ReturnConsumedCapacity`. The engine does not check signatures.
fn asking_for_units(body: &[u8]) -> Result<Bytes, Failure> {
    let mut request: Value = serde_json::from_slice(body)?;
    request["ReturnConsumedCapacity"] = "TOTAL".into();
    Ok(serde_json::to_vec(&request)?.into())
}
