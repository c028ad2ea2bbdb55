use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sporlog_http::ApiError;
use sporlog_model::ErrorKind;

use crate::view::ListView;

/// What a Lambda function may answer (Lambda quotas: 6 MB, in fact 6,291,556 bytes), less room for status and headers.
pub(crate) const MAX_ANSWER_BYTES: usize = 6_291_556 - 4_096;

/// The answer's body; `None` when it is larger than Lambda carries.
pub(crate) fn body<T: Serialize>(list: &ListView<'_, T>) -> Result<Option<String>, ApiError> {
    let body = serde_json::to_string(list).map_err(|error| ApiError::fault(ErrorKind::Internal, error))?;
    // The function's answer is JSON in which the body is a text: quotes and backslashes are escaped once more.
    let escapes = body.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    Ok((body.len() + escapes <= MAX_ANSWER_BYTES).then_some(body))
}

/// A body that is JSON already.
pub(crate) fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Never a silently shortened list.
pub(crate) fn too_large(advice: &str) -> ApiError {
    ApiError::new(ErrorKind::TooLarge, "answerTooLarge", format!("The answer is too large: {advice}"))
}
