//! The runs: listed, and started by hand.

use serde_json::{Value, json};
use sporlog_model::RunId;
use sporlog_store::{LeaseAttempt, RunTrigger};

use super::{Exports, ORG, assert_error, configure, get, post, with, with_orgs, working};
use crate::harness::scope_of;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_answered_member_for_member() {
    let system = with_orgs(&[ORG]).await;
    configure(&system, ORG, &working(&system, ORG).await).await;
    system.finish_runs().await;
    let runs = get(&system, ORG, "runs").await;
    assert_eq!(runs.status, 200);
    let run = runs.json()[0].clone();
    let keys = system.keys("bucket-of-diku");
    let [segment, digest] = &keys[..] else { panic!("{keys:?}") };
    let object = &run["objects"][0];
    let count = json!(2);
    let expected = json!({
        "id": run["id"], "orgId": ORG, "trigger": "backfill", "status": "succeeded", "windowStart": run["windowStart"],
        "windowEnd": run["windowEnd"], "firstSeq": 1, "lastSeq": 2, "eventCount": count, "byteCount": object["byteCount"],
        "objects": [{"key": segment, "sha256": object["sha256"], "eventCount": count, "byteCount": object["byteCount"]}],
        "digestKey": digest, "attempt": 1, "startedAt": run["startedAt"], "finishedAt": run["finishedAt"],
        "errorCode": null, "error": null, "nextAttemptAt": null,
    });
    assert_eq!(run, expected);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_in_pages() {
    let system = with_orgs(&[ORG, "other"]).await;
    for org in [ORG, "other"] {
        configure(&system, org, &working(&system, org).await).await;
        system.finish_runs().await;
        for _ in 0..4 {
            system.export(org).await;
        }
    }
    let list = async |query: &str| {
        let answer = get(&system, ORG, &format!("runs{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().iter().map(|run| run["id"].clone()).collect::<Vec<Value>>()
    };
    let all = list("").await;
    assert_eq!(all.len(), 5);
    assert!(all.windows(2).all(|pair| pair[0].as_str() > pair[1].as_str()));
    let mut paged = list("?limit=2").await;
    while let Some(last) = paged.last().cloned() {
        let next = list(&format!("?limit=2&before={}", last.as_str().unwrap())).await;
        if next.is_empty() {
            break;
        }
        paged.extend(next);
    }
    assert_eq!(paged, all);
    // A run of another organization is an instant like any other.
    let theirs = get(&system, "other", "runs").await.json()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("?before={theirs}")).await, all);
    for limit in ["0", "201", "-1", "+1", "x", ""] {
        let answer = get(&system, ORG, &format!("runs?limit={limit}")).await;
        let message = "limit must be a whole number from 1 to 200";
        assert_error(&answer, 422, "validation_error", message);
    }
    let answer = get(&system, ORG, "runs?before=x").await;
    assert_error(&answer, 422, "validation_error", "before must be the id of a run");
    assert_eq!(list("?limit=200").await, all);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_for_has_the_id_that_was_answered() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    assert_error(&post(&system, ORG, "runs", None).await, 404, "not_configured", "The export is not configured");
    configure(&system, ORG, &with(&body, &json!({"enabled": false}))).await;
    let off = post(&system, ORG, "runs", None).await;
    assert_error(&off, 409, "export_disabled", "The export is switched off");
    configure(&system, ORG, &body).await;
    system.finish_runs().await;
    let started = post(&system, ORG, "runs", None).await;
    assert_eq!(started.status, 202, "{}", started.text());
    let id = started.json()["id"].clone();
    assert_eq!(started.json(), json!({"id": id}));
    system.finish_runs().await;
    let run = get(&system, ORG, "runs?limit=1").await.json()[0].clone();
    assert_eq!((&run["id"], &run["trigger"]), (&id, &json!("manual")));
    // Who asked for it is in the log.
    system.export(ORG).await;
    let lines = system.exported_lines("bucket-of-diku");
    let asked: Vec<&Value> = lines.iter().filter(|line| line["action"] == "StartRun").collect();
    assert_eq!((asked.len(), &asked[0]["data"]), (1, &json!({"runId": id})));
    assert_eq!((&asked[0]["entityType"], &asked[0]["actor"]["id"]), (&json!("export-config"), &json!("tester")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_run_no_other_is_started() {
    let system = with_orgs(&[ORG]).await;
    configure(&system, ORG, &working(&system, ORG).await).await;
    system.finish_runs().await;
    let (scope, run) = (scope_of(ORG), RunId::random());
    let attempt = system.stack.store.acquire_lease(&scope, run, RunTrigger::Schedule).await.unwrap();
    assert!(matches!(attempt, LeaseAttempt::Held { .. }));
    let refused = post(&system, ORG, "runs", None).await;
    assert_error(&refused, 409, "run_in_progress", "A run is in progress");
    let running = get(&system, ORG, "runs?limit=1").await.json()[0].clone();
    assert_eq!((&running["id"], &running["status"]), (&json!(run), &json!("running")));
    let function = Exports::of(&system, &[]);
    assert_eq!(function.call("POST", "runs", None).await.0, 409);
    system.stop().await;
}
