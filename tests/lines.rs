//! What the log says of each request and each invocation: exactly these members, and nothing of what was sent.

use authorizer::{Authorizer, AuthorizerRequest};
use lambda_runtime::Context;
use lambda_runtime::layers::trace::request_span;
use serde_json::{Value, json};
use sporlog_local::s3::DEFAULT_REGION;
use sporlog_model::{ApiKeySecret, Clock, EntityType};
use uuid::Uuid;

use crate::harness::{Caller, Captured, Fault, Faults, FolioEvent, NOBODY, System};

/// The only line that says this, without what differs from run to run; `varying` members must be there and are left out.
#[track_caller]
fn only(captured: &Captured, message: &str, varying: &[&str]) -> Value {
    let mut lines = captured.lines(message);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let mut line = lines.remove(0);
    let members = line.as_object_mut().unwrap();
    for name in varying {
        let value = members.remove(*name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(!value.is_null(), "{name}");
    }
    let span = members.remove("span").unwrap_or_else(|| panic!("no span of the invocation"));
    assert_eq!(span["name"], "Lambda runtime invoke");
    assert!(Uuid::parse_str(span["requestId"].as_str().unwrap()).is_ok());
    line
}

#[tokio::test]
async fn a_request_is_one_line_with_its_operation() {
    let system = System::start().await;
    let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string());
    system.ingest(vec![event.in_batch("diku")]).await;
    let token = system.token(&Caller::auditor("diku"));
    let headers = [("x-okapi-tenant", "diku"), ("x-okapi-token", token.as_str())];
    let path = format!("/audit-data/acquisition/order/{}", event.entity_id);

    let captured = Captured::start();
    assert_eq!(system.request_with("GET", &path, &headers).await.status, 200);
    let line = only(&captured, "request", &["duration_ms", "request_id"]);
    let expected = json!({
        "level": "INFO", "target": "sporlog_http::group", "message": "request", "operation": "orderEvents", "method": "GET",
        "route": "/audit-data/acquisition/order/{id}", "org": "diku", "status": 200, "code": "-", "rows": 1,
    });
    assert_eq!(line, expected);

    // An error has no rows, and says which.
    let captured = Captured::start();
    assert_eq!(system.request_with("GET", &format!("{path}?limit=-1"), &headers).await.status, 422);
    let mut expected = expected;
    expected.as_object_mut().unwrap().remove("rows");
    (expected["status"], expected["code"]) = (json!(422), json!("validationError"));
    assert_eq!(only(&captured, "request", &["duration_ms", "request_id"]), expected);

    let captured = Captured::start();
    system.request_with("GET", &path, &headers).await;
    system.request_with("GET", &format!("{path}?limit=-1"), &headers).await;
    let text = captured.text();
    assert_eq!(text.lines().count(), 2, "the credential was accepted before: {text}");
    for secret in [token.as_str(), event.entity_id.as_str(), event.id.as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }
    system.stop().await;
}

#[tokio::test]
async fn a_fault_of_ours_tells_its_cause() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let environment = system.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())]);
    let router = kyc_audit_log::router(&environment, Clock::system()).unwrap();
    let function = sporlog_local::functions::http(router);
    let principal = json!({"subject": "tester", "org": "diku", "roles": [], "scopes": ["kyc:read"]});
    let event = json!({
        "version": "2.0", "routeKey": "GET /api/v1/kyc/cases/{id}/audit-log", "rawPath": "/api/v1/kyc/cases/7/audit-log",
        "rawQueryString": "", "headers": {"host": "localhost"},
        "requestContext": {
            "accountId": "0", "apiId": "a", "authorizer": {"lambda": {"principal": principal.to_string()}},
            "http": {"method": "GET", "path": "/api/v1/kyc/cases/7/audit-log", "protocol": "HTTP/1.1",
                     "sourceIp": "127.0.0.1", "userAgent": "test"},
            "requestId": "from-api-gateway", "stage": "$default", "time": "x", "timeEpoch": 0,
        },
        "isBase64Encoded": false,
    });
    faults.on("GetItem", [Fault::InternalError; 8]);
    faults.on("Query", [Fault::InternalError; 8]);
    let captured = Captured::start();
    let answer = function.invoke(event.to_string().into(), Context::default()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap()["statusCode"], 503);
    let mut line = captured.lines("request failed").remove(0);
    let members = line.as_object_mut().unwrap();
    assert!(members.remove("duration_ms").unwrap().is_u64());
    assert!(members.remove("cause").unwrap().as_str().unwrap().contains("InternalServerError"));
    let expected = json!({
        "level": "ERROR", "target": "sporlog_http::group", "message": "request failed", "operation": "readCaseAuditLog",
        "method": "GET", "route": "/api/v1/kyc/cases/{id}/audit-log", "org": "diku", "request_id": "from-api-gateway",
        "status": 503, "code": "unavailable",
    });
    assert_eq!(line, expected);
    system.stop().await;
}

#[tokio::test]
async fn every_line_of_an_invocation_has_lambdas_id_and_the_traces() {
    let captured = Captured::start();
    let mut context = Context::default();
    context.request_id = "from-lambda".to_owned();
    context.xray_trace_id = Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1".to_owned());
    request_span(&context).in_scope(|| tracing::warn!(target: "sporlog_store::api_key", "anything"));
    let span = captured.lines("anything").remove(0)["span"].clone();
    let expected = json!({
        "name": "Lambda runtime invoke", "requestId": "from-lambda",
        "xrayTraceId": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
    });
    assert_eq!(span, expected);
}

#[tokio::test]
async fn a_batch_a_tick_a_run_and_a_sweep_are_one_line_each() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string());
    let broken = json!({"orgId": "diku", "type": "order", "payload": {"id": "bodymark"}});

    let captured = Captured::start();
    system.ingest(vec![event.in_batch("diku"), event.in_batch("diku"), broken]).await;
    let text = captured.text();
    assert!(!text.contains("bodymark") && !text.contains(&event.id), "{text}");
    system.ingest(vec![event.in_batch("diku")]).await;
    let expected = json!({
        "level": "INFO", "target": "ingest", "message": "ingested", "source": "batch", "stored": 0, "duplicates": 1,
        "skipped": 0, "rejected": 0, "failed": 0,
    });
    assert_eq!(only(&captured, "ingested", &["duration_ms"]), expected);

    system.invoke("ExportDispatchFunction", &json!({})).await;
    let expected = json!({
        "level": "INFO", "target": "export_dispatch", "message": "exports dispatched", "started": 1, "failed": 0,
        "oldest_org": "diku",
    });
    assert_eq!(only(&captured, "exports dispatched", &["duration_ms", "age_seconds"]), expected);
    system.finish_runs().await;
    captured.text();

    system.export("diku").await;
    let expected = json!({
        "level": "INFO", "target": "export_run", "message": "export run", "org": "diku", "outcome": "empty", "events": 0,
        "code": "-",
    });
    let line = captured.text();
    for secret in ["arn:aws", "role-of", &bucket] {
        assert!(!line.contains(secret), "{secret}: {line}");
    }
    system.export("diku").await;
    assert_eq!(only(&captured, "export run", &["duration_ms", "run_id"]), expected);

    system.invoke("RetentionFunction", &json!({})).await;
    let expected = json!({
        "level": "INFO", "target": "retention", "message": "retention", "finished": 0, "unfinished": 0, "skipped": 0,
        "deleted_events": 0, "failed": 0,
    });
    assert_eq!(only(&captured, "retention", &["duration_ms"]), expected);
    system.stop().await;
}

#[tokio::test]
async fn ingest_measures_what_it_stores_sets_aside_and_leaves() {
    let system = System::start().await;
    let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string());
    let broken = json!({"orgId": "diku", "type": "order", "payload": {}});
    let batch = json!({"events": [event.in_batch("diku"), broken, broken]});
    let captured = Captured::start();
    system.invoke("IngestFunction", &batch).await;
    assert_eq!(captured.metric("EventsStored"), [1]);
    system.invoke("IngestFunction", &batch).await;
    assert_eq!(captured.metric("RecordsRejected"), [2]);

    let away =
        [("AWS_ENDPOINT_URL_DYNAMODB", NOBODY), ("DEAD_LETTER_QUEUE_URL", NOBODY), ("AWS_REGION", DEFAULT_REGION)];
    let without = ingest::Ingest::from_environment(&system.environment(&away), Clock::system()).unwrap();
    let batch = json!({"events": [event.in_batch("diku")]});
    let outcome = without.handle(serde_json::from_value(batch).unwrap()).await;
    assert_eq!(outcome.unwrap_err().error_type, "NotStored");
    assert_eq!(captured.metric("RecordsFailed"), [1]);
    system.stop().await;
}

#[tokio::test]
async fn a_credential_is_one_line_and_only_what_could_not_be_found_out_is_a_fault() {
    let system = System::start().await;
    let token = system.token(&Caller::auditor("diku"));
    let event = |credential: &str| json!({"identitySource": [credential], "headers": {"x-okapi-token": credential}});
    let captured = Captured::start();
    system.invoke("AuthorizerFunction", &event(&token)).await;
    let expected = json!({
        "level": "INFO", "target": "authorizer", "message": "credential accepted", "kind": "token", "org": "diku",
    });
    assert_eq!(only(&captured, "credential accepted", &["duration_ms"]), expected);

    system.try_invoke("AuthorizerFunction", &event(&format!("{token}x"))).await.unwrap_err();
    let expected = json!({
        "level": "INFO", "target": "authorizer", "message": "credential refused", "kind": "token", "reason": "signature",
    });
    assert_eq!(only(&captured, "credential refused", &["duration_ms"]), expected);
    system.try_invoke("AuthorizerFunction", &event("nonsense")).await.unwrap_err();
    assert!(captured.metric("AuthorizerFault").is_empty(), "a refusal is no fault");

    // An issuer that is away, and a table that is.
    let trusted = json!([{
        "issuer": issuer_of(&token), "audience": "sporlog", "algorithms": ["ES256"], "jwksUrl": format!("{NOBODY}/keys"),
    }]);
    let own = [
        ("TRUSTED_ISSUERS", trusted.to_string()),
        ("AWS_ENDPOINT_URL_DYNAMODB", NOBODY.to_owned()),
        ("AWS_REGION", DEFAULT_REGION.to_owned()),
    ];
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let authorizer = Authorizer::from_environment(&system.environment(&own), Clock::system()).unwrap();
    let request: AuthorizerRequest = serde_json::from_value(event(&token)).unwrap();
    assert_eq!(authorizer.authorize(&request).await.unwrap_err().error_type, "Unauthorized");
    assert_eq!(captured.metric("IssuerUnreachable"), [1]);

    let key = ApiKeySecret::generate().unwrap();
    let request = json!({"identitySource": [key.reveal()], "headers": {"x-api-key": key.reveal()}});
    let request: AuthorizerRequest = serde_json::from_value(request).unwrap();
    assert_eq!(authorizer.authorize(&request).await.unwrap_err().error_type, "Unavailable");
    let text = captured.text();
    assert!(text.contains("AuthorizerFault") && text.contains("credential not verified"), "{text}");
    for secret in [token.as_str(), key.reveal(), &token[..40]] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    system.stop().await;
}

/// The issuer that a token names.
fn issuer_of(token: &str) -> String {
    use base64::Engine as _;
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["iss"].as_str().unwrap().to_owned()
}
