//! AWS is away.

use futures_util::future::join_all;
use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_local::template::Route;
use uuid::Uuid;

use super::size::SEED;
use super::tally::Credential;
use super::world::World;
use crate::harness::{Caller, Chance};
use crate::structure::template;

const ORG: &str = "diku";

/// Operations that ask nobody.
const NEEDS_NOBODY: [&str; 2] = ["/openapi.json", "/audit/config/groups"];

/// The path of a route, with values that there may be.
fn filled(path: &str) -> String {
    let id = if path.contains("/kyc/") { "1".to_owned() } else { Uuid::new_v4().to_string() };
    let values = [
        ("{orgId}", ORG),
        ("{keyId}", "019a9fe5-a2c0-7b3e-9d41-5c8f27e06ab3"),
        ("{groupId}", "audit.inventory"),
        ("{settingId}", "records.retention.period"),
        ("{audit_id}", "aud-20260101-001"),
        ("{id}", &id),
    ];
    let path = values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}");
    path
}

/// A body with which the operation is granted as soon as AWS is back.
fn body(method: &str, path: &str) -> Option<Value> {
    let role = "arn:aws:iam::000000000000:role/role-of-diku";
    Some(match (method, path.rsplit('/').next().unwrap()) {
        ("PUT", "{orgId}") => json!({"name": "Diku"}),
        ("POST", "api-keys") => json!({"name": "a key", "scopes": ["kyc:read"]}),
        ("POST", "audit-log") => json!({"user": "Anna", "entity_type": "kyc_case", "action": "SAVED"}),
        ("PUT", "{settingId}") => json!({"key": "records.retention.period", "value": 30, "type": "INTEGER"}),
        ("POST", "config") => json!({"bucket": "bucket-of-diku", "region": "eu-north-1", "roleArn": role}),
        ("POST", "bufdir-export-audit") => json!({
            "export_id": "exp-1", "org_id": ORG, "triggered_by_user_id": "usr-1", "format": "csv",
            "period_from": "2025-01-01", "period_to": "2025-12-31",
        }),
        ("PUT", "status") => json!({"status": "processing"}),
        ("PUT", "file") => json!({"file_url": "https://storage.example.no/a.csv"}),
        _ => return None,
    })
}

/// Somebody who may do everything in the organization.
fn everybody() -> Caller {
    let scopes = ["platform:admin", "audit.all", "audit.config.all"].map(str::to_owned).to_vec();
    Caller { org: ORG.to_owned(), roles: vec![Role::Owner, Role::Admin, Role::Service, Role::Member], scopes }
}

/// Sends the request of a route; answers the status.
async fn status(world: &World, route: &Route, key: &str) -> u16 {
    let (path, body) = (filled(&route.path), body(&route.method, &route.path).map(|body| body.to_string()));
    let token = world.system.token(&everybody());
    let bearer = format!("Bearer {token}");
    let credential = match route.authorizer.as_deref() {
        Some("BearerAuthorizer") => vec![("authorization", bearer.as_str())],
        Some("ApiKeyAuthorizer") => vec![("x-api-key", key)],
        _ => vec![("x-okapi-tenant", ORG), ("x-okapi-token", token.as_str())],
    };
    let headers = [&credential[..], &[("content-type", "application/json")]].concat();
    world.ask(Credential::of(&headers), world.system.send(&route.method, &path, &headers, body)).await.status
}

/// Every operation of the API at once. What keeps a 503 lawful is [`super::tally::Tally::note`]'s to say.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_503_and_when_to_come_back() {
    let world = World::start_apart().await;
    let key = world.system.api_key(ORG, &["kyc:read", "kyc:write"]).await;
    let other = world.system.api_key(ORG, &["kyc:read"]).await;
    world.system.enable_export(ORG).await;
    let routes: Vec<Route> = template().functions.into_iter().flat_map(|function| function.routes).collect();
    // API Gateway knows the key from now on.
    world.system.call_with_key(&key, "GET", "/api/v1/kyc/cases/1/audit-log", None).await;

    world.faults.by_chance(Chance::of(100, 0, SEED));
    let statuses = join_all(routes.iter().map(|route| Box::pin(status(&world, route, &key)))).await;
    // Of a key that API Gateway does not know, it has to ask.
    let unknown = world.system.call_with_key(&other, "GET", "/api/v1/kyc/cases/1/audit-log", None);
    assert_eq!(world.ask(Credential::ApiKey, unknown).await.status, 500);
    assert_eq!(world.tally().unverified, 1);
    let met = world.faults.calm();
    for (route, status) in routes.iter().zip(statuses) {
        let expected = if NEEDS_NOBODY.contains(&route.path.as_str()) { 200 } else { 503 };
        assert_eq!(status, expected, "{} {}", route.method, route.path);
    }
    println!("hostile::outage, {} operations: {met}; {}", routes.len(), world.tally());

    let statuses = join_all(routes.iter().map(|route| Box::pin(status(&world, route, &key)))).await;
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    world.stop().await;
}
