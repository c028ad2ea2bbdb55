//! The description of the HTTP API, in OpenAPI 3.1.
//!
//! Owns the document that is served at `GET /openapi.json`: [`DOCUMENT`], made from `document/*.yaml`, which people write, and
//! the examples of `docs/api`. The tests of the workspace say when it has to be made anew, and compare it with what every
//! function answers. Knows no AWS service and no credential: the route is the one that everybody may read.

mod not_modified;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use sporlog_http::{ErrorShape, group};

use crate::not_modified::is_known;

/// The document, as it is served.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// For how long a copy is taken for current: 5 minutes. It changes with a deployment only.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The function. It needs nothing of its environment.
pub fn router() -> Router {
    let tag = etag();
    let routes = Router::new().route("/openapi.json", get(async move |headers: HeaderMap| read_openapi(&headers, tag)));
    group(routes, ErrorShape::Sentence)
}

/// `GET /openapi.json`: the document, or 304 to those who have it.
fn read_openapi(headers: &HeaderMap, tag: HeaderValue) -> Response {
    let known = is_known(headers, &tag);
    let of_both = [(ETAG, tag), (CACHE_CONTROL, FRESH)];
    if known {
        return (StatusCode::NOT_MODIFIED, of_both).into_response();
    }
    (of_both, [(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// Names the very bytes.
fn etag() -> HeaderValue {
    let hash = hex::encode(Sha256::digest(DOCUMENT));
    // Hexadecimal digits and quotes can stand in a header.
    HeaderValue::from_str(&format!("\"{}\"", &hash[..32])).unwrap_or(HeaderValue::from_static("\"0\""))
}
