//! Answers in the form of DynamoDB's JSON protocol.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::front::MAX_REQUEST_BYTES;

/// What was answered, read as a whole.
pub(super) async fn collected(response: Response) -> (StatusCode, Bytes) {
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_REQUEST_BYTES).await {
        Ok(body) => (parts.status, body),
        Err(error) => {
            tracing::error!(%error, "the embedded DynamoDB did not answer to the end");
            (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
        }
    }
}

/// An answer that has this for its body.
pub(super) fn answer_json(status: StatusCode, body: impl Into<Body>) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"))];
    (status, json, body.into()).into_response()
}

/// The refusal of that name.
pub(super) fn exception(kind: &str, message: &str) -> Response {
    answer_json(StatusCode::BAD_REQUEST, json!({"__type": kind, "Message": message}).to_string())
}
