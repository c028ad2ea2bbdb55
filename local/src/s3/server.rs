//! The listening server: connections, the order of the checks, shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use jiff::Timestamp;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse, S3Error};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::instrument::WithSubscriber as _;
use uuid::Uuid;

use super::Storage;
use super::access::{Access, Keys};
use super::gate::{Gate, Protocol};
use super::refusal::{Refusal, internal};
use super::service::Service;
use super::sts::{RequestId, Sts};
use super::sts_xml::{self, Fault};
use crate::iam::Iam;

/// Where the server takes the time from: the life of sessions and `Last-Modified`. The allowed skew of a signature is
/// always measured against the machine's clock, by `s3s`.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long a stopping server waits for the requests in flight.
const GRACE: Duration = Duration::from_secs(5);

/// S3 (path-style) and STS on one listener.
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves `storage` on `listener` until [`Self::stop`], as the endpoint of `region`, on the runtime of the caller, to the
    /// functions of `iam`, the sessions of `storage` and the administrator.
    pub fn start(
        storage: Storage,
        listener: TcpListener,
        clock: Clock,
        region: &str,
        iam: Iam,
    ) -> Result<Self, std::io::Error> {
        let address = listener.local_addr()?;
        let endpoint = Arc::new(Endpoint::new(storage, clock, region, iam));
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, endpoint, stopped));
        Ok(Self { address, stop, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests in flight end (5 s at most) and closes.
    pub async fn stop(self) {
        // The task ends on its own only when the runtime is going down; there is nothing left to stop then.
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}

async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>, mut stopped: oneshot::Receiver<()>) {
    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // For example too many open files: the next connection may find one free.
                    tracing::warn!(%error, "the local S3 could not take a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = &mut stopped => break,
        };
        // Small answers would otherwise wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let endpoint = Arc::clone(&endpoint);
        let answer = service_fn(move |request| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.answer(request).await }
        });
        let connection = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection to the local S3 broke");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
}

struct Endpoint {
    gate: Gate,
    s3: S3Service,
}

impl Endpoint {
    fn new(storage: Storage, clock: Clock, region: &str, iam: Iam) -> Self {
        let region = region.to_owned();
        let service = Service { storage: storage.clone(), clock: Arc::clone(&clock), region: region.clone() };
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(Keys { storage: storage.clone(), iam: iam.clone() });
        builder.set_access(Access { storage: storage.clone(), region: region.clone() });
        builder.set_route(Sts { storage: storage.clone(), clock: Arc::clone(&clock) });
        Self { gate: Gate { storage, clock, region, iam }, s3: builder.build() }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let request_id = Uuid::new_v4().to_string();
        let (mut parts, body) = request.into_parts();
        join_content_encodings(&mut parts.headers);
        let protocol = Protocol::of(&parts.method, &parts.uri, &parts.headers);
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let mut response = match self.gate.admit(protocol, &parts).await {
            Err(refusal) => refuse(protocol, refusal, &request_id),
            Ok(identity) => {
                if let Some(identity) = identity {
                    parts.extensions.insert(identity);
                }
                parts.extensions.insert(RequestId(request_id.clone()));
                let request = Request::from_parts(parts, Body::from(body));
                // `s3s` writes whole requests and answers to its trace, tokens and presigned URLs among them, and every
                // refusal as an error. Under no subscriber it is silent; the line below says what is worth saying.
                let answer = self.s3.call(request).with_subscriber(tracing::Dispatch::none()).await?;
                match protocol {
                    Protocol::S3 => answer,
                    Protocol::Sts => sts_xml::reshape(answer, &request_id).await,
                }
            }
        };
        tracing::debug!(?protocol, %method, path, status = response.status().as_u16(), "answered");
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            let name = if protocol == Protocol::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
            response.headers_mut().insert(name, request_id);
        }
        Ok(response)
    }
}

/// The Rust SDK sends `aws-chunked` in a second header of the same name, which `s3s` refuses. Joined with a comma and
/// no space, the signature covers the same text.
fn join_content_encodings(headers: &mut HeaderMap) {
    let values: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    if values.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&values.join(&b","[..]))
    {
        headers.insert(CONTENT_ENCODING, joined);
    }
}

fn refuse(protocol: Protocol, refusal: Refusal, request_id: &str) -> HttpResponse {
    match protocol {
        Protocol::Sts => Fault::from(refusal).into_response(request_id),
        Protocol::S3 => {
            let response = S3Error::from(refusal).to_http_response().or_else(|_| internal().to_http_response());
            response.unwrap_or_else(|_| {
                // An error of two strings can always be written as XML.
                let mut response = HttpResponse::default();
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                response
            })
        }
    }
}
