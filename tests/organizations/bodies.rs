use serde_json::json;
use sporlog_auth::Role;

use super::{KEYS, admin, assert_error, with_orgs};
use crate::harness::Caller;

const NAME: &str = "name must be 1 to 100 visible characters, without a space at either end";
const SCOPES: &str = "scopes must be one or more of kyc:read, kyc:write";

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_wrong_with_a_key_is_named() {
    let system = with_orgs(&["diku"]).await;
    let long = "x".repeat(101);
    let expiry = "expiresAt must be an RFC 3339 date and time";
    for (member, value, status, code, message) in [
        ("name", json!(null), 422, "validation_error", "name is required"),
        ("name", json!(1), 422, "validation_error", "name must be a text"),
        ("name", json!(""), 422, "validation_error", NAME),
        ("name", json!(" a"), 422, "validation_error", NAME),
        ("name", json!("a\nb"), 422, "validation_error", NAME),
        ("name", json!(long), 422, "validation_error", NAME),
        ("scopes", json!(null), 422, "validation_error", "scopes is required"),
        ("scopes", json!("kyc:read"), 422, "validation_error", "scopes must be a list of texts"),
        ("scopes", json!([1]), 422, "validation_error", "scopes must be a list of texts"),
        ("scopes", json!([]), 422, "validation_error", SCOPES),
        ("scopes", json!(["kyc:read", "audit.all"]), 422, "validation_error", SCOPES),
        ("scopes", json!(["platform:admin"]), 422, "validation_error", SCOPES),
        ("expiresAt", json!(1), 422, "validation_error", expiry),
        ("expiresAt", json!("2099-01-01"), 422, "validation_error", expiry),
        ("expiresAt", json!("2020-01-01T00:00:00Z"), 422, "validation_error", "expiresAt must be in the future"),
        ("role", json!("owner"), 422, "unknown_member", "role is not a known member"),
        ("Name", json!(null), 422, "unknown_member", "Name is not a known member"),
    ] {
        let mut body = json!({"name": "a", "scopes": ["kyc:read"]});
        body[member] = value;
        let answer = system.call(&admin("diku"), "POST", KEYS, Some(&body)).await;
        assert_error(&answer, status, code, message);
    }
    assert!(super::list(&system, "diku", "").await.is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_body_that_cannot_be_read_is_refused() {
    let system = with_orgs(&["diku"]).await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (kind, body, status, code, message) in [
        ("text/plain", "{}", 415, "unsupported_media_type", "The content type must be application/json"),
        ("application/json", "{", 400, "malformed_body", "The body is not JSON"),
        ("application/json", "[]", 422, "validation_error", "The body must be a JSON object"),
        ("application/json", &large, 413, "body_too_large", "The body is larger than 1 MB"),
    ] {
        for (caller, method, path) in [(admin("diku"), "POST", KEYS), (Caller::platform_admin(), "PUT", "/orgs/diku")] {
            let answer = system.call_with(&caller, method, path, kind, body.to_owned()).await;
            assert_error(&answer, status, code, message);
        }
        // Who may not send a body does not learn what is wrong with it.
        let member = Caller::of_role("diku", Role::Member);
        assert_eq!(system.call_with(&member, "POST", KEYS, kind, body.to_owned()).await.status, 403);
    }
    let answer = system.call(&admin("diku"), "POST", KEYS, None).await;
    assert_error(&answer, 415, "unsupported_media_type", "The content type must be application/json");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_cannot_be_one_is_unknown_or_to_be_mended() {
    let system = with_orgs(&["diku"]).await;
    let message =
        "orgId: the organization id must be 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit";
    for id in ["-a", "a%20b", "%FF", "a%23b", &"x".repeat(65)] {
        let answer = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{id}"), None).await;
        assert_error(&answer, 422, "validation_error", message);
        let answer = system.call(&admin("diku"), "GET", &format!("/orgs/{id}"), None).await;
        assert_error(&answer, 404, "org_not_found", "There is no such organization");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_page_that_cannot_be_is_refused() {
    let system = with_orgs(&["diku"]).await;
    for (query, message) in [
        ("limit=0", "limit must be a whole number from 1 to 100"),
        ("limit=101", "limit must be a whole number from 1 to 100"),
        ("limit=%2B1", "limit must be a whole number from 1 to 100"),
        ("limit=", "limit must be a whole number from 1 to 100"),
        ("before=x", "before must be the id of a key"),
    ] {
        let answer = system.call(&admin("diku"), "GET", &format!("{KEYS}?{query}"), None).await;
        assert_error(&answer, 422, "validation_error", message);
    }
    system.stop().await;
}
