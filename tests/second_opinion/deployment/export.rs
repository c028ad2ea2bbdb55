//! An export from end to end, through what is deployed: queue, schedule, and the customer's account.

use std::time::Duration;

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_boot::Environment;
use sporlog_model::{Clock, EntityType};
use uuid::Uuid;

use super::super::ministack::{CUSTOMER, REGION, root};
use super::super::{deploy_setup, verified};
use super::template::ground;
use super::{Deployed, PATIENCE};
use crate::audit_export::ORG;
use crate::harness::{Caller, FolioEvent, Place, System};

const BUCKET: &str = "deployed-audit-log-of-diku";

/// The runs of the organization, newest first.
async fn runs(system: &System) -> Vec<Value> {
    let admin = Caller::of_role(ORG, Role::Admin);
    let answer = system.call(&admin, "GET", &format!("/orgs/{ORG}/audit-export/runs"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

/// Waits until a run with that trigger has delivered events.
async fn delivered(system: &System, trigger: &str) {
    let done = |run: &Value| run["trigger"] == trigger && run["status"] == "succeeded" && run["eventCount"] != 0;
    let arrived = async { while !runs(system).await.iter().any(done) {} };
    let waited = tokio::time::timeout(PATIENCE, arrived).await;
    assert!(waited.is_ok(), "no run of {trigger} has delivered: {:#?}", runs(system).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_queue_reach_the_bucket_of_another_account() {
    let system = System::at(Place::Deployed(Box::new(Deployed::start(None).await)));
    let (admin, runner) = (Caller::of_role(ORG, Role::Admin), Caller::platform_admin());
    assert_eq!(system.call(&runner, "PUT", &format!("/orgs/{ORG}"), None).await.status, 201);
    let order = Uuid::new_v4().to_string();
    let event = || FolioEvent::of(EntityType::Order, &order).in_batch(ORG);
    system.send_message("IngestQueue", &event().to_string()).await;
    system.send_message("IngestQueue", "this is no event").await;
    let letter = system.dead_letters(1).await.remove(0);
    assert_eq!(letter["payload"]["data"], "this is no event");

    let setup = system.call(&admin, "GET", &format!("/orgs/{ORG}/audit-export/setup?bucket={BUCKET}"), None).await;
    assert_eq!(setup.status, 200, "{}", setup.text());
    let role = deploy_setup(&ground().ministack, BUCKET, &setup.json());
    let body = json!({"bucket": BUCKET, "region": REGION, "roleArn": role});
    let path = format!("/orgs/{ORG}/audit-export/config");
    assert_eq!(system.call(&admin, "POST", &path, Some(&body)).await.status, 201);
    let test = system.call(&admin, "POST", &format!("/orgs/{ORG}/audit-export/test-connection"), None).await;
    assert_eq!(test.json()["success"], true, "{}", test.text());
    // The function behind the API starts it.
    delivered(&system, "backfill").await;

    system.ingest(vec![event()]).await;
    // Who switches an export on again is due at once; the schedule comes a little early.
    for enabled in [false, true] {
        let switched = json!({"bucket": BUCKET, "region": REGION, "roleArn": role, "enabled": enabled});
        assert_eq!(system.call(&admin, "POST", &path, Some(&switched)).await.status, 201);
    }
    schedule_now(&system, "ExportDispatchFunctionEveryFiveMinutes");
    delivered(&system, "schedule").await;

    let endpoint = ("AWS_ENDPOINT_URL_S3", ground().ministack.endpoint.clone());
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let own = names.into_iter().zip(root(CUSTOMER)).chain([endpoint, ("AWS_REGION", REGION.to_owned())]);
    let customer = Environment::from_values(own.map(|(name, value)| (name.to_owned(), value)));
    let exported: u64 = runs(&system).await.iter().map(|run| run["eventCount"].as_u64().unwrap()).sum();
    assert!(exported >= 4, "{exported}");
    assert_eq!(verified(&customer, BUCKET).await.events, exported);
    system.stop().await;
}

/// Lets a schedule of the stack come at once, with target and role as they are.
fn schedule_now(system: &System, logical_id: &str) {
    let Place::Deployed(deployed) = &system.stack else { panic!("not deployed") };
    let name = json!({"Name": deployed.resources[logical_id]});
    let mut schedule = ground().call("scheduler", "get_schedule", &name);
    assert_eq!(schedule["ScheduleExpression"], "rate(5 minutes)");
    let before = Clock::system().now().minus(Duration::from_secs(1)).to_string();
    schedule["ScheduleExpression"] = json!(format!("at({})", &before[..19]));
    let members = ["Name", "GroupName", "ScheduleExpression", "Target", "FlexibleTimeWindow", "State"];
    let update = members.iter().map(|member| ((*member).to_owned(), schedule[*member].clone()));
    ground().call("scheduler", "update_schedule", &Value::Object(update.collect()));
}
