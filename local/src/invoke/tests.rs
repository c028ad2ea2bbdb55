use std::sync::atomic::{AtomicUsize, Ordering};
use std::{collections::BTreeMap, time::Duration};

use aws_sdk_lambda::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::Blob,
    types::InvocationType,
};
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::time::Instant;
use tower::service_fn;

use super::*;
use crate::{
    functions::{Function, from_service},
    template::{Deployment, Template},
};

const TEMPLATE: &str = "
Resources:
  Dead: {Type: AWS::SQS::Queue}
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Timeout: 900
      MemorySize: 128
      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}}
";

struct Fixture {
    server: InvokeServer,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
}

/// A function that echoes an object and fails on `"fail"`, and counts its calls.
fn fixture(path: Option<&std::path::Path>) -> Fixture {
    let template = Template::parse(TEMPLATE, &Deployment::default()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let function: Arc<dyn Function> = from_service(service_fn(move |event: LambdaEvent<Value>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            match event.payload {
                Value::String(_) => Err::<_, lambda_runtime::Error>("no".into()),
                other => Ok(other),
            }
        }
    }));
    let registry = Arc::new(Registry::new(&template, &BTreeMap::from([("f".to_owned(), function)])).unwrap());
    let mut specs = template.queues.clone();
    specs.push(async_queue_spec());
    let queues = Arc::new(Queues::open(&specs, path).unwrap());
    let stop = CancellationToken::new();
    let asynchronous = AsyncInvoker::new(&template, Arc::clone(&registry), Arc::clone(&queues), stop.clone());
    let signing_key = SigningKey::open(None).unwrap();
    let server =
        InvokeServer::new(registry, asynchronous, queues, serde_json::json!({"keys": []}), signing_key, Iam::default());
    Fixture { server, calls, stop }
}

async fn client(fixture: &Fixture) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (server, stop) = (fixture.server.clone(), fixture.stop.clone());
    tokio::spawn(async move { server.serve(listener, stop).await });
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-north-1"))
        .credentials_provider(Credentials::new("sporlog", "sporlog-local", None, None, "local"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

fn payload(text: &str) -> Blob {
    Blob::new(text.as_bytes())
}

#[tokio::test]
async fn the_sdk_invokes_by_name_and_by_arn() {
    let fixture = fixture(None);
    let client = client(&fixture).await;
    for name in ["F", "F:$LATEST", "arn:aws:lambda:eu-north-1:000000000000:function:F", "000000000000:function:F"] {
        let answer = client.invoke().function_name(name).payload(payload("{\"a\":1}")).send().await.unwrap();
        assert_eq!((answer.status_code(), answer.function_error()), (200, None), "{name}");
        assert_eq!(answer.payload().unwrap().as_ref(), b"{\"a\":1}");
    }
    let dry = client.invoke().function_name("F").invocation_type(InvocationType::DryRun).send().await.unwrap();
    assert_eq!((dry.status_code(), fixture.calls.load(Ordering::Relaxed)), (204, 4));
}

#[tokio::test]
async fn the_sdk_understands_failures_and_refusals() {
    let fixture = fixture(None);
    let client = client(&fixture).await;
    let answer = client.invoke().function_name("F").payload(payload("\"fail\"")).send().await.unwrap();
    assert_eq!(answer.function_error(), Some("Unhandled"));
    let body: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!((&body["errorMessage"], body["errorType"].is_string()), (&"no".into(), true));

    let error = client.invoke().function_name("G").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception());
    let error =
        client.invoke().function_name("F").payload(payload("{no")).send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_request_content_exception());
    let large = format!("\"{}\"", "x".repeat(MAX_ASYNC_EVENT_BYTES));
    let event = client.invoke().function_name("F").invocation_type(InvocationType::Event).payload(payload(&large));
    assert!(event.send().await.unwrap_err().into_service_error().is_request_too_large_exception());
    let large = format!("\"{}\"", "x".repeat(MAX_REQUEST_BYTES));
    let error =
        client.invoke().function_name("F").payload(payload(&large)).send().await.unwrap_err().into_service_error();
    assert!(error.is_request_too_large_exception());
}

#[tokio::test]
async fn an_event_is_accepted_and_waited_for() {
    let fixture = fixture(None);
    let client = client(&fixture).await;
    let event = client.invoke().function_name("F").invocation_type(InvocationType::Event).payload(payload("{}"));
    assert_eq!(event.send().await.unwrap().status_code(), 202);
    fixture.server.asynchronous.drained().await;
    assert_eq!(fixture.calls.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.server.queues.count(ASYNC_QUEUE).unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failing_event_is_tried_three_times_and_then_set_aside() {
    let fixture = fixture(None);
    let started = Instant::now();
    fixture.server.asynchronous.submit("F", Bytes::from_static(b"\"fail\"")).unwrap().await.unwrap();
    assert_eq!((fixture.calls.load(Ordering::Relaxed), started.elapsed().as_secs()), (3, 3));
    let dead = fixture.server.queues.receive("Dead", 10, None).unwrap();
    let record: Value = serde_json::from_str(&dead[0].body).unwrap();
    assert_eq!((&record["requestPayload"], &record["responsePayload"]["errorMessage"]), (&"fail".into(), &"no".into()));
    assert_eq!((&record["requestContext"]["approximateInvokeCount"], dead.len()), (&3.into(), 1));
    assert_eq!(fixture.server.queues.count(ASYNC_QUEUE).unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_back_off_and_loses_nothing() {
    let fixture = fixture(None);
    fixture.stop.cancel();
    let started = Instant::now();
    let running = fixture.server.asynchronous.submit("F", Bytes::from_static(b"\"fail\"")).unwrap();
    fixture.server.asynchronous.drained().await;
    running.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(fixture.server.queues.count("Dead").unwrap(), (1, 0));
}

#[tokio::test]
async fn what_a_killed_process_accepted_is_taken_up_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.sqlite");
    let killed = fixture(Some(&path));
    // Accepted, and the process ends before its task has run once.
    killed.server.asynchronous.submit("F", Bytes::from_static(b"{}")).unwrap().abort();
    assert_eq!(killed.calls.load(Ordering::Relaxed), 0);
    drop(killed);

    let next = fixture(Some(&path));
    assert_eq!(next.server.asynchronous.resume().unwrap(), 1);
    next.server.asynchronous.drained().await;
    assert_eq!(next.calls.load(Ordering::Relaxed), 1);
    assert_eq!(next.server.queues.count(ASYNC_QUEUE).unwrap(), (0, 0));
}

#[tokio::test]
async fn the_issuers_keys_are_served_where_authorizers_are_told_to_look() {
    use tower::ServiceExt as _;

    let fixture = fixture(None);
    let request = axum::http::Request::get("/.well-known/jwks.json").body(axum::body::Body::empty()).unwrap();
    let answer = fixture.server.router().oneshot(request).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert_eq!(axum::body::to_bytes(answer.into_body(), 1024).await.unwrap(), "{\"keys\":[]}");
}
