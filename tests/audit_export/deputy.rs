//! The confused deputy: an organization that has Sporlog write where only another one may.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::connection::stages;
use super::{LocalRole, ORG, configure, define, external_id, tested, with, with_orgs, working};
use crate::harness::System;

const OTHER: &str = "other";
const THEIR_BUCKET: &str = "bucket-of-diku";

/// Two organizations; the bucket of the first has its first export.
async fn scene() -> (System, Value, BTreeMap<String, Vec<u8>>) {
    let system = with_orgs(&[ORG, OTHER]).await;
    let theirs = working(&system, ORG).await;
    configure(&system, ORG, &theirs).await;
    system.finish_runs().await;
    let exported = objects(&system);
    assert!(exported.len() >= 2 && exported.keys().all(|key| key.starts_with("org_id=diku/")), "{:?}", exported.keys());
    (system, theirs, exported)
}

fn objects(system: &System) -> BTreeMap<String, Vec<u8>> {
    system.keys(THEIR_BUCKET).into_iter().map(|key| (key.clone(), system.object(THEIR_BUCKET, &key))).collect()
}

/// What came into the bucket since, which must be beside what was there.
#[track_caller]
fn added(system: &System, before: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let now = objects(system);
    for (key, bytes) in before {
        assert_eq!(now.get(key), Some(bytes), "{key} is another now");
    }
    now.into_keys().filter(|key| !before.contains_key(key)).collect()
}

/// One organization's bucket with another one's role: the role has no rights there, and Sporlog has none of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_of_another_organization_refuses() {
    let (system, _, before) = scene().await;
    let body = with(&working(&system, OTHER).await, &json!({"bucket": THEIR_BUCKET}));
    configure(&system, OTHER, &body).await;
    system.finish_runs().await;
    let told = stages(&tested(&system, OTHER, None).await);
    assert_eq!(told, ["assume_role", "external_id_enforced", "put_object put_denied"]);
    assert_eq!(system.export(OTHER).await["errorCode"], "put_denied");
    assert_eq!(added(&system, &before), [""; 0]);
    system.stop().await;
}

/// A role that asks for no external id is its owner's mistake, and the test of the connection tells the owner. Who else names it has
/// the events of their own organization written, under their own name: nothing that is there is another afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_into_a_bucket_writes_under_their_own_name() {
    let (system, theirs, before) = scene().await;
    let open = LocalRole { name: "open", bucket: THEIR_BUCKET, external_id: None, deny: None };
    let theirs = with(&theirs, &json!({"roleArn": define(&system, &open)}));
    let told = tested(&system, ORG, Some(&theirs)).await;
    assert_eq!((&told["success"], stages(&told).len()), (&json!(false), 4), "{told}");
    let mut expected = 0;
    for prefix in ["", "org_id=diku", "org_id=diku/digests", "org_id=diku/date=2026-11-21", "org_id=other"] {
        configure(&system, OTHER, &with(&theirs, &json!({"prefix": prefix}))).await;
        system.finish_runs().await;
        // The first one has run by then, since it was switched on; of the others the change itself is what there is to export.
        let outcome = system.export(OTHER).await["outcome"].clone();
        assert!(outcome == "succeeded" || (expected == 0 && outcome == "empty"), "{prefix}: {outcome}");
        let keys = added(&system, &before);
        let own = format!("{prefix}/org_id=other/");
        assert!(keys.iter().any(|key| format!("/{key}").contains(&own)), "{prefix}: {keys:?}");
        assert!(keys.iter().all(|key| key.contains("org_id=other/")), "{keys:?}");
        assert!(keys.len() > expected, "{prefix}: {keys:?}");
        expected = keys.len();
    }
    system.stop().await;
}

/// A prefix that climbs, or that means more than it says where it stands: in a key, in a policy, in a URL.
#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_climbs_nowhere() {
    let (system, _, before) = scene().await;
    let id = external_id(&system, OTHER).await;
    let role = LocalRole { name: "into-theirs", bucket: THEIR_BUCKET, external_id: Some(&id), deny: None };
    let body = json!({"bucket": THEIR_BUCKET, "region": "eu-north-1", "roleArn": define(&system, &role)});
    for prefix in [
        "..",
        "../",
        "a/..",
        "a/../org_id=diku",
        "./a",
        "/a",
        "//",
        "a//b",
        "%2e%2e",
        "..%2f",
        "a\\..\\b",
        "*",
        "a*",
        "?",
        "${aws:username}",
        "a\"b",
        "a\nb",
        "a\0b",
        "a#b",
        "org_id=diku/*",
        "ｏrg",
        "..;/",
        "a b",
        "~",
        "a:b",
        "a,b",
    ] {
        let body = with(&body, &json!({"prefix": prefix}));
        for operation in ["config", "test-connection"] {
            let answer = super::post(&system, OTHER, operation, Some(&body)).await;
            assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")), "{prefix:?}");
        }
    }
    assert_eq!(added(&system, &before), [""; 0]);
    system.stop().await;
}
