use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};

/// Whether `If-None-Match` (RFC 9110 section 13.1.2) says that the client has what `tag` names. Weak and strong tags are the
/// same here; what cannot be read names nothing.
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut named = lines.flat_map(|line| line.split(',')).map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_tag() {
        let tag = HeaderValue::from_static("\"a\"");
        for (lines, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["*"], true),
            (&["\"a\""], true),
            (&["W/\"a\""], true),
            (&["\"b\" , \"a\""], true),
            (&["\"b\"", "\"a\""], true),
            (&["\"b\""], false),
            (&["a"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(is_known(&headers, &tag), expected, "{lines:?}");
        }
    }
}
