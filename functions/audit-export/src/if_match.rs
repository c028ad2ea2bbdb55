use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use sporlog_http::ApiError;
use sporlog_model::ErrorKind;
use sporlog_store::ExportConfig;

/// The `ETag` of a configuration. Names what is configured; tests and runs do not change it.
pub(crate) fn etag(config: &ExportConfig) -> HeaderValue {
    // Numbers and quotes can stand in a header.
    HeaderValue::from_str(&tag(config)).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn tag(config: &ExportConfig) -> String {
    format!("\"{}\"", config.version)
}

/// The header `If-Match` (RFC 9110 section 13.1.1). One that cannot be read → 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Not there.
    Absent,
    /// `*`: whatever is configured, but something.
    Any,
    /// One of these, quotes and all.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Refuses (412) when what is configured is not what the client has seen.
    pub(crate) fn check(&self, known: Option<&ExportConfig>) -> Result<(), ApiError> {
        let holds = match (self, known) {
            (Self::Absent, _) | (Self::Any, Some(_)) => true,
            (_, None) => false,
            (Self::OneOf(tags), Some(known)) => tags.contains(&tag(known)),
        };
        let message = "The configuration is not the one that If-Match names; read it again";
        if holds { Ok(()) } else { Err(ApiError::new(ErrorKind::PreconditionFailed, "preconditionFailed", message)) }
    }

    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let lines: Vec<_> = headers.get_all(IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let text = lines.join(",");
        if lines.is_empty() {
            return Ok(Self::Absent);
        }
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let tags: Vec<&str> = text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
        // A weak one is read, and equals none (section 8.8.3.2).
        let quoted = |tag: &&str| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"') && !tag[1..tag.len() - 1].contains('"')
        };
        if tags.is_empty() || !tags.iter().all(quoted) {
            let problem = "must be * or ETags in quotes";
            return Err(ApiError::at_field(ErrorKind::Malformed, "validationError", "If-Match", problem));
        }
        Ok(Self::OneOf(tags.into_iter().map(str::to_owned).collect()))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        IfMatch::of(&headers).ok()
    }

    #[test]
    fn the_header_is_read() {
        let one_of = |tags: &[&str]| Some(IfMatch::OneOf(tags.iter().map(ToString::to_string).collect()));
        for (lines, expected) in [
            (&[][..], Some(IfMatch::Absent)),
            (&["*"], Some(IfMatch::Any)),
            (&[" * "], Some(IfMatch::Any)),
            (&["\"1\""], one_of(&["\"1\""])),
            (&["\"1\" , W/\"2\","], one_of(&["\"1\"", "W/\"2\""])),
            (&["\"1\"", "\"2\""], one_of(&["\"1\"", "\"2\""])),
            (&[""], None),
            (&["1"], None),
            (&["\""], None),
            (&["\"1\" \"2\""], None),
            (&["*, \"1\""], None),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }
}
