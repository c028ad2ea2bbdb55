use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, Router, extract::Path, routing::get};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;
use crate::template::{Deployment, Template};

/// A registry with one function `F` (timeout 3 s).
fn registry(function: Arc<dyn Function>) -> Registry {
    let text = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {BuildProperties: {Binary: f}}\n    \
                Properties: {Timeout: 3, MemorySize: 128}\n";
    let template = Template::parse(text, &Deployment::default()).unwrap();
    Registry::new(&template, &BTreeMap::from([("f".to_owned(), function)])).unwrap()
}

fn echo() -> Arc<dyn Function> {
    from_service(service_fn(async |event: LambdaEvent<Value>| Ok::<_, lambda_runtime::Error>(event.payload)))
}

#[tokio::test]
async fn a_service_is_given_its_event_and_context() {
    let function = from_service(service_fn(async |event: LambdaEvent<Value>| {
        let context = event.context;
        Ok::<_, lambda_runtime::Error>(json!({
            "payload": event.payload, "arn": context.invoked_function_arn, "name": context.env_config.function_name,
            "memory": context.env_config.memory, "id": context.request_id.len(), "ahead": context.deadline > 1_700_000_000_000,
        }))
    }));
    let answer = registry(function).invoke("F", Bytes::from_static(b"{\"a\":1}")).await.unwrap().unwrap();
    let expected = json!({
        "payload": {"a": 1}, "arn": "arn:aws:lambda:eu-north-1:000000000000:function:F", "name": "F", "memory": 128, "id": 36, "ahead": true,
    });
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), expected);
}

#[tokio::test]
async fn an_empty_event_is_an_empty_object() {
    assert_eq!(registry(echo()).invoke("F", Bytes::new()).await.unwrap().unwrap(), "{}");
}

#[tokio::test]
async fn a_router_answers_through_lambda_http() {
    let router = Router::new().route("/things/{id}", get(async |Path(id): Path<String>| Json(json!({ "id": id }))));
    let event = json!({
        "version": "2.0", "routeKey": "GET /things/{id}", "rawPath": "/things/7", "rawQueryString": "", "headers": {"host": "localhost"},
        "requestContext": {"accountId": "0", "apiId": "local", "http": {"method": "GET", "path": "/things/7", "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1", "userAgent": "t"}, "requestId": "r", "stage": "$default", "time": "", "timeEpoch": 0},
        "isBase64Encoded": false,
    });
    let answer = registry(http(router)).invoke("F", Bytes::from(event.to_string())).await.unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("{\"id\":\"7\"}")));
}

#[tokio::test]
async fn what_is_refused_never_runs() {
    let registry = registry(echo());
    let refused = registry.invoke("G", Bytes::new()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Function not found: arn:aws:lambda:eu-north-1:000000000000:function:G");
    let refused = registry.invoke("F", Bytes::from_static(b"{no")).await.unwrap_err();
    assert!(matches!(refused, InvokeError::NotJson(_)));
    assert!(matches!(
        registry.check("F", &vec![b'1'; MAX_ASYNC_EVENT_BYTES + 1], MAX_ASYNC_EVENT_BYTES),
        Err(InvokeError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn events_and_answers_have_their_limits() {
    let registry = registry(echo());
    let text = |length: usize| Bytes::from(format!("\"{}\"", "x".repeat(length - 2)));
    assert_eq!(registry.invoke("F", text(MAX_REQUEST_BYTES)).await.unwrap().unwrap().len(), MAX_REQUEST_BYTES);
    let refused = registry.invoke("F", text(MAX_REQUEST_BYTES + 1)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    );

    let large = from_service(service_fn(async |event: LambdaEvent<usize>| {
        Ok::<_, lambda_runtime::Error>("x".repeat(event.payload - 2))
    }));
    let registry = self::registry(large);
    assert!(registry.invoke("F", MAX_RESPONSE_BYTES.to_string().into()).await.unwrap().is_ok());
    let error = registry.invoke("F", (MAX_RESPONSE_BYTES + 1).to_string().into()).await.unwrap().unwrap_err();
    assert_eq!(error.error_type, "Function.ResponseSizeTooLarge");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_takes_too_long_is_ended() {
    let function = from_service(service_fn(async |_: LambdaEvent<Value>| {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok::<_, lambda_runtime::Error>(())
    }));
    let error = registry(function).invoke("F", Bytes::new()).await.unwrap().unwrap_err();
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(error.error_message.ends_with("Task timed out after 3.00 seconds"), "{error}");
}

#[tokio::test]
async fn errors_and_panics_are_function_errors() {
    let function = from_service(service_fn(async |event: LambdaEvent<bool>| -> Result<(), lambda_runtime::Error> {
        assert!(!event.payload, "on purpose");
        Err("Unauthorized".into())
    }));
    let registry = registry(function);
    let error = registry.invoke("F", Bytes::from_static(b"false")).await.unwrap().unwrap_err();
    assert_eq!(error.error_message, "Unauthorized");
    let error = registry.invoke("F", Bytes::from_static(b"true")).await.unwrap().unwrap_err();
    assert_eq!(error.error_message, "Lambda panicked: on purpose");
    let error = registry.invoke("F", Bytes::from_static(b"7")).await.unwrap().unwrap_err();
    assert!(error.error_message.starts_with("failed to deserialize"), "{error}");
}
