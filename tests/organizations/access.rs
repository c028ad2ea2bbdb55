use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{assert_error, create_key, with_orgs};
use crate::harness::Caller;

/// What each named caller is answered in `diku`: PUT, GET, POST a key, GET keys, DELETE a key.
fn callers() -> [(&'static str, Caller, [u16; 5]); 8] {
    let of = |role| Caller::of_role("diku", role);
    [
        ("nobody in particular", Caller::with("diku", &[]), [403, 403, 403, 403, 403]),
        ("member", of(Role::Member), [403, 200, 403, 403, 403]),
        ("service", of(Role::Service), [403, 200, 403, 403, 403]),
        ("admin", of(Role::Admin), [403, 200, 201, 200, 204]),
        ("owner", of(Role::Owner), [403, 200, 201, 200, 204]),
        ("platform admin", Caller::platform_admin(), [200, 404, 404, 404, 404]),
        ("the other organization's admin", Caller::of_role("other", Role::Admin), [403, 404, 404, 404, 404]),
        ("the other organization's owner", Caller::of_role("Diku", Role::Owner), [403, 404, 404, 404, 404]),
    ]
}

fn requests(org: &str, key: &str) -> [(&'static str, String, Option<Value>); 5] {
    [
        ("PUT", format!("/orgs/{org}"), None),
        ("GET", format!("/orgs/{org}"), None),
        ("POST", format!("/orgs/{org}/api-keys"), Some(json!({"name": "a", "scopes": ["kyc:read"]}))),
        ("GET", format!("/orgs/{org}/api-keys"), None),
        ("DELETE", format!("/orgs/{org}/api-keys/{key}"), None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn each_caller_may_do_what_the_policy_says() {
    let system = with_orgs(&["diku", "other"]).await;
    for (who, caller, expected) in callers() {
        let key = create_key(&system, "diku", "to be revoked").await;
        let requests = requests("diku", key["id"].as_str().unwrap());
        for ((method, path, body), status) in requests.into_iter().zip(expected) {
            let answer = system.call(&caller, method, &path, body.as_ref()).await;
            assert_eq!(answer.status, status, "{who} {method} {path}: {}", answer.text());
            let roles = "One of the roles admin, owner is required";
            match (method, status) {
                ("PUT", 403) => assert_error(&answer, 403, "forbidden", "The permission platform:admin is required"),
                ("GET", 403) if path == "/orgs/diku" => {
                    let roles = "One of the roles member, service, admin, owner is required";
                    assert_error(&answer, 403, "forbidden", roles);
                }
                (_, 403) => assert_error(&answer, 403, "forbidden", roles),
                (_, 404) => assert_error(&answer, 404, "org_not_found", "There is no such organization"),
                _ => {}
            }
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organization_is_answered_as_one_that_there_is_not() {
    let system = with_orgs(&["diku", "other"]).await;
    let key = create_key(&system, "other", "theirs").await;
    let key = key["id"].as_str().unwrap();
    for caller in [Caller::of_role("diku", Role::Owner), Caller::with("diku", &[])] {
        for ((method, theirs, body), (_, nobodys, _)) in
            requests("other", key).into_iter().zip(requests("unknown", key))
        {
            let theirs = system.call(&caller, method, &theirs, body.as_ref()).await;
            let nobodys = system.call(&caller, method, &nobodys, body.as_ref()).await;
            assert_eq!((theirs.status, theirs.text()), (nobodys.status, nobodys.text()), "{method}");
            assert!(theirs.status == if method == "PUT" { 403 } else { 404 });
        }
    }
    // An id of a key is good in its own organization only, and as good as no id elsewhere.
    let owner = Caller::of_role("diku", Role::Owner);
    for id in [key, "0197b0b4-0000-7000-8000-000000000000", "x", "%FF"] {
        let answer = system.call(&owner, "DELETE", &format!("/orgs/diku/api-keys/{id}"), None).await;
        let (code, message) = if id == "%FF" {
            ("org_not_found", "There is no such organization")
        } else {
            ("api_key_not_found", "There is no such API key")
        };
        assert_error(&answer, 404, code, message);
    }
    assert_eq!(super::list(&system, "other", "").await.len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn without_a_credential_the_gateway_refuses() {
    let system = with_orgs(&["diku"]).await;
    let token = system.token(&Caller::of_role("diku", Role::Owner));
    for (method, path, _) in requests("diku", "x") {
        let okapi = [("x-okapi-token", token.as_str())];
        let key = [("x-api-key", token.as_str())];
        for headers in [&[][..], &okapi, &key, &[("authorization", "Bearer x")]] {
            let answer = system.request_with(method, &path, headers).await;
            assert_eq!((answer.status, answer.text()), (401, "{\"message\":\"Unauthorized\"}"), "{method} {path}");
        }
    }
    system.stop().await;
}
