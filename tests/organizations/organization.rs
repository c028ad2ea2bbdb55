use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{assert_error, with_orgs};
use crate::harness::{Caller, System};

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_organization_is_registered_once_and_renamed() {
    let system = System::start().await;
    let platform = Caller::platform_admin();
    let put = async |body: Option<Value>| system.call(&platform, "PUT", "/orgs/diku", body.as_ref()).await;
    let first = put(Some(json!({"name": "Diku Library"}))).await;
    let view = first.json();
    assert_eq!((first.status, &view["id"], &view["name"]), (201, &json!("diku"), &json!("Diku Library")));
    assert_eq!(view["createdAt"].as_str().unwrap().len(), "2026-11-20T08:05:00.000Z".len());
    assert_eq!(view.as_object().unwrap().len(), 3);
    for body in [None, Some(json!({})), Some(json!({"name": null})), Some(json!({"name": "Diku Library"}))] {
        let again = put(body).await;
        assert_eq!((again.status, again.json()), (200, view.clone()));
    }
    let renamed = put(Some(json!({"name": "Dikus bibliotek"}))).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("Dikus bibliotek")));
    assert_eq!(renamed.json()["createdAt"], view["createdAt"]);
    let read = system.call(&Caller::of_role("diku", Role::Member), "GET", "/orgs/diku", None).await;
    assert_eq!((read.status, read.json()), (200, renamed.json()));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_organization_without_a_name_can_be_given_one() {
    let system = with_orgs(&["diku"]).await;
    let member = Caller::of_role("diku", Role::Member);
    assert_eq!(system.call(&member, "GET", "/orgs/diku", None).await.json()["name"], Value::Null);
    let put = system.call(&Caller::platform_admin(), "PUT", "/orgs/diku", Some(&json!({"name": "D"}))).await;
    assert_eq!((put.status, &put.json()["name"]), (200, &json!("D")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn many_who_register_the_same_organization_register_it_once() {
    let system = System::start().await;
    let platform = Caller::platform_admin();
    let puts = (0..8).map(|_| system.call(&platform, "PUT", "/orgs/diku", None));
    let answers = futures_util::future::join_all(puts).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert!(answers.iter().all(|answer| answer.json() == answers[0].json()));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_organization_that_is_not_registered_has_nothing() {
    let system = System::start().await;
    let owner = Caller::of_role("diku", Role::Owner);
    let body = json!({"name": "a", "scopes": ["kyc:read"]});
    for (method, path, body) in [
        ("GET", "/orgs/diku", None),
        ("GET", "/orgs/diku/api-keys", None),
        ("POST", "/orgs/diku/api-keys", Some(&body)),
        ("DELETE", "/orgs/diku/api-keys/0197b0b4-0000-7000-8000-000000000000", None),
    ] {
        let answer = system.call(&owner, method, path, body).await;
        assert_error(&answer, 404, "org_not_found", "There is no such organization");
    }
    system.stop().await;
}
