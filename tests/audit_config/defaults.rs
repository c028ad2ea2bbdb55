use serde_json::{Value, json};

use super::{GROUPS, configurer, group_path, mod_audit, settings};
use crate::harness::System;

/// Sporlog's own groups, as the page tells of them.
fn own_settings(group: &str) -> Value {
    let setting = |key: &str, value: Value, kind: &str, description: &str| json!({"key": key, "value": value, "type": kind, "description": description, "groupId": group});
    let enabled =
        |name: &str| setting("enabled", json!(true), "BOOLEAN", &format!("Defines if the {name} audit is enabled"));
    let retention = |name: &str| {
        let description = format!("Retention period for {name} record in days");
        setting("records.retention.period", json!(-1), "INTEGER", &description)
    };
    match group {
        "audit.acquisition" => {
            let description = "Form of the snapshots of acquisition records: plain or wrapped";
            let format = setting("snapshot.format", json!("plain"), "STRING", description);
            json!([enabled("acquisition"), retention("acquisition"), format])
        }
        _ => json!([enabled("KYC"), retention("KYC")]),
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_organization_begins_with_the_settings_of_mod_audit_and_sporlogs_own() {
    let system = System::start().await;
    let shipped = mod_audit();
    let answer = system.get(&configurer("diku"), GROUPS).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let groups = answer.json()["settingGroups"].as_array().unwrap().clone();
    assert_eq!(answer.json(), json!({"settingGroups": groups, "totalRecords": 5}));
    let ids: Vec<&str> = groups.iter().map(|group| group["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["audit.acquisition", "audit.authority", "audit.inventory", "audit.kyc", "audit.user"]);
    let theirs = [&groups[1], &groups[2], &groups[4]];
    assert_eq!(json!(theirs), shipped["settingGroups"]["settingGroups"]);
    for group in &groups {
        assert_eq!(group.as_object().unwrap().len(), 3, "{group}");
    }

    for id in ids {
        let expected = match &shipped["settingsByGroup"][id] {
            Value::Null => own_settings(id),
            shipped => shipped["settings"].clone(),
        };
        assert_eq!(json!(settings(&system, "diku", id).await), expected, "{id}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_members_of_a_setting_are_in_the_order_of_the_schema() {
    let system = System::start().await;
    let answer = system.get(&configurer("diku"), &group_path("audit.kyc")).await;
    let expected = concat!(
        r#"{"settings":[{"key":"enabled","value":true,"type":"BOOLEAN","description":"Defines if the KYC audit is enabled","groupId":"audit.kyc"},"#,
        r#"{"key":"records.retention.period","value":-1,"type":"INTEGER","description":"Retention period for KYC record in days","groupId":"audit.kyc"}],"#,
        r#""totalRecords":2}"#
    );
    assert_eq!((answer.text(), answer.headers["content-type"].to_str().unwrap()), (expected, "application/json"));
    system.stop().await;
}
