use serde_json::{Value, json};
use sporlog_local::identity::TokenRequest;
use sporlog_model::settings::{SettingDefinition, SettingGroup};
use sporlog_model::{Clock, Instant};

use super::{body, configurer, put, set, setting, setting_path, settings};
use crate::harness::{System, answer, org};

const USER: &str = "58edf8c3-89e4-559c-9aed-aae637a3f40b";

fn page_size() -> &'static SettingDefinition {
    SettingDefinition::find(SettingGroup::User, "records.page.size").unwrap()
}

async fn shown(system: &System) -> Value {
    setting(system, "diku", "audit.user", "records.page.size").await
}

/// `PUT` by a user of FOLIO, whose subject is a UUID.
async fn put_as_user(system: &System, value: i64) -> u16 {
    let request = TokenRequest {
        org: org("diku"),
        subject: USER.to_owned(),
        roles: Vec::new(),
        scopes: vec!["audit.config.all".to_owned()],
        issued_at: Clock::system().now(),
        lifetime_seconds: 600,
    };
    let url = system.url(&setting_path(page_size()));
    let request = reqwest::Client::new().put(url).header("x-okapi-token", system.stack.issuer.token(&request).unwrap());
    let request = request.header("x-okapi-tenant", "diku").header("content-type", "application/json");
    answer(request.body(body(page_size(), &json!(value)).to_string())).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_a_setting_first_and_last_is_kept() {
    let system = System::start().await;
    assert_eq!(shown(&system).await.get("metadata"), None, "a default was never made");
    set(&system, "diku", "audit.user", "records.page.size", json!(20)).await;
    let first = shown(&system).await["metadata"].clone();
    let created = first["createdDate"].as_str().unwrap();
    assert_eq!((created.len(), &created[23..]), ("2026-11-20T08:05:00.000+00:00".len(), "+00:00"));
    let expected = json!({
        "createdDate": created, "createdByUsername": "tester", "updatedDate": created, "updatedByUsername": "tester",
    });
    assert_eq!(first, expected);

    assert_eq!(put_as_user(&system, 30).await, 204);
    let second = shown(&system).await["metadata"].clone();
    let updated = second["updatedDate"].as_str().unwrap();
    assert!(Instant::parse(updated).unwrap() >= Instant::parse(created).unwrap());
    let expected = json!({
        "createdDate": created, "createdByUsername": "tester", "updatedDate": updated, "updatedByUserId": USER,
    });
    assert_eq!(second, expected);

    // What the body says of it is not used.
    let mut body = body(page_size(), &json!(40));
    body["metadata"] = json!({"createdDate": "2001-01-01T00:00:00Z", "createdByUsername": "mallory", "more": 1});
    let answer = put(&system, &configurer("diku"), &setting_path(page_size()), &body).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let third = shown(&system).await["metadata"].clone();
    assert_eq!((&third["createdDate"], &third["createdByUsername"]), (&json!(created), &json!("tester")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_description_is_kept_cleared_or_set() {
    let system = System::start().await;
    let shipped = json!(page_size().description);
    let long = "ø".repeat(500);
    for (sent, expected) in [
        (None, Some(&shipped)),
        (Some(Value::Null), None),
        (None, None),
        (Some(json!("Rows")), Some(&json!("Rows"))),
        (None, Some(&json!("Rows"))),
        (Some(json!("")), Some(&json!(""))),
        (Some(json!(long)), Some(&json!(long))),
        (Some(shipped.clone()), Some(&shipped)),
        (None, Some(&shipped)),
    ] {
        let mut body = body(page_size(), &json!(20));
        if let Some(description) = &sent {
            body["description"] = description.clone();
        }
        let answer = put(&system, &configurer("diku"), &setting_path(page_size()), &body).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(shown(&system).await.get("description"), expected, "{sent:?}");
    }
    system.stop().await;
}

/// A screen gives back the whole object that it has read.
#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_was_read_can_be_put_back() {
    let system = System::start().await;
    for value in [50, 60] {
        let mut read = shown(&system).await;
        read["value"] = json!(value);
        let answer = put(&system, &configurer("diku"), &setting_path(page_size()), &read).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(shown(&system).await["value"], value);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn one_organizations_settings_are_not_anothers() {
    let system = System::start().await;
    let before = settings(&system, "other", "audit.user").await;
    for (key, value) in [("records.page.size", json!(77)), ("anonymize", json!(true))] {
        set(&system, "diku", "audit.user", key, value).await;
    }
    assert_eq!(settings(&system, "other", "audit.user").await, before);
    set(&system, "other", "audit.user", "records.page.size", json!(5)).await;
    assert_eq!(shown(&system).await["value"], 77);
    assert_eq!(setting(&system, "other", "audit.user", "records.page.size").await["value"], 5);
    // Nor the same key of another group.
    assert_eq!(setting(&system, "diku", "audit.inventory", "records.page.size").await["value"], 10);
    system.stop().await;
}
