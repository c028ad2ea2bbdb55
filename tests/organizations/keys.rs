use aws_sdk_dynamodb::config::retry::RetryConfig;
use serde_json::{Value, json};
use sporlog_model::ApiKeySecret;

use super::{KEYS, admin, assert_error, create_key, list, with_orgs};
use crate::harness::dynamodb;

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_key_is_shown_once_and_listed_without_itself() {
    let system = with_orgs(&["diku", "other"]).await;
    let body =
        json!({"name": "KYC reader", "scopes": ["kyc:write", "kyc:read"], "expiresAt": "2099-01-01T01:00:00+01:00"});
    let answer = system.call(&admin("diku"), "POST", KEYS, Some(&body)).await;
    assert_eq!((answer.status, &answer.headers["cache-control"]), (201, &"no-store".parse().unwrap()));
    let mut shown = answer.json();
    let key = shown["key"].as_str().unwrap().to_owned();
    let secret = ApiKeySecret::parse(&key).unwrap();
    assert_eq!(shown["prefix"], secret.prefix());
    assert_eq!(shown["scopes"], json!(["kyc:read", "kyc:write"]));
    assert_eq!((&shown["expiresAt"], &shown["lastUsedAt"]), (&json!("2099-01-01T00:00:00.000Z"), &Value::Null));
    assert_eq!(shown.as_object().unwrap().len(), 8);

    let listed = system.call(&admin("diku"), "GET", KEYS, None).await;
    for hidden in [&key, secret.hash().as_str()] {
        assert!(!listed.text().contains(hidden));
    }
    shown.as_object_mut().unwrap().remove("key");
    assert_eq!(listed.json(), json!([shown]));
    assert!(list(&system, "other", "").await.is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn lists_are_newest_first_and_in_pages() {
    let system = with_orgs(&["diku"]).await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.insert(0, create_key(&system, "diku", &format!("key {number}")).await["id"].clone());
    }
    let ids = |keys: Vec<Value>| keys.into_iter().map(|key| key["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(list(&system, "diku", "").await), made);
    assert_eq!(ids(list(&system, "diku", "?limit=2").await), made[..2]);
    let before = |at: usize| format!("?limit=2&before={}", made[at].as_str().unwrap());
    assert_eq!(ids(list(&system, "diku", &before(1)).await), made[2..4]);
    // Also when the key that a page ends with is revoked meanwhile.
    let path = format!("{KEYS}/{}", made[1].as_str().unwrap());
    assert_eq!(system.call(&admin("diku"), "DELETE", &path, None).await.status, 204);
    assert_eq!(ids(list(&system, "diku", &before(1)).await), made[2..4]);
    assert_eq!(ids(list(&system, "diku", &before(3)).await), made[4..]);
    assert!(list(&system, "diku", &before(4)).await.is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_revoked_key_is_gone() {
    let system = with_orgs(&["diku"]).await;
    let (one, two) = (create_key(&system, "diku", "one").await, create_key(&system, "diku", "two").await);
    let path = format!("{KEYS}/{}", one["id"].as_str().unwrap());
    let answer = system.call(&admin("diku"), "DELETE", &path, None).await;
    assert_eq!((answer.status, answer.text()), (204, ""));
    let again = system.call(&admin("diku"), "DELETE", &path, None).await;
    assert_error(&again, 404, "api_key_not_found", "There is no such API key");
    let left = list(&system, "diku", "").await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &two["id"]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_has_a_hundred_keys_at_most() {
    let system = with_orgs(&["diku", "other"]).await;
    for number in 0..100 {
        create_key(&system, "diku", &format!("key {number}")).await;
    }
    let body = json!({"name": "one more", "scopes": ["kyc:read"]});
    let answer = system.call(&admin("diku"), "POST", KEYS, Some(&body)).await;
    assert_error(&answer, 409, "too_many_api_keys", "The organization has 100 API keys; revoke one first");
    create_key(&system, "other", "unaffected").await;
    let keys = list(&system, "diku", "").await;
    assert_eq!(keys.len(), 100);
    let path = format!("{KEYS}/{}", keys[50]["id"].as_str().unwrap());
    assert_eq!(system.call(&admin("diku"), "DELETE", &path, None).await.status, 204);
    assert_eq!(system.call(&admin("diku"), "POST", KEYS, Some(&body)).await.status, 201);
    assert_eq!(system.call(&admin("diku"), "POST", KEYS, Some(&body)).await.status, 409);
    system.stop().await;
}

/// Whoever reads the table, or a backup of it, has no key.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_does_not_have_the_keys() {
    let system = with_orgs(&["diku"]).await;
    let made = create_key(&system, "diku", "a reader").await;
    let key = made["key"].as_str().unwrap();
    // Used, so that whatever is noted of that is there too.
    let case = "/api/v1/kyc/cases/1/audit-log";
    assert_eq!(system.call_with_key(key, "GET", case, None).await.status, 404);
    let client = dynamodb(&system.environment(&[]), RetryConfig::standard());
    let scan = client.scan().table_name("Table").send().await.unwrap();
    let table = format!("{:?}", scan.items());
    assert!(scan.last_evaluated_key().is_none() && table.contains("a reader"), "{table}");
    let random = key.strip_prefix("ap_live_").unwrap();
    // Lists show the first four characters of it.
    for secret in [key, random, &random[4..]] {
        assert!(!table.contains(secret), "{table}");
    }
    system.stop().await;
}
