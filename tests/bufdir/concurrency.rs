use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use sporlog_auth::Role;

use super::function::Function;
use super::{BASE, ORG, assert_error, create, list, listed, moved, new_export, of, put_status};
use crate::harness::{ManualClock, System};

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_creates_of_a_day_get_five_hundred_ids_and_exact_totals() {
    let system = System::start().await;
    let ours = Function::new(&system, ManualClock::at("2026-03-26T10:00:00Z").clock());
    let functions = Arc::new([ours.for_org("other"), ours]);
    let creates = (0..500).map(|number| {
        let functions = Arc::clone(&functions);
        tokio::spawn(async move {
            let org = ["other", ORG][number % 2];
            let body = new_export(org, &format!("exp-{}", number / 2));
            let (status, created) = functions[number % 2].call("POST", BASE, Some(&body)).await;
            assert_eq!(status, 201, "{created}");
            created["audit_id"].as_str().unwrap().to_owned()
        })
    });
    let ids: BTreeSet<String> = join_all(creates).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids.len(), 500);
    for function in functions.iter() {
        let mut of_list = BTreeSet::new();
        for page in 1..=3 {
            let (page, total) = listed(&function.call("GET", &format!("{BASE}?limit=100&page={page}"), None).await.1);
            assert_eq!(total, 250);
            of_list.extend(page);
        }
        assert!(of_list.len() == 250 && of_list.is_subset(&ids));
        assert_eq!(listed(&function.call("GET", &format!("{BASE}?status=queued"), None).await.1).1, 250);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creates_of_one_export_one_is_done() {
    let system = System::start().await;
    for round in 1..=10 {
        let (member, body) = (of(Role::Member), new_export(ORG, &format!("exp-{round}")));
        let answers = join_all((0..6).map(|_| system.call(&member, "POST", BASE, Some(&body)))).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(done.len(), 1);
        let message = format!("export_id is already audited as {}", done[0].json()["audit_id"].as_str().unwrap());
        for answer in refused {
            assert_error(answer, 409, "export_already_audited", Some("export_id"), &message);
        }
        assert_eq!(list(&system, ORG, "").await.1, round);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_one_moves_a_record_and_the_other_is_told() {
    let system = System::start().await;
    for round in 0..20 {
        let id = create(&system, ORG, &format!("exp-{round}")).await;
        for (one, other) in [("processing", "processing"), ("completed", "failed")] {
            let (one, other) = (json!({"status": one}), json!({"status": other}));
            let (one, other) = tokio::join!(put_status(&system, &id, &one), put_status(&system, &id, &other));
            let (done, refused) = if one.status == 200 { (one, other) } else { (other, one) };
            assert_eq!(done.status, 200, "{}", done.text());
            assert_eq!(refused.status, 409, "{}", refused.text());
            let now = done.json()["status"].as_str().unwrap().to_owned();
            let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(&format!("status cannot go from {now} to ")), "{message}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_deleted_once_and_the_total_stays_exact() {
    let system = System::start().await;
    for round in 0..10 {
        let id = create(&system, ORG, &format!("exp-{round}")).await;
        moved(&system, &id, &["processing"]).await;
        let path = format!("{BASE}/{id}");
        let (admin, done) = (of(Role::Admin), json!({"status": "completed"}));
        let delete = || system.call(&admin, "DELETE", &path, None);
        let (one, other, update) = tokio::join!(delete(), delete(), put_status(&system, &id, &done));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404]);
        assert!([200, 404].contains(&update.status), "{}", update.text());
        assert_eq!(list(&system, ORG, "").await, (vec![], 0));
    }
    system.stop().await;
}
