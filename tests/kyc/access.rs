use sporlog_auth::Role;

use super::{Cases, ORG, assert_error, entry, ids, pagination};
use crate::harness::Caller;

const LOG: &str = "/api/v1/kyc/cases/42/audit-log";
const STATUSES: &str = "/api/v1/kyc/cases/42/status-history";

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_key_does_what_its_scopes_say() {
    let cases = Cases::start().await;
    cases.append("42", &entry("A")).await;
    for (scopes, reads, appends) in
        [(&["kyc:read"][..], true, false), (&["kyc:write"], false, true), (&["kyc:read", "kyc:write"], true, true)]
    {
        let key = cases.system.api_key(ORG, scopes).await;
        for (method, path, allowed, scope) in
            [("GET", LOG, reads, "kyc:read"), ("GET", STATUSES, reads, "kyc:read"), ("POST", LOG, appends, "kyc:write")]
        {
            let body = (method == "POST").then(|| entry("A"));
            let answer = cases.system.call_with_key(&key, method, path, body.as_ref()).await;
            if allowed {
                assert!([200, 201].contains(&answer.status), "{scopes:?} {method} {path}: {}", answer.text());
            } else {
                assert_error(&answer, 403, "forbidden", &format!("The permission {scope} is required"));
            }
        }
        // Who may not is not told what is wrong with the request, nor what there is.
        let wrong = cases.system.call_with_key(&key, "POST", "/api/v1/kyc/cases/x/audit-log", Some(&entry("a"))).await;
        assert_eq!(wrong.status, if appends { 400 } else { 403 });
        let unknown = cases.system.call_with_key(&key, "GET", "/api/v1/kyc/cases/1/audit-log?page=0", None).await;
        assert_eq!(unknown.status, if reads { 400 } else { 403 });
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn organizations_with_the_same_case_know_nothing_of_each_other() {
    let cases = Cases::start().await;
    let other = Cases { key: cases.system.api_key("other", &["kyc:read", "kyc:write"]).await, system: cases.system };
    other.fill("42", 3).await;
    other.fill("43", 2).await;
    let ours = Cases { key: other.system.api_key(ORG, &["kyc:read", "kyc:write"]).await, system: other.system };
    assert_error(&ours.get("42/audit-log").await, 404, "case_not_found", "There is no such case");
    ours.append("42", &entry("A")).await;
    let page = ours.page("42", "").await;
    // Ids too: each organization counts its own.
    assert_eq!((ids(&page), pagination(&page)), (vec![1], (1, 25, 1, 1, false)));
    assert_eq!(pagination(&ours.page("42", "?action=ANSWER_SAVED").await).2, 0);
    for path in ["43/audit-log", "43/status-history"] {
        assert_error(&ours.get(path).await, 404, "case_not_found", "There is no such case");
    }
    let theirs = Cases { key: other.key, system: ours.system };
    assert_eq!(ids(&theirs.page("42", "").await), [3, 2, 1]);
    theirs.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn only_an_api_key_in_its_header_lets_in() {
    let cases = Cases::start().await;
    let token =
        cases.system.token(&Caller { roles: Role::ALL.to_vec(), ..Caller::with(ORG, &["kyc:read", "kyc:write"]) });
    let bearer = format!("Bearer {token}");
    for headers in [
        &[][..],
        &[("authorization", bearer.as_str())],
        &[("authorization", cases.key.as_str())],
        &[("x-okapi-token", token.as_str())],
        &[("x-okapi-token", cases.key.as_str())],
        &[("x-api-key", token.as_str())],
        &[("x-api-key", "ap_live_")],
        &[("x-api-key", "")],
    ] {
        for (method, path) in [("GET", LOG), ("POST", LOG), ("GET", STATUSES)] {
            let answer = cases.system.request_with(method, path, headers).await;
            assert_eq!((answer.status, answer.text()), (401, "{\"message\":\"Unauthorized\"}"), "{headers:?}");
        }
    }
    cases.system.stop().await;
}

/// Of one that was used within the last minute, API Gateway remembers that it was let in; its own tests show that this ends.
#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_key_that_is_revoked_no_longer_lets_in() {
    let cases = Cases::start().await;
    cases.append("42", &entry("A")).await;
    let key = cases.system.create_api_key(ORG, &["kyc:read"]).await;
    let path = format!("/orgs/{ORG}/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(cases.system.call(&Caller::of_role(ORG, Role::Owner), "DELETE", &path, None).await.status, 204);
    let answer = cases.system.call_with_key(key["key"].as_str().unwrap(), "GET", LOG, None).await;
    assert_eq!((answer.status, answer.text()), (401, "{\"message\":\"Unauthorized\"}"));

    let template = crate::structure::template();
    let function = template.function("KycAuditLogFunction").unwrap();
    for route in &function.routes {
        let authorizer = &template.authorizers[route.authorizer.as_ref().unwrap()];
        assert!(authorizer.ttl.as_secs() <= 60, "{}", route.path);
    }
    cases.system.stop().await;
}
