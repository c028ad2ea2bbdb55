//! The external id: issued, the same for ever, and what keeps organizations out of each other's roles.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use super::{ORG, configure, external_id, get, stored, tested, with, with_orgs, working};

#[tokio::test(flavor = "multi_thread")]
async fn those_who_need_it_first_at_once_get_the_same() {
    let system = with_orgs(&[ORG, "other"]).await;
    let ids = join_all((0..8).map(|_| external_id(&system, ORG))).await;
    let ids: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(ids.len(), 1);
    assert!(!ids.contains(&external_id(&system, "other").await));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_whatever_is_configured_and_nobody_chooses_it() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false, "externalId": "mine"}));
    let id = external_id(&system, ORG).await;
    for members in [json!({}), json!({"bucket": "another"}), json!({"roleArn": "arn:aws:iam::123456789012:role/a"})] {
        assert_eq!(configure(&system, ORG, &with(&body, &members)).await["externalId"], id);
        assert_eq!(external_id(&system, ORG).await, id);
        assert_eq!(stored(&system, ORG).await.destination.external_id.as_str(), id);
    }
    system.stop().await;
}

/// An organization that names the role of another one: STS refuses it, since it comes with its own external id.
#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_another_organization_refuses() {
    let system = with_orgs(&[ORG, "other"]).await;
    let theirs = working(&system, ORG).await;
    configure(&system, ORG, &theirs).await;
    configure(&system, "other", &theirs).await;
    system.finish_runs().await;
    let test = tested(&system, "other", None).await;
    let stages: Vec<_> =
        test["stages"].as_array().unwrap().iter().map(|stage| (&stage["name"], &stage["ok"])).collect();
    assert_eq!(stages, [(&json!("assume_role"), &json!(false))]);
    assert_eq!(system.export("other").await["errorCode"], "assume_role_denied");
    system.export(ORG).await;
    assert!(system.keys("bucket-of-diku").iter().all(|key| key.starts_with("org_id=diku/")));
    // And what each sees is its own.
    let (ours, others) = (get(&system, ORG, "config").await.json(), get(&system, "other", "config").await.json());
    assert_ne!(ours["externalId"], others["externalId"]);
    assert_eq!((&ours["consecutiveFailures"], &others["lastTestOk"]), (&json!(0), &json!(false)));
    assert!(others["consecutiveFailures"].as_u64().unwrap() >= 1 && others["nextAttemptAt"].is_string(), "{others}");
    let runs = get(&system, "other", "runs").await.json();
    assert!(runs.as_array().unwrap().iter().all(|run| run["orgId"] == "other" && run["status"] == "failed"), "{runs}");
    system.stop().await;
}
