use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use percent_encoding::percent_decode_str;
use sporlog_auth::operation;
use sporlog_model::{ErrorKind, elapsed_ms};
use tokio::time::timeout;

use crate::caller::principal;
use crate::{ApiError, ErrorShape};

/// What `Retry-After` says of a 503, in seconds: DynamoDB counts what it throttles by the second.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// How long a request is worked on. Lambda ends the function after 29 s and API Gateway waits for 30, and what these say then is in nobody's
/// shape and not in the function's log. One call of DynamoDB takes 20 s at most, but a request makes several.
pub const LONGEST_WORK: Duration = Duration::from_secs(25);

/// Finishes the router of an endpoint group: unknown paths and methods, the group's error shape, headers that keep an answer data
/// and to its caller, one log line per request, an answer within [`LONGEST_WORK`]. Work that is cut there is work whose answer was
/// lost: every retry is safe.
pub fn group(router: Router, shape: ErrorShape) -> Router {
    router
        .fallback(|| async { not_found() })
        .method_not_allowed_fallback(|| async {
            ApiError::new(ErrorKind::MethodNotAllowed, "methodNotAllowed", "Method not allowed")
        })
        .layer(middleware::from_fn(move |request, next| answer(shape.clone(), request, next)))
}

fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "notFound", "Not found")
}

/// Whether the request's path is the one that was sent. API Gateway decodes `rawPath`, so `/orgs/a%23b` arrives as `/orgs/a#b`, of
/// which a URI keeps `/orgs/a`: another organization. `?` and dot segments are lost likewise. No id has any of these.
fn is_path_as_sent(request: &Request) -> bool {
    let sent = request.raw_http_path();
    // Without API Gateway in front there is none.
    sent.is_empty() || percent_decode_str(sent).eq(percent_decode_str(request.uri().path()))
}

/// How many things an answer shows, or a request has put into the log: for the log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows(pub usize);

impl IntoResponseParts for Rows {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// What a request's log line tells: never a header, a parameter or a body.
struct Line {
    method: Method,
    route: String,
    /// What the route is called, as in the template and in the API's description.
    operation: &'static str,
    org: Option<String>,
    /// API Gateway's, which its own log and the error bodies of our faults have as well.
    request_id: String,
}

async fn answer(shape: ErrorShape, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let line = Line::of(&request);
    let mut response = if is_path_as_sent(&request) {
        let worked = timeout(LONGEST_WORK, next.run(request)).await;
        worked.unwrap_or_else(|late| ApiError::fault(ErrorKind::Unavailable, late).into_response())
    } else {
        not_found().into_response()
    };
    let error = response.extensions_mut().remove::<Arc<ApiError>>();
    if let Some(error) = &error {
        let body = shape.body(error, &line.request_id).to_string();
        response = (response.status(), body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if error.kind == ErrorKind::Unavailable {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
    }
    protect(&mut response);
    line.log(&response, error.as_deref(), started);
    response
}

/// What was stored may be markup to a browser, and is text to us. And a cache in between knows neither `X-API-Key` nor
/// `X-Okapi-Token`: it would answer one organization with what another one asked for. A handler may say otherwise of its answer.
fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

impl Line {
    fn of(request: &Request) -> Self {
        let context = request.extensions().get::<RequestContext>();
        let request_id = match context {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        // The route, not the path: ids are the customer's.
        let matched = request.extensions().get::<MatchedPath>();
        let route = matched.map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
        Self {
            method: request.method().clone(),
            operation: operation(request.method().as_str(), &route).unwrap_or("-"),
            route,
            org: principal(context).map(|principal| principal.org.to_string()),
            request_id: request_id.unwrap_or_default(),
        }
    }

    fn log(&self, response: &Response, error: Option<&ApiError>, started: Instant) {
        let Self { method, route, operation, org, request_id } = self;
        let status = response.status().as_u16();
        let duration_ms = elapsed_ms(started);
        let rows = response.extensions().get::<Rows>().map(|rows| rows.0);
        let org = org.as_deref().unwrap_or("-");
        let code = error.map_or("-", |error| error.code);
        if let Some(cause) = error.and_then(ApiError::cause_chain) {
            tracing::error!(operation, %method, %route, org, %request_id, status, duration_ms, code, cause, "request failed");
        } else {
            tracing::info!(operation, %method, %route, org, %request_id, status, duration_ms, code, rows, "request");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer_of(kind: ErrorKind) -> Response {
        let fail = move || async move { ApiError::fault(kind, std::fmt::Error) };
        let router = group(Router::new().route("/", get(fail)), ErrorShape::Sentence);
        router.oneshot(Request::new(Body::empty())).await.unwrap()
    }

    #[tokio::test]
    async fn who_is_to_come_back_is_told_when() {
        let busy = answer_of(ErrorKind::Unavailable).await;
        assert_eq!((busy.status().as_u16(), &busy.headers()[RETRY_AFTER]), (503, &HeaderValue::from_static("1")));
        let broken = answer_of(ErrorKind::Internal).await;
        assert_eq!((broken.status().as_u16(), broken.headers().get(RETRY_AFTER)), (500, None));
    }
    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_end_is_answered_before_lambda_ends_it() {
        let router = group(Router::new().route("/", get(std::future::pending::<Response>)), ErrorShape::Sentence);
        // Lambda's patience.
        let answer =
            timeout(Duration::from_secs(29), router.oneshot(Request::new(Body::empty()))).await.unwrap().unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()[RETRY_AFTER]), (503, &RETRY_AFTER_SECONDS));
    }
}
