//! `/audit/config`, through the whole system.

pub(crate) mod access;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod defaults;
mod effects;
mod log;
mod retention;
pub(crate) mod values;

use std::sync::Arc;

use serde_json::{Value, json};
use sporlog_local::functions::{self, Function};
use sporlog_model::Clock;
use sporlog_model::settings::{SettingDefinition, SettingValue};

use crate::harness::{Answer, Caller, System, answer};

const GROUPS: &str = "/audit/config/groups";

/// What mod-audit ships, as it does.
fn mod_audit() -> Value {
    serde_json::from_str(include_str!("mod_audit_defaults.json")).unwrap()
}

/// May do everything with settings.
fn configurer(org: &str) -> Caller {
    Caller::with(org, &["audit.config.all"])
}

/// Where the settings of a group are.
fn group_path(group: &str) -> String {
    format!("{GROUPS}/{group}/settings")
}

/// Where a setting is, by its full name.
fn setting_path(definition: &SettingDefinition) -> String {
    format!("{}/{}", group_path(definition.group.id()), definition.key)
}

/// The least that `PUT` must say.
fn body(definition: &SettingDefinition, value: &Value) -> Value {
    json!({"key": definition.key, "value": value, "type": definition.kind()})
}

/// `PUT` with any body.
async fn put_text(system: &System, caller: &Caller, path: &str, content_type: &str, body: String) -> Answer {
    let request = reqwest::Client::new().put(system.url(path));
    let request = request.header("x-okapi-tenant", &caller.org).header("x-okapi-token", system.token(caller));
    answer(request.header("content-type", content_type).body(body)).await
}

async fn put(system: &System, caller: &Caller, path: &str, body: &Value) -> Answer {
    put_text(system, caller, path, "application/json", body.to_string()).await
}

/// Gives a setting a value, which must work.
async fn set(system: &System, org: &str, group: &str, key: &str, value: Value) {
    let kind = serde_json::from_value::<SettingValue>(value.clone()).unwrap().kind();
    let body = json!({"key": key, "value": value, "type": kind});
    let answer = put(system, &configurer(org), &format!("{}/{key}", group_path(group)), &body).await;
    assert_eq!((answer.status, answer.text()), (204, ""));
}

/// The settings of a group.
async fn settings(system: &System, org: &str, group: &str) -> Vec<Value> {
    let answer = system.get(&configurer(org), &group_path(group)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let settings = answer["settings"].as_array().unwrap().clone();
    assert_eq!(answer, json!({"settings": settings, "totalRecords": settings.len()}));
    settings
}

/// One of them.
async fn setting(system: &System, org: &str, group: &str, key: &str) -> Value {
    settings(system, org, group).await.into_iter().find(|setting| setting["key"] == key).unwrap()
}

/// Asserts an error in FOLIO's shape, member for member.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str, parameters: &Value) {
    let errors = json!([{"message": message, "code": code, "parameters": parameters}]);
    assert_eq!((answer.status, answer.json()), (status, json!({"errors": errors, "total_records": 1})));
    assert_eq!(answer.headers["content-type"], "application/json");
}

/// The function, with some variables and a clock of the test's own.
struct Configuring {
    function: Arc<dyn Function>,
}

impl Configuring {
    fn of(system: &System, clock: Clock, own: &[(&str, &str)]) -> Self {
        let own = [&[("RETENTION_FUNCTION", "RetentionFunction")], own].concat();
        let router = audit_config::router(&system.environment_of("AuditConfigFunction", &own), clock).unwrap();
        Self { function: functions::http(router) }
    }

    /// `PUT` of a value in `diku`: the status.
    async fn put(&self, definition: &SettingDefinition, value: Value) -> u64 {
        let mut event: Value = serde_json::from_str(include_str!("../../events/audit-config.json")).unwrap();
        let path = setting_path(definition);
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!("PUT");
        event["headers"]["content-type"] = json!("application/json");
        event["body"] = json!(body(definition, &value).to_string());
        let answer = self.function.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()["statusCode"].as_u64().unwrap()
    }
}
