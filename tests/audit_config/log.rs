//! What a change of a setting leaves in the organization's log.

use futures_util::future::join_all;
use serde_json::{Value, json};
use sporlog_model::Clock;
use sporlog_model::settings::{SettingDefinition, SettingGroup};

use super::{Configuring, set, setting};
use crate::harness::{Fault, Faults, System};

const AT_ONCE: i64 = 8;

/// The changes in an export, oldest first.
fn changes(system: &System, bucket: &str) -> Vec<Value> {
    let lines = system.exported_lines(bucket);
    lines.into_iter().filter(|line| line["entityType"] == "setting").collect()
}

/// Each begins where the one before ended.
#[track_caller]
fn assert_chain(changes: &[Value]) {
    for pair in changes.windows(2) {
        assert_eq!(pair[1]["original"], pair[0]["data"]);
        assert!(pair[1]["occurredAt"].as_str() > pair[0]["occurredAt"].as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_with_what_was_before() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    set(&system, "diku", "audit.user", "anonymize", json!(true)).await;
    set(&system, "diku", "audit.user", "anonymize", json!(true)).await;
    set(&system, "other", "audit.user", "anonymize", json!(true)).await;
    system.export("diku").await;
    let changes = changes(&system, &bucket);
    let [first, second] = &changes[..] else { panic!("{changes:?}") };
    for change in [first, second] {
        let told =
            [&change["source"], &change["entityId"], &change["action"], &change["orgId"], &change["actor"]["id"]];
        assert_eq!(json!(told), json!(["sporlog", "audit.user.anonymize", "Edit", "diku", "tester"]));
    }
    let shipped = json!({
        "groupId": "audit.user", "key": "anonymize", "type": "BOOLEAN", "value": false, "metadata": null,
        "description": "Defines if the editing person should be anonymized in user audit records",
    });
    assert_eq!(first["original"], shipped);
    let at = &first["occurredAt"];
    let metadata = json!({"createdAt": at, "createdBy": "tester", "updatedAt": at, "updatedBy": "tester"});
    let mut changed = shipped;
    (changed["value"], changed["metadata"]) = (json!(true), metadata);
    assert_eq!(first["data"], changed);
    assert_chain(&changes);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_change_a_setting_at_once_come_one_after_the_other() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    // Once from nothing, once from what is there.
    for round in 0..2 {
        let values = (1..=AT_ONCE).map(|value| round * AT_ONCE + value);
        join_all(
            values.map(|value| set(&system, "diku", "audit.acquisition", "records.retention.period", json!(value))),
        )
        .await;
    }
    // The export passes by nothing that is newer than a sweep that runs.
    system.finish_runs().await;
    system.export("diku").await;
    let changes = changes(&system, &bucket);
    assert_chain(&changes);
    let mut values: Vec<i64> = changes.iter().map(|change| change["data"]["value"].as_i64().unwrap()).collect();
    let last = values.last().copied();
    values.sort_unstable();
    assert_eq!(values, (1..=2 * AT_ONCE).collect::<Vec<_>>());
    assert_eq!(changes[0]["original"]["value"], -1);
    let shown = setting(&system, "diku", "audit.acquisition", "records.retention.period").await;
    assert_eq!(shown["value"].as_i64(), last);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_is_lost_is_told_once() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let faults = Faults::before(&system.stack).await;
    let endpoint = format!("http://{}", faults.address);
    let function = Configuring::of(&system, Clock::system(), &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]);
    let page_size = SettingDefinition::find(SettingGroup::User, "records.page.size").unwrap();
    faults.on("TransactWriteItems", [Fault::LostAnswer]);
    assert_eq!((function.put(page_size, json!(20)).await, faults.clear()), (204, 0));
    faults.on("TransactWriteItems", [Fault::TransactionConflict, Fault::Throttle, Fault::LostAnswer]);
    assert_eq!((function.put(page_size, json!(30)).await, faults.clear()), (204, 0));
    faults.on("TransactWriteItems", [Fault::InternalError; 4]);
    assert_eq!((function.put(page_size, json!(40)).await, faults.clear()), (503, 0));
    system.export("diku").await;
    let changes = changes(&system, &bucket);
    assert_eq!(changes.iter().map(|change| change["data"]["value"].clone()).collect::<Value>(), json!([20, 30]));
    assert_chain(&changes);
    system.stop().await;
}
