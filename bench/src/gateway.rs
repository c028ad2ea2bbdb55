//! Events as API Gateway sends them (HTTP API, payload version 2.0).

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::Failure;

/// Who calls: what the authorizer found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) org: &'static str,
    pub(crate) role: Option<&'static str>,
    pub(crate) scopes: &'static [&'static str],
}

/// A request to a route.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    /// With its query.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::without_body("GET", path)
    }

    pub(crate) fn with_body(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body) }
    }

    pub(crate) fn without_body(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None }
    }

    /// The event that the function receives.
    pub(crate) fn event(&self, caller: Caller) -> Bytes {
        let Self { method, path, body } = self;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let parameters: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
        let roles: Vec<&str> = caller.role.into_iter().collect();
        let principal =
            json!({"subject": "usr-0099", "org": caller.org, "roles": roles, "scopes": caller.scopes}).to_string();
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"host": "api.example", "accept": "*/*", "x-okapi-tenant": caller.org, "content-type": "application/json"},
            "requestContext": {
                "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "api.example", "domainPrefix": "api",
                "authorizer": {"lambda": {"principal": principal}},
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench"},
                "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
                "time": "20/Nov/2026:09:00:00 +0000", "timeEpoch": 1_795_165_200_000_u64,
            },
            "isBase64Encoded": false,
        });
        if !parameters.is_empty() {
            event["queryStringParameters"] = parameters.into();
        }
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        event.to_string().into()
    }
}

/// The body of an answer with a status of success; null when it has none.
pub(crate) fn body(answer: &[u8]) -> Result<Value, Failure> {
    let answer: Value = serde_json::from_slice(answer)?;
    if !answer["statusCode"].as_u64().is_some_and(|status| (200..300).contains(&status)) {
        return Err(format!("refused: {answer}").into());
    }
    match answer["body"].as_str() {
        None | Some("") => Ok(Value::Null),
        Some(text) => Ok(serde_json::from_str(text)?),
    }
}
