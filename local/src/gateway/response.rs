//! From a function's answer to HTTP, as payload format 2.0 has it.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;

/// An answer that says its status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Structured {
    status_code: u16,
    headers: Option<BTreeMap<String, Value>>,
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// The HTTP response, or `None` when the answer is not one that API Gateway understands (which it answers with a 500).
pub(super) fn from_answer(answer: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if value.get("statusCode").is_some() {
        return structured(serde_json::from_value(value).ok()?);
    }
    // Without a status the whole answer is the body: text as it is, anything else as JSON.
    let body = match value {
        Value::String(text) => Body::from(text),
        other => Body::from(other.to_string()),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}

fn structured(answer: Structured) -> Option<Response> {
    let body = answer.body.unwrap_or_default();
    let body =
        if answer.is_base64_encoded.unwrap_or(false) { BASE64_STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    let single = answer.headers.unwrap_or_default().into_iter().map(|(name, value)| (name, vec![value]));
    for (name, values) in single.chain(answer.multi_value_headers.unwrap_or_default()) {
        let name: HeaderName = name.parse().ok()?;
        // The length is the gateway's to say: it has decoded the body.
        if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING || name == header::CONNECTION {
            continue;
        }
        for value in values {
            headers.append(&name, written(value)?);
        }
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    if has_body && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    Some(response)
}

fn written(value: Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_str(&text).ok(),
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()).ok(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parts(answer: &str) -> Option<(u16, Vec<(String, String)>, Vec<u8>)> {
        let response = from_answer(answer.as_bytes())?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let status = response.status().as_u16();
        Some((status, headers, axum::body::to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()))
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn a_structured_answer_is_taken_apart() {
        let answer = r#"{"statusCode":201,"headers":{"content-type":"image/png","x-n":7,"content-length":"999"},
            "multiValueHeaders":{"x-m":["1","2"]},"cookies":["a=1","b=2"],"body":"AAE=","isBase64Encoded":true}"#;
        let expected = vec![
            header("content-type", "image/png"),
            header("x-n", "7"),
            header("x-m", "1"),
            header("x-m", "2"),
            header("set-cookie", "a=1"),
            header("set-cookie", "b=2"),
        ];
        assert_eq!(parts(answer).await, Some((201, expected, vec![0, 1])));
        assert_eq!(
            parts(r#"{"statusCode":204,"headers":{},"body":null,"isBase64Encoded":false,"cookies":[]}"#).await,
            Some((204, vec![], vec![]))
        );
        let text = parts(r#"{"statusCode":200,"body":"x"}"#).await;
        assert_eq!(text, Some((200, vec![header("content-type", "text/plain;charset=UTF-8")], b"x".to_vec())));
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_the_body() {
        let json = vec![header("content-type", "application/json")];
        assert_eq!(parts(r#"{"a":1}"#).await, Some((200, json.clone(), br#"{"a":1}"#.to_vec())));
        assert_eq!(parts(r#""hello""#).await, Some((200, json, b"hello".to_vec())));
    }

    #[tokio::test]
    async fn what_is_not_an_answer_is_none() {
        for answer in [
            "",
            "{",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":9}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"headers":{"a":{}}}"#,
            r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"body":{}}"#,
        ] {
            assert_eq!(parts(answer).await, None, "{answer}");
        }
    }
}
