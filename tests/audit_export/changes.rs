//! Who changes a configuration, in which order, and what the log tells of it.

use futures_util::future::join_all;
use reqwest::header::ETAG;
use serde_json::{Value, json};

use super::{Exports, ORG, admin, assert_error, configure, get, path, post, stored, tested, with, with_orgs, working};
use crate::harness::{Answer, Fault, Faults, System};

async fn post_if(system: &System, if_match: &str, body: &Value) -> Answer {
    let token = system.token(&admin(ORG));
    let authorization = format!("Bearer {token}");
    let headers =
        [("authorization", authorization.as_str()), ("content-type", "application/json"), ("if-match", if_match)];
    system.send("POST", &path(ORG, "config"), &headers, Some(body.to_string())).await
}

/// The changes in an export, oldest first.
fn changes(system: &System, bucket: &str) -> Vec<Value> {
    let lines = system.exported_lines(bucket);
    lines.into_iter().filter(|line| line["entityType"] == "export-config").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_what_somebody_else_changed_is_refused() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    let refused = "The configuration is not the one that If-Match names; read it again";
    for nothing in ["*", "\"1\""] {
        assert_error(&post_if(&system, nothing, &body).await, 412, "precondition_failed", refused);
    }
    let malformed = post_if(&system, "1", &body).await;
    assert_error(&malformed, 400, "validation_error", "If-Match must be * or ETags in quotes");
    configure(&system, ORG, &body).await;
    let seen = get(&system, ORG, "config").await.headers[ETAG].to_str().unwrap().to_owned();
    let first = post_if(&system, &seen, &body).await;
    assert_eq!((first.status, &first.headers[ETAG]), (201, &"\"2\"".parse().unwrap()));
    for stale in [seen.as_str(), "W/\"2\"", "\"3\""] {
        assert_error(&post_if(&system, stale, &body).await, 412, "precondition_failed", refused);
    }
    // A test, and what runs do, change no configuration.
    tested(&system, ORG, None).await;
    assert_eq!(get(&system, ORG, "config").await.headers[ETAG], "\"2\"");
    assert_eq!(post_if(&system, "\"7\", \"2\"", &body).await.status, 201);
    assert_eq!(post_if(&system, "*", &body).await.status, 201);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_saw_the_same_one_changes_it() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    configure(&system, ORG, &body).await;
    let answers = join_all((0..8).map(|_| post_if(&system, "\"1\"", &body))).await;
    let changed = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(changed, 1);
    assert!(answers.iter().all(|answer| [201, 412].contains(&answer.status)));
    assert_eq!(stored(&system, ORG).await.version, 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_with_what_was_before_and_the_role_masked() {
    let system = with_orgs(&[ORG, "other"]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    configure(&system, "other", &with(&working(&system, "other").await, &json!({"enabled": false}))).await;
    // Several at once, from nothing and from what is there.
    let prefixes = |round: usize| (0..4).map(move |n| format!("p{round}-{n}"));
    for round in 0..2 {
        join_all(prefixes(round).map(|prefix| {
            let (system, body) = (&system, with(&body, &json!({"prefix": prefix})));
            async move { configure(system, ORG, &body).await }
        }))
        .await;
    }
    let other_role = "arn:aws:iam::123450000000:role/another-secret-role";
    configure(&system, ORG, &with(&body, &json!({"roleArn": other_role}))).await;
    configure(&system, ORG, &with(&body, &json!({"enabled": true, "prefix": "", "kmsKeyId": null}))).await;
    system.finish_runs().await;
    system.export(ORG).await;

    let changes = changes(&system, "bucket-of-diku");
    assert_eq!(changes.len(), 10);
    for (number, change) in changes.iter().enumerate() {
        let told = [&change["source"], &change["orgId"], &change["actor"]["id"], &change["entityId"]];
        let id = json!(stored(&system, ORG).await.id);
        assert_eq!(json!(told), json!(["sporlog", ORG, "tester", id]));
        assert_eq!(change["action"], if number == 0 { "Create" } else { "Edit" });
        if number > 0 {
            assert_eq!(change["original"], changes[number - 1]["data"]);
            assert!(change["occurredAt"].as_str() > changes[number - 1]["occurredAt"].as_str());
        }
    }
    let last = &changes[9]["data"];
    let expected = json!({
        "id": last["id"], "orgId": ORG, "bucket": "bucket-of-diku", "region": "eu-north-1",
        "roleArnMasked": "arn:aws:iam::********0000:role/****", "roleSince": last["updatedAt"], "prefix": "",
        "kmsKeyId": null, "enabled": true, "createdAt": changes[0]["data"]["createdAt"], "updatedAt": last["updatedAt"],
    });
    assert_eq!(last, &expected);
    // That the role is another one shows, though both look the same.
    assert_eq!(changes[8]["data"]["roleArnMasked"], last["roleArnMasked"]);
    assert_ne!(changes[8]["data"]["roleSince"], changes[7]["data"]["roleSince"]);
    let text = system.exported_text("bucket-of-diku");
    let external_id = stored(&system, ORG).await.destination.external_id;
    for secret in ["role-of-", "another-secret-role", "12345000", external_id.as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_is_lost_is_told_once() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let function = Exports::of(&system, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]);
    for (prefix, injected, status) in [
        ("a", vec![Fault::LostAnswer], 201),
        ("b", vec![Fault::TransactionConflict, Fault::Throttle, Fault::LostAnswer], 201),
        ("c", vec![Fault::InternalError; 4], 503),
    ] {
        faults.on("TransactWriteItems", injected);
        let (answered, _) = function.call("POST", "config", Some(&with(&body, &json!({"prefix": prefix})))).await;
        assert_eq!((answered, faults.clear()), (status, 0), "{prefix}");
    }
    assert_eq!(stored(&system, ORG).await.version, 2);
    let on = json!({"enabled": true, "prefix": ""});
    assert_eq!(post(&system, ORG, "config", Some(&with(&body, &on))).await.status, 201);
    system.finish_runs().await;
    system.export(ORG).await;
    let prefixes: Value =
        changes(&system, "bucket-of-diku").iter().map(|change| change["data"]["prefix"].clone()).collect();
    assert_eq!(prefixes, json!(["a", "b", ""]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_takes_the_test_away_and_another_prefix_does_not() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    configure(&system, ORG, &body).await;
    for (member, value, kept) in [
        ("enabled", json!(false), true),
        ("prefix", json!("p"), true),
        ("bucket", json!("another-bucket"), false),
        ("region", json!("eu-west-1"), false),
        ("roleArn", json!("arn:aws:iam::000000000000:role/another"), false),
    ] {
        configure(&system, ORG, &with(&body, &json!({"prefix": null}))).await;
        assert_eq!(tested(&system, ORG, None).await["success"], true, "{member}");
        let changed = configure(&system, ORG, &with(&body, &json!({member: value}))).await;
        assert_eq!((changed["lastTestOk"] == true, changed["lastTestedAt"].is_string()), (kept, kept), "{member}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_time_it_is_switched_on_an_export_runs_at_once() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    configure(&system, ORG, &with(&body, &json!({"enabled": false}))).await;
    assert_eq!(get(&system, ORG, "runs").await.json(), json!([]));
    configure(&system, ORG, &body).await;
    system.finish_runs().await;
    let runs = get(&system, ORG, "runs").await.json();
    assert_eq!((&runs[0]["trigger"], &runs[0]["status"]), (&json!("backfill"), &json!("succeeded")), "{runs}");
    let config = get(&system, ORG, "config").await.json();
    assert!(config["lastExportedAt"].is_string() && config["nextAttemptAt"].is_null(), "{config}");
    // Later on, the schedule is soon enough.
    configure(&system, ORG, &with(&body, &json!({"enabled": false}))).await;
    configure(&system, ORG, &body).await;
    system.finish_runs().await;
    assert_eq!(get(&system, ORG, "runs").await.json().as_array().unwrap().len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_first_run_cannot_be_started_is_configured_all_the_same() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let function = Exports::of(&system, &[("EXPORT_RUN_FUNCTION", "NoFunction")]);
    assert_eq!(function.call("POST", "config", Some(&body)).await.0, 201);
    let (status, error) = function.call("POST", "runs", None).await;
    assert_eq!((status, &error["code"]), (503, &json!("unavailable")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_in_sporlogs_own_account_is_refused() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let function = Exports::of(&system, &[("REFUSED_ROLE_ACCOUNT", "000000000000")]);
    let refused = json!({"error": "roleArn must not be a role in Sporlog's own account", "code": "validation_error"});
    for rest in ["config", "test-connection"] {
        assert_eq!(function.call("POST", rest, Some(&body)).await, (422, refused.clone()));
    }
    system.stop().await;
}
