//! Whether the function that calls Lambda, SQS or KMS may do what its request wants.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::function_name;
use crate::functions::{MAX_REQUEST_BYTES, function_arn};
use crate::iam::{Call, Iam, arn, credential};

/// A request to one of the three, and how it is refused.
struct Wanted {
    call: Call,
    status: StatusCode,
}

/// The administrator passes, and so does a request that is nobody's: the port is on loopback, and people use it with `curl`.
pub(super) async fn ask(State(iam): State<Iam>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Some(role) = credential::access_key(&parts).and_then(|access_key| iam.role(&access_key)) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let Ok(body) = to_bytes(body, 2 * MAX_REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Wanted { call, status } = wanted(&parts, &body);
    match iam.allow(role, &[call]) {
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(denied) => refused(status, &denied.to_string()),
    }
}

/// What a request wants. One that names nothing known is an action that no policy can grant.
fn wanted(parts: &Parts, body: &Bytes) -> Wanted {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let body = || serde_json::from_slice::<Value>(body).unwrap_or_default();
    let call = match target.split_once('.') {
        Some(("AmazonSQS", operation)) => {
            let body = body();
            // A batch needs the permission of what it is a batch of.
            let action = operation.strip_suffix("Batch").unwrap_or(operation);
            let named = body["QueueUrl"].as_str().or(body["QueueName"].as_str());
            let queue = named.map(|queue| queue.rsplit('/').next().unwrap_or(queue));
            Call::on(format!("sqs:{action}"), queue.map_or("*".to_owned(), |queue| arn("sqs", queue)))
        }
        Some(("TrentService", operation)) => {
            let body = body();
            let key = body["KeyId"].as_str().unwrap_or("*");
            let resource = if key.contains(':') { key.to_owned() } else { arn("kms", &format!("key/{key}")) };
            Call::on(format!("kms:{operation}"), resource)
        }
        _ => {
            let path = parts.uri.path().strip_prefix("/2015-03-31/functions/");
            let name = path.and_then(|path| path.strip_suffix("/invocations"));
            let name = name.and_then(|name| percent_encoding::percent_decode_str(name).decode_utf8().ok());
            let call = match name {
                Some(name) => Call::on("lambda:InvokeFunction", function_arn(function_name(&name))),
                None => Call::on(format!("{} {}", parts.method, parts.uri.path()), "*"),
            };
            return Wanted { call, status: StatusCode::FORBIDDEN };
        }
    };
    Wanted { call, status: StatusCode::BAD_REQUEST }
}

fn refused(status: StatusCode, message: &str) -> Response {
    const CODE: &str = "AccessDeniedException";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(CODE)),
    ];
    (status, headers, json!({"__type": CODE, "Message": message, "message": message}).to_string()).into_response()
}
