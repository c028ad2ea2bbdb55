use serde_json::{Value, json};
use sporlog_auth::{PLATFORM_ADMIN, Role};

use super::{BASE, ORG, assert_error, create, list, new_export, of, read};
use crate::harness::{Caller, System};

const NO_AUDIT: &str = "There is no such audit record";
const NO_ORG: &str = "There is no such organization";

/// Everything that can be done with a record.
fn operations(id: &str) -> [(&'static str, String, Option<Value>); 4] {
    [
        ("GET", format!("{BASE}/{id}"), None),
        ("PUT", format!("{BASE}/{id}/status"), Some(json!({"status": "processing"}))),
        ("PUT", format!("{BASE}/{id}/file"), Some(json!({"file_url": "https://a/b", "file_size_bytes": 1}))),
        ("DELETE", format!("{BASE}/{id}"), None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn two_organizations_with_the_same_export_never_meet() {
    let system = System::start().await;
    let (ours, theirs) = (create(&system, ORG, "exp-1").await, create(&system, "other", "exp-1").await);
    assert_ne!(ours, theirs);
    assert_eq!(list(&system, ORG, "").await, (vec![ours.clone()], 1));
    assert_eq!(list(&system, "other", "?format=excel").await, (vec![theirs.clone()], 1));
    for (method, path, body) in operations(&theirs) {
        let answer = system.call(&of(Role::Admin), method, &path, body.as_ref()).await;
        assert_error(&answer, 404, "audit_not_found", None, NO_AUDIT);
    }
    let taken = system.call(&of(Role::Member), "POST", BASE, Some(&new_export(ORG, "exp-1"))).await;
    let message = format!("export_id is already audited as {ours}");
    assert_error(&taken, 409, "export_already_audited", Some("export_id"), &message);
    assert_eq!(list(&system, "other", "").await, (vec![theirs], 1));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn another_organization_is_one_that_there_is_not() {
    let system = System::start().await;
    let theirs = create(&system, "other", "exp-1").await;
    for org in ["other", "nobody", "%20", ""] {
        let mut requests = vec![("GET", format!("{BASE}?org_id={org}"), None)];
        requests.push(("POST", format!("{BASE}?org_id={org}"), Some(new_export(ORG, "exp-2"))));
        requests.extend(operations(&theirs).map(|(method, path, body)| (method, format!("{path}?org_id={org}"), body)));
        for (method, path, body) in requests {
            for role in [Role::Member, Role::Admin] {
                let answer = system.call(&of(role), method, &path, body.as_ref()).await;
                assert_error(&answer, 404, "org_not_found", None, NO_ORG);
            }
        }
    }
    for org in ["other", "nobody", "no org", "Org-Bufdir-042"] {
        let answer = system.call(&of(Role::Member), "POST", BASE, Some(&new_export(org, "exp-2"))).await;
        assert_error(&answer, 404, "org_not_found", None, NO_ORG);
    }
    // One's own may be named.
    assert_eq!(list(&system, ORG, &format!("?org_id={ORG}")).await, (vec![], 0));
    assert_eq!(list(&system, "other", "").await, (vec![theirs], 1));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn who_runs_sporlog_chooses_the_organization() {
    let system = System::start().await;
    let operator = Caller::platform_admin();
    let created = system.call(&operator, "POST", BASE, Some(&new_export(ORG, "exp-1"))).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["audit_id"].as_str().unwrap().to_owned();
    assert_eq!(read(&system, &id).await["org_id"], ORG);
    let of_org = |path: String| format!("{path}?org_id={ORG}");
    let listed = system.call(&operator, "GET", &of_org(BASE.to_owned()), None).await.json();
    assert_eq!((&listed["data"][0]["audit_id"], &listed["pagination"]["total"]), (&json!(id), &json!(1)));
    for query in ["", "?org_id=nobody"] {
        let listed = system.call(&operator, "GET", &format!("{BASE}{query}"), None).await;
        assert_eq!((listed.status, &listed.json()["data"]), (200, &json!([])), "{query}");
    }
    for (method, path, body) in operations(&id) {
        // Without a choice it is the organization of the credential.
        let answer = system.call(&operator, method, &path, body.as_ref()).await;
        assert_error(&answer, 404, "audit_not_found", None, NO_AUDIT);
        let answer = system.call(&operator, method, &of_org(path), body.as_ref()).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
    }
    // Of the two places the body's counts.
    let elsewhere = format!("{BASE}?org_id=other");
    assert_eq!(system.call(&operator, "POST", &elsewhere, Some(&new_export(ORG, "exp-2"))).await.status, 201);
    assert_eq!((list(&system, ORG, "").await.1, list(&system, "other", "").await.1), (1, 0));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn who_may_not_is_told_what_it_takes_before_anything_else() {
    let system = System::start().await;
    let id = create(&system, ORG, "exp-1").await;
    let wrong = json!({"status": 1});
    for (caller, method, path, roles) in [
        (of(Role::Member), "PUT", format!("{BASE}/{id}/status"), "service, admin"),
        (of(Role::Owner), "PUT", format!("{BASE}/{id}/status"), "service, admin"),
        (of(Role::Owner), "PUT", format!("{BASE}/{id}/file"), "service, admin"),
        (of(Role::Service), "DELETE", format!("{BASE}/{id}"), "admin, owner"),
        (of(Role::Member), "DELETE", format!("{BASE}/none"), "admin, owner"),
        (Caller::with(ORG, &[]), "POST", BASE.to_owned(), "member, service, admin, owner"),
        (Caller::with(ORG, &["audit.all", "kyc:write"]), "GET", BASE.to_owned(), "member, service, admin, owner"),
    ] {
        let answer = system.call(&caller, method, &path, Some(&wrong)).await;
        assert_error(&answer, 403, "forbidden", None, &format!("One of the roles {roles} is required"));
    }
    let operator = Caller::with(ORG, &[PLATFORM_ADMIN]);
    assert_eq!(system.call(&operator, "GET", &format!("{BASE}/{id}"), None).await.status, 200);
    assert_eq!(system.request("GET", BASE).await.status, 401);
    system.stop().await;
}
