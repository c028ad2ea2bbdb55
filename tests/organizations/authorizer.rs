use std::time::Duration;

use authorizer::{Authorizer, AuthorizerRequest};
use serde_json::{Value, json};
use sporlog_auth::{KeyScope, Principal};
use sporlog_local::s3::DEFAULT_REGION;
use sporlog_model::{Actor, ApiKeyHash, ApiKeySecret, Instant, Name};
use sporlog_store::{ApiKeyCreation, NewApiKey, Store};

use super::{KEYS, admin, create_key, list, with_orgs};
use crate::harness::{Caller, ManualClock, NOBODY, System, scope_of, store};

const MORNING: &str = "2026-03-01T08:00:00Z";

/// The authorizer as its function runs it, with a clock of the test's own.
fn authorizer(system: &System, clock: &ManualClock, own: &[(&str, &str)]) -> Authorizer {
    let own: Vec<_> = [("TRUSTED_ISSUERS", "[]")].into_iter().chain(own.iter().copied()).collect();
    Authorizer::from_environment(&system.environment_of("AuthorizerFunction", &own), clock.clock()).unwrap()
}

/// What API Gateway asks about an API key.
fn about(key: &str) -> AuthorizerRequest {
    serde_json::from_value(json!({"identitySource": [key], "headers": {"x-api-key": key}})).unwrap()
}

/// The principal; otherwise the error's name.
async fn ask(authorizer: &Authorizer, request: &AuthorizerRequest) -> Result<Principal, String> {
    let answer = authorizer.authorize(request).await.map_err(|error| error.error_type)?;
    Ok(serde_json::from_str(&answer.context.principal).unwrap())
}

async fn make(store: &Store, expires_at: Option<&str>) -> ApiKeySecret {
    let scope = scope_of("diku");
    let secret = ApiKeySecret::generate().unwrap();
    let new = NewApiKey {
        name: Name::parse("a").unwrap(),
        scopes: KeyScope::ALL.into(),
        expires_at: expires_at.map(|text| Instant::parse(text).unwrap()),
    };
    store.put_organization(&scope, None, &Actor::default()).await.unwrap();
    let made = store.create_api_key(&scope, &secret, &new, &Actor::default()).await.unwrap();
    assert!(matches!(made, ApiKeyCreation::Created(_)));
    secret
}

fn refused() -> Result<Principal, String> {
    Err("Unauthorized".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_key_is_a_caller_without_roles() {
    let system = with_orgs(&["diku"]).await;
    let key = create_key(&system, "diku", "reader").await;
    let event = json!({"identitySource": [key["key"]], "headers": {"x-api-key": key["key"]}});
    let answer = system.invoke("AuthorizerFunction", &event).await;
    let principal: Value = serde_json::from_str(answer["context"]["principal"].as_str().unwrap()).unwrap();
    let subject = format!("key:{}", key["id"].as_str().unwrap());
    assert_eq!(principal, json!({"subject": subject, "org": "diku", "roles": [], "scopes": ["kyc:read"]}));
    assert!(list(&system, "diku", "").await[0]["lastUsedAt"].is_string());

    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    assert_eq!(system.call(&admin("diku"), "DELETE", &path, None).await.status, 204);
    assert_eq!(system.try_invoke("AuthorizerFunction", &event).await.unwrap_err()["errorMessage"], "Unauthorized");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_key_counts_only_where_a_key_belongs() {
    let system = with_orgs(&["diku"]).await;
    let key = create_key(&system, "diku", "reader").await["key"].as_str().unwrap().to_owned();
    let token = system.token(&Caller::auditor("diku"));
    let bearer = format!("Bearer {token}");
    for (source, headers, allowed) in [
        (&key, json!({"x-api-key": key}), true),
        (&key, json!({"x-api-key": key, "authorization": "Bearer x"}), true),
        (&bearer, json!({"x-api-key": key, "authorization": bearer}), true),
        (&token, json!({"x-api-key": key, "x-okapi-token": token}), true),
        (&key, json!({"authorization": key}), false),
        (&key, json!({"x-okapi-token": key}), false),
        (&key, json!({}), false),
        (&key, json!({"x-api-key": key, "x-okapi-token": key}), false),
        (&token, json!({"x-api-key": token}), false),
        (&token, json!({"x-api-key": token, "x-okapi-token": token}), false),
    ] {
        let event = json!({"identitySource": [source], "headers": headers});
        let answer = system.try_invoke("AuthorizerFunction", &event).await;
        assert_eq!(answer.is_ok(), allowed, "{headers}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_when_it_was_to_end() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let store = store(&system.environment(&[]), clock.clock());
    let authorizer = authorizer(&system, &clock, &[]);
    let (ending, endless) = (make(&store, Some("2026-03-01T09:00:00Z")).await, make(&store, None).await);
    clock.set("2026-03-01T08:59:59.999999Z");
    assert!(ask(&authorizer, &about(ending.reveal())).await.is_ok());
    clock.set("2026-03-01T09:00:00Z");
    assert_eq!(ask(&authorizer, &about(ending.reveal())).await, refused());
    assert!(ask(&authorizer, &about(endless.reveal())).await.is_ok());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_noted_once_an_hour() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let store = store(&system.environment(&[]), clock.clock());
    let authorizer = authorizer(&system, &clock, &[]);
    let key = make(&store, None).await;
    let last_used = async |hash: &ApiKeyHash| store.api_key_by_hash(hash).await.unwrap().unwrap().last_used_at;
    assert_eq!(last_used(&key.hash()).await, None);
    let mut expected = clock.now();
    for (minutes, noted) in [(0, true), (59, false), (1, true), (30, false), (90, true)] {
        clock.advance(Duration::from_mins(minutes));
        assert!(ask(&authorizer, &about(key.reveal())).await.is_ok());
        if noted {
            expected = clock.now();
        }
        assert_eq!(last_used(&key.hash()).await, Some(expected), "{minutes}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_made_is_refused_and_what_cannot_be_looked_up_is_not() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let other = ApiKeySecret::generate().unwrap();
    let with_table = authorizer(&system, &clock, &[]);
    for key in [other.reveal(), "ap_live_", "", "ap_test_x", &other.reveal()[..50]] {
        assert_eq!(ask(&with_table, &about(key)).await, refused(), "{key}");
    }
    // API Gateway answers 500: a caller whose key could not be looked up is not told that it is wrong.
    let region = [("AWS_ENDPOINT_URL_DYNAMODB", NOBODY), ("AWS_REGION", DEFAULT_REGION)];
    let without = authorizer(&system, &clock, &region);
    assert_eq!(ask(&without, &about(other.reveal())).await, Err("Unavailable".to_owned()));
    assert_eq!(ask(&without, &about("ap_live_")).await, refused());
    system.stop().await;
}
