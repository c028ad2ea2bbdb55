use std::io::Write;

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sporlog_http::{ApiError, Rows};
use sporlog_model::settings::SnapshotFormat;
use sporlog_model::{EntityType, ErrorKind};
use sporlog_store::HistoryPage;

use crate::params::ReadRequest;
use crate::view::{EventView, collection_member};

const JSON: &str = "application/json";

/// What a Lambda function may answer (Lambda quotas: 6 MB, in fact 6,291,556 bytes), less room for status and headers.
const MAX_ANSWER_BYTES: usize = 6_291_556 - 4_096;

/// How many bytes of snapshots are read for one answer. More could be compressed into one at best, and must not fill the
/// function's memory.
pub(crate) const MAX_READ_BYTES: usize = 48 * 1024 * 1024;

/// The page as an answer; compressed if it must be; refused, with the limit that would do, if even that is too large.
/// Never shortened.
pub(crate) fn answer(
    entity_type: EntityType,
    page: &HistoryPage,
    snapshot: SnapshotFormat,
    request: &ReadRequest,
) -> Result<Response, ApiError> {
    let render = |event| serde_json::to_string(&EventView { event, snapshot });
    let rows = page.events.iter().map(|recorded| render(&recorded.event)).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|error| ApiError::fault(ErrorKind::Internal, error))?;
    let list = List { member: collection_member(entity_type), total: page.total, rows: &rows };
    let carried = if page.complete { Carried::of(list.body(rows.len()), request.accepts_gzip) } else { None };
    let answer = match carried {
        Some(Carried::Text(body)) => ([(CONTENT_TYPE, JSON)], body).into_response(),
        // Named, so that the Lambda runtime sends the bytes as base64 and not as text.
        Some(Carried::Bytes(body)) => ([(CONTENT_TYPE, JSON), (CONTENT_ENCODING, "identity")], body).into_response(),
        Some(Carried::Gzip(body)) => {
            let headers = [(CONTENT_TYPE, JSON), (CONTENT_ENCODING, "gzip"), (VARY, "Accept-Encoding")];
            (headers, body).into_response()
        }
        None => return Err(too_large(&list, request.accepts_gzip)),
    };
    Ok((Rows(rows.len()), answer).into_response())
}

/// A body in the first form in which the function's JSON answer can carry it.
enum Carried {
    /// As text, in which quotes and backslashes are escaped once more.
    Text(String),
    /// As base64: a third longer, but no longer than that however many quotes there are.
    Bytes(String),
    Gzip(Vec<u8>),
}

impl Carried {
    fn of(body: String, gzip_accepted: bool) -> Option<Self> {
        let escapes = body.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
        if body.len() + escapes <= MAX_ANSWER_BYTES {
            return Some(Self::Text(body));
        }
        if base64_bytes(body.len()) <= MAX_ANSWER_BYTES {
            return Some(Self::Bytes(body));
        }
        let compressed = gzip_accepted.then(|| gzip(&body))?.ok()?;
        (base64_bytes(compressed.len()) <= MAX_ANSWER_BYTES).then_some(Self::Gzip(compressed))
    }
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
    let counts: Vec<usize> = (1..=list.rows.len()).collect();
    let largest = counts.partition_point(|count| Carried::of(list.body(*count), gzip_accepted).is_some());
    let advice = match (largest, gzip_accepted) {
        (0, true) => "not even one event fits".to_owned(),
        (0, false) => "accept gzip".to_owned(),
        (_, true) => format!("ask for limit={largest} or less"),
        (_, false) => format!("ask for limit={largest} or less, or accept gzip"),
    };
    let message = format!("The answer is too large: {advice}");
    ApiError::new(ErrorKind::TooLarge, "answerTooLarge", message).with_parameter("limit", largest.to_string())
}

fn base64_bytes(length: usize) -> usize {
    length.div_ceil(3) * 4
}

/// Fast rather than small: finding the largest limit may take a dozen of these within one request.
fn gzip(body: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body.as_bytes())?;
    encoder.finish()
}
