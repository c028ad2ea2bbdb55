//! Whose key a request is signed with.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::request::Parts;

/// The credential of a request that is signed with version 4, `KEY/DATE/REGION/SERVICE/aws4_request`: from the query of a presigned
/// URL, else from the header.
pub(crate) fn scope(request: &Parts) -> Option<Cow<'_, str>> {
    let query = request.uri.query().unwrap_or_default();
    if query_value(query, "X-Amz-Signature").is_some() {
        return query_value(query, "X-Amz-Credential");
    }
    let authorization = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split([',', ' ']).next().map(Cow::Borrowed)
}

/// The access key of a request, unverified.
pub(crate) fn access_key(request: &Parts) -> Option<String> {
    scope(request)?.rsplitn(5, '/').nth(4).map(str::to_owned)
}

/// A value of a query, decoded.
pub(crate) fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })?;
    percent_encoding::percent_decode_str(value).decode_utf8().ok()
}
