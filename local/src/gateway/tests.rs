use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{ServiceExt as _, service_fn};

use super::*;
use crate::{
    functions::{Function, from_service},
    template::Deployment,
};

const TEMPLATE: &str = "
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Bearer:
            FunctionArn: !GetAtt Auth.Arn
            EnableFunctionDefaultPermissions: true
            AuthorizerPayloadFormatVersion: \"2.0\"
            EnableSimpleResponses: true
            Identity: {Headers: [Authorization], ReauthorizeEvery: 60}
  Auth:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: auth}}
    Properties: {Timeout: 10, MemorySize: 128}
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Timeout: 60
      MemorySize: 128
      Events:
        Open: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: /open}}
        Closed: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: '/closed/{id}', Auth: {Authorizer: Bearer}}}
";

/// A gateway whose authorizer answers by the credential and counts its calls, and whose function does what the body or path says.
fn gateway() -> (Router, Arc<AtomicUsize>) {
    let (gateway, asked, _) = full_gateway();
    (gateway.router(), asked)
}

/// [`gateway`] before it is a service, with the gate that holds back the body `gate`: it tells that it is reached, then waits.
fn full_gateway() -> (Gateway, Arc<AtomicUsize>, Arc<tokio::sync::Barrier>) {
    let gate = Arc::new(tokio::sync::Barrier::new(2));
    let held = Arc::clone(&gate);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let auth = from_service(service_fn(move |event: LambdaEvent<Value>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            match event.payload["identitySource"][0].as_str().unwrap() {
                "good" => Ok(json!({"isAuthorized": true, "context": {"org": "o"}})),
                "no" => Ok(json!({"isAuthorized": false})),
                "odd" => Ok(json!({"policyDocument": {}})),
                "bad" => Err::<_, lambda_runtime::Error>("Unauthorized".into()),
                _ => Err("broken".into()),
            }
        }
    }));
    let function = from_service(service_fn(move |event: LambdaEvent<Value>| {
        let (event, held) = (event.payload, Arc::clone(&held));
        async move {
            match event["body"].as_str().unwrap_or_default() {
                "fail" => Err::<_, lambda_runtime::Error>("no".into()),
                "sleep" => {
                    tokio::time::sleep(Duration::from_secs(45)).await;
                    Ok(json!({}))
                }
                "gate" => {
                    held.wait().await;
                    held.wait().await;
                    Ok(json!({}))
                }
                "odd" => Ok(json!({"statusCode": "odd"})),
                _ => Ok(json!({"route": event["routeKey"], "authorizer": event["requestContext"]["authorizer"]})),
            }
        }
    }));
    let template = Template::parse(TEMPLATE, &Deployment::default()).unwrap();
    let crates: BTreeMap<String, Arc<dyn Function>> = [("auth".to_owned(), auth), ("f".to_owned(), function)].into();
    let registry = Arc::new(Registry::new(&template, &crates).unwrap());
    (Gateway::new(&template, registry), asked, gate)
}

async fn send(
    router: &Router,
    method: Method,
    path: &str,
    credential: Option<&str>,
    body: impl Into<Body>,
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "text/plain");
    if let Some(credential) = credential {
        request = request.header("Authorization", credential);
    }
    let mut request = request.body(body.into()).unwrap();
    request.extensions_mut().insert(ConnectInfo("127.0.0.1:1".parse::<SocketAddr>().unwrap()));
    let response = router.clone().oneshot(request).await.unwrap();
    assert!(response.headers().contains_key("apigw-requestid"));
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn message(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "message": message }))
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let (router, asked) = gateway();
    assert_eq!(send(&router, Method::GET, "/nothing", None, "").await, message(404, "Not Found"));
    assert_eq!(send(&router, Method::DELETE, "/closed/7", Some("good"), "").await, message(404, "Not Found"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_authorizer_decides() {
    let (router, _) = gateway();
    for (credential, expected) in [
        (None, message(401, "Unauthorized")),
        (Some(""), message(401, "Unauthorized")),
        (Some("bad"), message(401, "Unauthorized")),
        (Some("no"), message(403, "Forbidden")),
        (Some("odd"), message(500, "Internal Server Error")),
        (Some("broken"), message(500, "Internal Server Error")),
        (Some("good"), (200, json!({"route": "GET /closed/{id}", "authorizer": {"lambda": {"org": "o"}}}))),
    ] {
        assert_eq!(send(&router, Method::GET, "/closed/7", credential, "").await, expected, "{credential:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_kept_by_credential_for_their_time_and_failures_are_not() {
    let (router, asked) = gateway();
    for credential in ["good", "good", "no", "no"] {
        send(&router, Method::GET, "/closed/7", Some(credential), "").await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    tokio::time::advance(Duration::from_secs(61)).await;
    send(&router, Method::GET, "/closed/7", Some("good"), "").await;
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    for _ in 0..2 {
        send(&router, Method::GET, "/closed/7", Some("bad"), "").await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn what_the_function_cannot_answer_the_gateway_does() {
    let (router, _) = gateway();
    assert_eq!(
        send(&router, Method::POST, "/open", None, "").await,
        (200, json!({"route": "POST /open", "authorizer": null}))
    );
    assert_eq!(send(&router, Method::POST, "/open", None, "fail").await, message(500, "Internal Server Error"));
    assert_eq!(send(&router, Method::POST, "/open", None, "odd").await, message(500, "Internal Server Error"));
    assert_eq!(send(&router, Method::POST, "/open", None, "sleep").await, message(503, "Service Unavailable"));
    assert_eq!(
        send(&router, Method::POST, "/open", None, vec![b'x'; MAX_BODY_BYTES + 1]).await,
        message(413, "Request Entity Too Large")
    );
    assert_eq!(
        send(&router, Method::POST, "/open", None, vec![b'x'; MAX_BODY_BYTES]).await,
        message(413, "Request Entity Too Large")
    );
}

#[tokio::test]
async fn a_stop_lets_a_running_request_end() {
    let (gateway, _, gate) = full_gateway();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { gateway.serve(listener, stop).await }
    });
    let request =
        b"POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ngate";
    client.write_all(request).await.unwrap();
    gate.wait().await;
    stop.cancel();
    gate.wait().await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n{}"), "{answer}");
    serving.await.unwrap().unwrap();
}
