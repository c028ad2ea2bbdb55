use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sporlog_model::{ErrorKind, RequestDigest};

use crate::ApiError;

/// The largest request body that is read.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A body in JSON: of an answer, that of any `T`; of a request, one that reads as `T`.
///
/// A request's body that is larger than 1 MB → 413, a content type other than JSON → 415, not JSON → 400, a
/// member that is missing, is not what it should be or is none of `T`'s → 422, naming it. As `Option`, an empty body is `None`.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

/// What a request body can be read as. By hand and not derived, so that every error names its member.
pub trait RequestBody: Sized {
    /// Every member there is: any other is refused. `None` where the published document allows others; they are ignored.
    const MEMBERS: Option<&'static [&'static str]>;

    /// Reads the members.
    fn read(members: &Members) -> Result<Self, ApiError>;
}

/// The members of a body. `null` is as good as absent.
#[derive(Debug)]
pub struct Members(Map<String, Value>);

impl Members {
    /// A member that may be absent. `form` says what it must be: "must be a text".
    pub fn optional<T: DeserializeOwned>(&self, name: &str, form: &str) -> Result<Option<T>, ApiError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|_| ApiError::invalid_member(name, form)),
        }
    }

    /// A member that must be there.
    pub fn required<T: DeserializeOwned>(&self, name: &str, form: &str) -> Result<T, ApiError> {
        self.optional(name, form)?.ok_or_else(|| ApiError::invalid_member(name, "is required"))
    }

    /// Whether a member is there, be it as `null`.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What tells this body from another one, whatever its white space and the order of its members.
    pub fn digest(&self) -> RequestDigest {
        RequestDigest::of(&self.0)
    }
}

impl<T: RequestBody> JsonBody<T> {
    fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        if !is_json(headers) {
            let message = "The content type must be application/json";
            return Err(ApiError::new(ErrorKind::UnsupportedMediaType, "unsupportedMediaType", message));
        }
        let malformed = |message: String| ApiError::new(ErrorKind::Malformed, "malformedBody", message);
        let body = serde_json::from_slice::<Value>(body).map_err(|_| malformed("The body is not JSON".to_owned()))?;
        let Value::Object(members) = body else {
            return Err(ApiError::new(ErrorKind::Invalid, "validationError", "The body must be a JSON object"));
        };
        let is_unknown = |name: &&String| T::MEMBERS.is_some_and(|known| !known.contains(&name.as_str()));
        if let Some(unknown) = members.keys().find(is_unknown) {
            // Shortened: it is the caller's text.
            let name: String = unknown.chars().take(64).collect();
            return Err(ApiError::at_field(ErrorKind::Invalid, "unknownMember", &name, "is not a known member"));
        }
        T::read(&Members(members)).map(Self)
    }
}

impl<S: Sync, T: RequestBody> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        Self::parse(&parts.headers, &bytes(body).await?)
    }
}

impl<S: Sync, T: RequestBody> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, ApiError> {
        let (parts, body) = request.into_parts();
        let body = bytes(body).await?;
        if body.is_empty() { Ok(None) } else { Self::parse(&parts.headers, &body).map(Some) }
    }
}

impl<T: Serialize> IntoResponse for JsonBody<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => ApiError::fault(ErrorKind::Internal, error).into_response(),
        }
    }
}

async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    // It is in memory already, whole, so that only its size can be wrong.
    to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| ApiError::new(ErrorKind::TooLarge, "bodyTooLarge", "The body is larger than 1 MB"))
}

/// `application/json` or anything with its suffix (RFC 6839), whatever the parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Pair {
        count: u8,
        word: Option<String>,
    }

    impl RequestBody for Pair {
        const MEMBERS: Option<&'static [&'static str]> = Some(&["count", "word"]);

        fn read(members: &Members) -> Result<Self, ApiError> {
            Ok(Self {
                count: members.required("count", "must be a small number")?,
                word: members.optional("word", "must be a text")?,
            })
        }
    }

    async fn read(kind: &str, body: impl Into<Body>) -> Result<Pair, (u16, &'static str, String)> {
        let request = Request::post("/").header(CONTENT_TYPE, kind).body(body.into()).unwrap();
        let read = <JsonBody<Pair> as FromRequest<()>>::from_request(request, &()).await;
        read.map(|JsonBody(pair)| pair).map_err(|error| (error.kind.status(), error.code, error.message))
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        for (kind, body, status, code, message) in [
            ("text/plain", "{}", 415, "unsupportedMediaType", "The content type must be application/json"),
            ("", "{}", 415, "unsupportedMediaType", "The content type must be application/json"),
            ("application/json", "", 400, "malformedBody", "The body is not JSON"),
            ("application/json", "{\"count\":1", 400, "malformedBody", "The body is not JSON"),
            ("application/json", "[]", 422, "validationError", "The body must be a JSON object"),
            ("application/json", "{\"count\":1,\"Word\":2}", 422, "unknownMember", "Word is not a known member"),
            ("application/json", "{}", 422, "validationError", "count is required"),
            ("application/json", "{\"count\":null}", 422, "validationError", "count is required"),
            ("application/json", "{\"count\":\"1\"}", 422, "validationError", "count must be a small number"),
            ("application/json", "{\"count\":1,\"word\":1}", 422, "validationError", "word must be a text"),
        ] {
            let error = read(kind, body).await.unwrap_err();
            assert_eq!(error, (status, code, message.to_owned()), "{kind} {body}");
        }
    }

    #[tokio::test]
    async fn what_is_right_is_read() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            let pair = read(kind, " {\"count\":255, \"word\":null} ").await.unwrap();
            assert_eq!((pair.count, pair.word), (255, None));
        }
    }

    #[tokio::test]
    async fn a_megabyte_is_enough() {
        let filled = |bytes: usize| format!("{{\"count\":1,\"word\":\"{}\"}}", "x".repeat(bytes - 21));
        assert_eq!(filled(MAX_BODY_BYTES).len(), MAX_BODY_BYTES);
        assert!(read("application/json", filled(MAX_BODY_BYTES)).await.is_ok());
        let error = read("application/json", filled(MAX_BODY_BYTES + 1)).await.unwrap_err();
        assert_eq!((error.0, error.1), (413, "bodyTooLarge"));
    }

    #[tokio::test]
    async fn an_optional_body_may_be_empty() {
        let request = |body: &'static str| Request::put("/").body(Body::from(body)).unwrap();
        let read = <JsonBody<Pair> as OptionalFromRequest<()>>::from_request(request(""), &()).await;
        assert!(read.unwrap().is_none());
        let read = <JsonBody<Pair> as OptionalFromRequest<()>>::from_request(request("{}"), &()).await;
        assert_eq!(read.unwrap_err().kind.status(), 415);
    }
}
