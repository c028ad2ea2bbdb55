//! From an HTTP request to the events of payload format 2.0.
//!
//! Source: "Working with AWS Lambda proxy integrations for HTTP APIs" and "Control access to HTTP APIs with AWS Lambda authorizers".

use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::{HeaderMap, HeaderName, header, request::Parts};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::routes::Matched;
use crate::{
    clock,
    template::{ACCOUNT, REGION},
};

/// The id of the local API.
const API: &str = "local";

/// A request id in the form of API Gateway's.
pub(super) fn request_id() -> String {
    BASE64_STANDARD.encode(&Uuid::new_v4().as_bytes()[..11])
}

/// A request with what both its events say of it.
pub(super) struct Incoming<'a> {
    /// The members that the authorizer's and the function's event share.
    shared: Map<String, Value>,
    route_arn: String,
    headers: &'a HeaderMap,
    body: Option<(String, bool)>,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(peer: SocketAddr, request_id: &str, parts: &'a Parts, body: &Bytes, route: &Matched) -> Self {
        Self::at(clock::now(), peer, request_id, parts, body, route)
    }

    /// [`Incoming::new`] at a given time.
    pub(super) fn at(
        now: Timestamp,
        peer: SocketAddr,
        request_id: &str,
        parts: &'a Parts,
        body: &Bytes,
        route: &Matched,
    ) -> Self {
        let path = parts.uri.path();
        let query = parts.uri.query().unwrap_or_default();
        let headers = &parts.headers;
        let host = text(headers, header::HOST).unwrap_or("localhost");
        let domain = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let request_context = json!({
            "accountId": ACCOUNT,
            "apiId": API,
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": text(headers, header::USER_AGENT).unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route.route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        });
        let mut shared = Map::new();
        shared.insert("version".into(), "2.0".into());
        shared.insert("routeKey".into(), route.route_key.clone().into());
        shared.insert("rawPath".into(), path.into());
        shared.insert("rawQueryString".into(), query.into());
        let cookies: Vec<&str> =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
        if !cookies.is_empty() {
            let cookies: Vec<&str> = cookies.iter().flat_map(|line| line.split(';')).map(str::trim).collect();
            shared.insert("cookies".into(), cookies.into());
        }
        shared.insert("headers".into(), json!(forwarded_headers(headers, peer, host, body.len())));
        if !query.is_empty() {
            shared.insert("queryStringParameters".into(), json!(joined(form_urlencoded::parse(query.as_bytes()))));
        }
        if !route.parameters.is_empty() {
            shared.insert("pathParameters".into(), json!(route.parameters));
        }
        shared.insert("requestContext".into(), request_context);
        Self {
            shared,
            route_arn: format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/$default/{}{path}", parts.method),
            headers,
            body: (!body.is_empty()).then(|| encoded(headers, body)),
        }
    }

    /// The credential in that header, if there is one.
    pub(super) fn identity(&self, header: &str) -> Option<&str> {
        self.headers.get(header)?.to_str().ok().filter(|value| !value.is_empty())
    }

    /// What the authorizer is asked.
    pub(super) fn authorizer_event(&self, identity: &str) -> Value {
        let mut event = self.shared.clone();
        event.insert("type".into(), "REQUEST".into());
        event.insert("routeArn".into(), self.route_arn.clone().into());
        event.insert("identitySource".into(), json!([identity]));
        Value::Object(event)
    }

    /// What the function receives.
    pub(super) fn integration_event(self, authorizer_context: Option<Value>) -> Value {
        let mut event = self.shared;
        if let (Some(context), Some(Value::Object(request_context))) =
            (authorizer_context, event.get_mut("requestContext"))
        {
            request_context.insert("authorizer".into(), json!({ "lambda": context }));
        }
        let base64 = self.body.as_ref().is_some_and(|(_, base64)| *base64);
        if let Some((body, _)) = self.body {
            event.insert("body".into(), body.into());
        }
        event.insert("isBase64Encoded".into(), base64.into());
        Value::Object(event)
    }
}

/// The headers as a function sees them: repeated ones joined, cookies apart, and what the gateway adds itself.
fn forwarded_headers(headers: &HeaderMap, peer: SocketAddr, host: &str, length: usize) -> BTreeMap<String, String> {
    let sent = headers.iter().filter(|(name, _)| passes(name));
    let mut forwarded = joined(sent.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))));
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    let chain = match text(headers, HeaderName::from_static("x-forwarded-for")) {
        Some(earlier) => format!("{earlier}, {}", peer.ip()),
        None => peer.ip().to_string(),
    };
    for (name, value) in
        [("x-forwarded-for", chain), ("x-forwarded-port", port.to_owned()), ("x-forwarded-proto", "http".to_owned())]
    {
        forwarded.insert(name.to_owned(), value);
    }
    forwarded.insert("content-length".to_owned(), length.to_string());
    forwarded.entry("x-amzn-trace-id".to_owned()).or_insert_with(|| {
        let id = Uuid::new_v4().simple().to_string();
        format!("Root=1-{}-{}", &id[..8], &id[8..])
    });
    forwarded
}

/// Whether a client's header reaches the function: not those of its connection, and none in the name of AWS but the trace.
fn passes(name: &HeaderName) -> bool {
    let hop =
        [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE, header::COOKIE];
    let name_of_aws = name.as_str().starts_with("x-amzn-") && name.as_str() != "x-amzn-trace-id";
    !hop.contains(name) && !name_of_aws && name.as_str() != "keep-alive"
}

/// Pairs as a map; the values of a repeated name are joined by commas, in their order.
fn joined<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> BTreeMap<String, String> {
    let mut map = BTreeMap::<String, String>::new();
    for (name, value) in pairs {
        map.entry(name.as_ref().to_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(value.as_ref());
            })
            .or_insert_with(|| value.as_ref().to_owned());
    }
    map
}

/// The body as text, or in base64 when its type is not text or its content is encoded.
fn encoded(headers: &HeaderMap, body: &Bytes) -> (String, bool) {
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = essence.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&essence.as_str())
        || essence.ends_with("+json")
        || essence.ends_with("+xml");
    match std::str::from_utf8(body) {
        Ok(text) if is_text && !headers.contains_key(header::CONTENT_ENCODING) => (text.to_owned(), false),
        _ => (BASE64_STANDARD.encode(body), true),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(request: axum::http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    fn matched() -> Matched {
        Matched {
            route_key: "POST /things/{id}".into(),
            authorizer: None,
            function: "F".into(),
            parameters: [("id".to_owned(), "a b".to_owned())].into(),
        }
    }

    fn incoming<'a>(parts: &'a Parts, body: &'static [u8]) -> Incoming<'a> {
        let now = "2024-03-12T19:03:58.390Z".parse().unwrap();
        Incoming::at(now, "192.0.2.1:5000".parse().unwrap(), "id=", parts, &Bytes::from_static(body), &matched())
    }

    #[test]
    fn a_request_becomes_the_event_of_payload_2() {
        let request = Request::post("/things/a%20b?x=1&x=2&y=%C3%A5+z&empty")
            .header("Host", "api.example:3000")
            .header("User-Agent", "agent")
            .header("Cookie", "one=1; two=2")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .header("Connection", "keep-alive")
            .header("X-Forwarded-For", "198.51.100.7")
            .header("X-Forwarded-Proto", "gopher")
            .header("X-Amzn-Request-Context", "forged")
            .header("X-Amzn-Trace-Id", "Root=1-0-0")
            .header("Content-Type", "application/json; charset=utf-8");
        let parts = parts(request);
        let event = incoming(&parts, b"{\"a\":1}").integration_event(Some(json!({ "org": "o" })));
        let expected = json!({
            "version": "2.0",
            "routeKey": "POST /things/{id}",
            "rawPath": "/things/a%20b",
            "rawQueryString": "x=1&x=2&y=%C3%A5+z&empty",
            "cookies": ["one=1", "two=2"],
            "headers": {
                "host": "api.example:3000",
                "user-agent": "agent",
                "x-twice": "1,2",
                "content-type": "application/json; charset=utf-8",
                "content-length": "7",
                "x-amzn-trace-id": "Root=1-0-0",
                "x-forwarded-for": "198.51.100.7, 192.0.2.1",
                "x-forwarded-port": "3000",
                "x-forwarded-proto": "http"
            },
            "queryStringParameters": {"x": "1,2", "y": "å z", "empty": ""},
            "pathParameters": {"id": "a b"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "authorizer": {"lambda": {"org": "o"}},
                "domainName": "api.example",
                "domainPrefix": "api",
                "http": {
                    "method": "POST",
                    "path": "/things/a%20b",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "agent"
                },
                "requestId": "id=",
                "routeKey": "POST /things/{id}",
                "stage": "$default",
                "time": "12/Mar/2024:19:03:58 +0000",
                "timeEpoch": 1_710_270_238_390_i64
            },
            "body": "{\"a\":1}",
            "isBase64Encoded": false
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn the_authorizer_is_asked_without_the_body() {
        let parts = parts(Request::post("/things/7").header("Host", "h").header("Authorization", "Bearer t"));
        let incoming = incoming(&parts, b"{}");
        assert_eq!((incoming.identity("authorization"), incoming.identity("x-api-key")), (Some("Bearer t"), None));
        let event = incoming.authorizer_event("Bearer t");
        assert_eq!(event["type"], "REQUEST");
        assert_eq!(event["routeArn"], "arn:aws:execute-api:eu-north-1:000000000000:local/$default/POST/things/7");
        assert_eq!(event["identitySource"], json!(["Bearer t"]));
        assert_eq!(event["headers"]["authorization"], "Bearer t");
        assert_eq!(
            (event.get("body"), event.get("isBase64Encoded"), event.get("queryStringParameters")),
            (None, None, None)
        );
    }

    #[test]
    fn a_body_that_is_not_text_is_base64() {
        for (kind, encoding, body, base64) in [
            ("application/json", None, b"{}".as_slice(), false),
            ("application/problem+json", None, b"{}", false),
            ("text/plain", None, b"\xff", true),
            ("application/json", Some("gzip"), b"{}", true),
            ("application/x-www-form-urlencoded", None, b"a=b", true),
            ("application/octet-stream", None, b"ab", true),
        ] {
            let mut request = Request::post("/").header("Content-Type", kind);
            if let Some(encoding) = encoding {
                request = request.header("Content-Encoding", encoding);
            }
            let parts = parts(request);
            let event = incoming(&parts, body).integration_event(None);
            let expected =
                if base64 { BASE64_STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() };
            assert_eq!((&event["isBase64Encoded"], &event["body"]), (&json!(base64), &json!(expected)), "{kind}");
        }
    }
}
