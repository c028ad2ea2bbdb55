//! Who may read, and what API Gateway answers by itself.

use std::time::Duration;

use serde_json::{Value, json};
use sporlog_local::identity::{Issuer, TokenRequest};
use sporlog_model::{Clock, EntityType};

use super::{ENTITY, assert_error, path};
use crate::harness::{Answer, Caller, System, org};

const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;
const NOT_FOUND: &str = r#"{"message":"Not Found"}"#;

/// Every read with the one permission for it.
fn reads() -> [(String, &'static str); 7] {
    [
        (path(EntityType::Order), "acquisition.order.events.get"),
        (path(EntityType::OrderLine), "acquisition.order-line.events.get"),
        (path(EntityType::Piece), "acquisition.piece.events.get"),
        (format!("{}/status-change-history", path(EntityType::Piece)), "acquisition.piece.events.history.get"),
        (path(EntityType::Invoice), "acquisition.invoice.events.get"),
        (path(EntityType::InvoiceLine), "acquisition.invoice-line.events.get"),
        (path(EntityType::Organization), "acquisition.organization.events.get"),
    ]
}

/// Asserts an answer of API Gateway's own.
#[track_caller]
fn assert_gateway(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.text()), (status, body));
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn each_read_wants_its_own_permission() {
    let system = System::start().await;
    let reads = reads();
    for (_, held) in &reads {
        let caller = Caller::with("diku", &["audit.other", held]);
        for (path, wanted) in &reads {
            let answer = system.get(&caller, path).await;
            if held == wanted {
                assert_eq!(answer.status, 200, "{held} {path}");
            } else {
                assert_error(&answer, 403, "unauthorized", &format!("The permission {wanted} is required"), &json!([]));
            }
        }
    }
    for (path, wanted) in &reads {
        assert_eq!(system.get(&Caller::with("diku", &["audit.all"]), path).await.status, 200, "{path}");
        for scopes in [&[][..], &["audit"], &["audit.al"], &["AUDIT.ALL"], &["acquisition.events.get"]] {
            let answer = system.get(&Caller::with("diku", scopes), path).await;
            assert_error(&answer, 403, "unauthorized", &format!("The permission {wanted} is required"), &json!([]));
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_does_not_hold_is_refused_by_the_gateway() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let good = system.token(&caller);
    let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let elsewhere = system.token(&Caller::auditor("college"));
    let now = Clock::system().now();
    let request = |issued_at, lifetime_seconds| TokenRequest {
        org: org("diku"),
        subject: "tester".to_owned(),
        roles: Vec::new(),
        scopes: vec!["audit.all".to_owned()],
        issued_at,
        lifetime_seconds,
    };
    let expired = system.stack.issuer.token(&request(now.minus(Duration::from_hours(1)), 60)).unwrap();
    let foreign = Issuer::open(None).unwrap().token(&request(now, 600)).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiZGV2ZWxvcG1lbnQifQ.{claims}.");
    let other_claims = format!("{header}.{}.{signature}", elsewhere.split('.').nth(1).unwrap());
    for (what, token) in [
        ("empty", ""),
        ("no token", "secret"),
        ("cut", &good[..good.len() - 1]),
        ("longer", &format!("{good}A")),
        ("other claims", &other_claims),
        ("no signature", &format!("{header}.{claims}.")),
        ("algorithm none", &unsigned),
        ("expired", &expired),
        ("another key", &foreign),
        ("another scheme", &format!("Basic {good}")),
    ] {
        for (path, _) in reads() {
            let answer = system.get_with(&caller, &path, &[("x-okapi-token", token)]).await;
            assert_eq!((answer.status, answer.text()), (401, UNAUTHORIZED), "{what}");
        }
    }
    for (path, _) in reads() {
        assert_gateway(&system.request("GET", &path).await, 401, UNAUTHORIZED);
        let wrong_header = [("authorization", good.as_str()), ("x-okapi-tenant", "diku")];
        assert_gateway(&system.request_with("GET", &path, &wrong_header).await, 401, UNAUTHORIZED);
        assert_eq!(system.get(&caller, &path).await.status, 200);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_tenant_in_the_header_must_be_the_tokens() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    let token = system.token(&caller);
    for (path, _) in reads() {
        let missing = "The header X-Okapi-Tenant is required";
        let answer = system.request_with("GET", &path, &[("x-okapi-token", &token)]).await;
        assert_error(&answer, 400, "missingTenant", missing, &json!([]));
        let answer = system.get_with(&caller, &path, &[("x-okapi-tenant", "  ")]).await;
        assert_error(&answer, 400, "missingTenant", missing, &json!([]));
        for other in ["college", "Diku", "diku2", "diku,college", "d#ku"] {
            let answer = system.get_with(&caller, &path, &[("x-okapi-tenant", other)]).await;
            let message = "The token is not for the tenant in X-Okapi-Tenant";
            assert_error(&answer, 401, "wrongTenant", message, &json!([]));
        }
        assert_eq!(system.get_with(&caller, &path, &[("x-okapi-tenant", " diku ")]).await.status, 200);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_not_found() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for path in [
        "/".to_owned(),
        "/audit-data/acquisition".to_owned(),
        "/audit-data/acquisition/order".to_owned(),
        format!("/audit-data/acquisition/orders/{ENTITY}"),
        format!("/audit-data/acquisition/ORDER/{ENTITY}"),
        format!("/audit-data/acquisition/order_line/{ENTITY}"),
        format!("/audit-data/acquisition/order/{ENTITY}/status-change-history"),
        format!("/audit-data/acquisition/piece/{ENTITY}/status-change-history/more"),
        format!("/audit-data/acquisition/piece/{ENTITY}/history"),
        format!("/v1/audit-data/acquisition/order/{ENTITY}"),
    ] {
        assert_gateway(&system.get(&caller, &path).await, 404, NOT_FOUND);
        assert_gateway(&system.request("GET", &path).await, 404, NOT_FOUND);
    }
    let token = system.token(&caller);
    let headers = [("x-okapi-tenant", "diku"), ("x-okapi-token", token.as_str())];
    for (path, _) in reads() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert_gateway(&system.request_with(method, &path, &headers).await, 404, NOT_FOUND);
        }
        assert_eq!(system.request_with("HEAD", &path, &headers).await.status, 404);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn without_an_authorizer_in_front_the_function_refuses() {
    let system = System::start().await;
    let event: Value = serde_json::from_str(include_str!("../../events/acquisition-audit.json")).unwrap();
    let principal = |text: &str| json!({"lambda": {"principal": text}});
    let missing_org = principal(r#"{"subject":"x","scopes":["audit.all"]}"#);
    for authorizer in [Value::Null, json!({}), json!({"lambda": {}}), principal("diku"), missing_org] {
        let mut event = event.clone();
        event["requestContext"]["authorizer"] = authorizer.clone();
        let answer = system.invoke("AcquisitionAuditFunction", &event).await;
        assert_eq!(answer["statusCode"], 401, "{authorizer}: {answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let error = json!({"message": "A credential is required", "code": "unauthenticated", "parameters": []});
        assert_eq!(body, json!({"errors": [error], "total_records": 1}));
    }
    assert_eq!(system.invoke("AcquisitionAuditFunction", &event).await["statusCode"], 200);
    system.stop().await;
}
