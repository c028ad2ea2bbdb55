use std::io::Write;

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sporlog_http::ApiError;
use sporlog_model::{EntityType, ErrorKind};
use sporlog_store::HistoryPage;

use crate::params::ReadRequest;
use crate::view::{EventView, collection_member};

/// What a Lambda function may answer (Lambda quotas: 6 MB, in fact 6,291,556 bytes), less room for status and headers.
const MAX_ANSWER_BYTES: usize = 6_291_556 - 4_096;

/// How many bytes of snapshots are read for one answer. More could be compressed into one at best, and must not fill the
/// function's memory.
pub(crate) const MAX_READ_BYTES: usize = 48 * 1024 * 1024;

/// The page as an answer; compressed if it must be; refused, with the limit that would do, if even that is too large.
/// Never shortened.
pub(crate) fn answer(entity_type: EntityType, page: &HistoryPage, request: &ReadRequest) -> Result<Response, ApiError> {
    let render = |event| serde_json::to_string(&EventView { event, snapshot: request.snapshot });
    let rows = page.events.iter().map(|recorded| render(&recorded.event)).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|error| ApiError::fault(ErrorKind::Internal, error))?;
    let list = List { member: collection_member(entity_type), total: page.total, rows: &rows };
    if page.complete {
        let body = list.body(rows.len());
        if plain_bytes(&body) <= MAX_ANSWER_BYTES {
            return Ok(([(CONTENT_TYPE, "application/json")], body).into_response());
        }
        if request.accepts_gzip {
            let compressed = gzip(&body).map_err(|error| ApiError::fault(ErrorKind::Internal, error))?;
            if base64_bytes(&compressed) <= MAX_ANSWER_BYTES {
                let headers =
                    [(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip"), (VARY, "Accept-Encoding")];
                return Ok((headers, compressed).into_response());
            }
        }
    }
    Err(too_large(&list, request.accepts_gzip))
}

struct List<'a> {
    member: &'static str,
    total: u64,
    rows: &'a [String],
}

impl List<'_> {
    /// The answer with the first `count` rows.
    fn body(&self, count: usize) -> String {
        let rows = self.rows.iter().take(count);
        let mut body = String::with_capacity(rows.clone().map(|row| row.len() + 1).sum::<usize>() + 64);
        body.push_str("{\"");
        body.push_str(self.member);
        body.push_str("\":[");
        for (position, row) in rows.enumerate() {
            if position > 0 {
                body.push(',');
            }
            body.push_str(row);
        }
        body.push_str("],\"totalItems\":");
        body.push_str(&self.total.to_string());
        body.push('}');
        body
    }
}

fn too_large(list: &List<'_>, gzip_accepted: bool) -> ApiError {
    let fits = |count: usize| {
        let body = list.body(count);
        let compressed = || gzip_accepted && gzip(&body).is_ok_and(|bytes| base64_bytes(&bytes) <= MAX_ANSWER_BYTES);
        plain_bytes(&body) <= MAX_ANSWER_BYTES || compressed()
    };
    let counts: Vec<usize> = (1..=list.rows.len()).collect();
    let largest = counts.partition_point(|count| fits(*count));
    let advice = if gzip_accepted { "" } else { " or accept gzip" };
    let message = format!("The answer is too large: ask for limit={largest} or less{advice}");
    ApiError::new(ErrorKind::TooLarge, "answerTooLarge", message).with_parameter("limit", largest.to_string())
}

/// The size of a text body within the function's JSON answer, where quotes and backslashes are escaped once more.
fn plain_bytes(body: &str) -> usize {
    body.len() + body.bytes().filter(|b| matches!(b, b'"' | b'\\')).count()
}

/// The size of a binary body within the function's JSON answer.
fn base64_bytes(body: &[u8]) -> usize {
    body.len().div_ceil(3) * 4
}

fn gzip(body: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes())?;
    encoder.finish()
}
