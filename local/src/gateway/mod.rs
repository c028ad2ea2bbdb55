//! The API Gateway of the local run: an HTTP API with Lambda authorizers, payload 2.0 throughout.
//!
//! What it answers by itself is what API Gateway answers by itself; everything else is the function's.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{functions::Registry, template::Template};
use authorize::{Authorizers, Verdict};
use event::Incoming;
use routes::Routes;

mod authorize;
mod event;
mod response;
mod routes;

/// The largest request body that an HTTP API takes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The longest that an HTTP API waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// The header that carries the gateway's own request id.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The HTTP API of a template.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").field("functions", &self.inner.registry).finish_non_exhaustive()
    }
}

struct Inner {
    routes: Routes,
    authorizers: Authorizers,
    registry: Arc<Registry>,
}

impl Gateway {
    /// The routes and authorizers of the template, in front of the functions.
    pub fn new(template: &Template, registry: Arc<Registry>) -> Self {
        let routes = Routes::new(template);
        let authorizers = Authorizers::new(template.authorizers.clone(), Arc::clone(&registry));
        Self { inner: Arc::new(Inner { routes, authorizers, registry }) }
    }

    /// The service, without a socket. It wants [`ConnectInfo`] of a [`SocketAddr`] in every request.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    /// Serves until `stop`, then lets running requests end.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = event::request_id();
    let mut response = match gateway.inner.answer(peer, &request_id, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

impl Inner {
    async fn answer(&self, peer: SocketAddr, request_id: &str, request: Request) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let route = self.routes.find(&parts.method, parts.uri.path()).ok_or(Refusal::NotFound)?;
        let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Refusal::TooLarge)?;
        let incoming = Incoming::new(peer, request_id, &parts, &body, &route);
        let context = match &route.authorizer {
            None => None,
            Some(name) => match self.authorizers.ask(name, &incoming).await {
                Verdict::Allowed(context) => Some(context),
                Verdict::Unauthorized => return Err(Refusal::Unauthorized),
                Verdict::Forbidden => return Err(Refusal::Forbidden),
                Verdict::Failed => return Err(Refusal::InternalServerError),
            },
        };
        let event = Bytes::from(incoming.integration_event(context).to_string());
        // The function runs on when the gateway stops waiting, as it does in AWS.
        match tokio::time::timeout(INTEGRATION_TIMEOUT, self.registry.invoke(&route.function, event)).await {
            Ok(Ok(Ok(answer))) => response::from_answer(&answer).ok_or(Refusal::InternalServerError),
            Ok(Ok(Err(error))) => {
                tracing::error!(function = route.function, %error, "the function failed");
                Err(Refusal::InternalServerError)
            }
            Ok(Err(crate::functions::InvokeError::TooLarge { .. })) => Err(Refusal::TooLarge),
            Ok(Err(error)) => {
                tracing::error!(function = route.function, %error, "the function could not be invoked");
                Err(Refusal::InternalServerError)
            }
            Err(_) => Err(Refusal::ServiceUnavailable),
        }
    }
}

/// What API Gateway answers by itself.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    NotFound,
    Unauthorized,
    Forbidden,
    TooLarge,
    InternalServerError,
    ServiceUnavailable,
}

impl Refusal {
    fn response(self) -> Response {
        let (status, message) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::InternalServerError => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Body::from(format!("{{\"message\":\"{message}\"}}")));
        *response.status_mut() = status;
        response.headers_mut().insert(axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// The parameters of a path, by name, decoded.
type PathParameters = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
