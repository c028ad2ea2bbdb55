use serde_json::{Value, json};

use super::{assert_error, configurer, group_path, put, put_text, settings};
use crate::harness::{Caller, System};

const PAGE_SIZE: &str = "/audit/config/groups/audit.user/settings/records.page.size";

/// A right body, with one member that is another.
fn with(member: &str, value: Value) -> Value {
    let mut body = json!({"key": "records.page.size", "value": 20, "type": "INTEGER"});
    body[member] = value;
    body
}

const KEY: &str = "key must be 3 to 100 lower case letters, digits and dots";
const VALUE: &str = "value must be a text, a whole number or true or false";
const TYPE: &str = "type must be one of STRING, INTEGER, BOOLEAN";
const GROUP: &str = "groupId must be lower case letters, digits and dots";
const DESCRIPTION: &str = "description must be a text of at most 500 characters";

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_wrong_with_a_body_is_named() {
    let system = System::start().await;
    let caller = configurer("diku");
    for (body, message) in [
        (json!({}), "key is required"),
        (with("key", Value::Null), "key is required"),
        (with("key", json!(1)), KEY),
        (with("key", json!("ab")), KEY),
        (with("key", json!("Records.page.size")), KEY),
        (with("key", json!("a".repeat(101))), KEY),
        (with("value", Value::Null), "value is required"),
        (with("value", json!([1])), VALUE),
        (with("value", json!({})), VALUE),
        (with("value", json!(1.5)), VALUE),
        (with("value", json!(1e3)), VALUE),
        (with("value", json!(u64::MAX)), VALUE),
        (with("type", Value::Null), "type is required"),
        (with("type", json!("integer")), TYPE),
        (with("type", json!("NUMBER")), TYPE),
        (with("type", json!(1)), TYPE),
        (with("groupId", json!(1)), GROUP),
        (with("groupId", json!("audit/user")), GROUP),
        (with("groupId", json!("")), GROUP),
        (with("groupId", json!("audit.inventory")), "groupId must be the one in the path"),
        (with("key", json!("enabled")), "key must be the one in the path"),
        (with("type", json!("STRING")), "type must be INTEGER, as the setting's"),
        (with("description", json!(1)), DESCRIPTION),
        (with("description", json!("ø".repeat(501))), DESCRIPTION),
        (with("metadata", json!("mine")), "metadata must be an object"),
    ] {
        let answer = put(&system, &caller, PAGE_SIZE, &body).await;
        assert_error(&answer, 422, "validationError", message, &json!([]));
    }
    let answer = put(&system, &caller, PAGE_SIZE, &with("id", json!("records.page.size"))).await;
    assert_error(&answer, 422, "unknownMember", "id is not a known member", &json!([]));
    for (kind, body, status, code, message) in [
        ("text/plain", "{}", 415, "unsupportedMediaType", "The content type must be application/json"),
        ("application/json", "", 400, "malformedBody", "The body is not JSON"),
        ("application/json", "{\"key\":", 400, "malformedBody", "The body is not JSON"),
        ("application/json", "[]", 422, "validationError", "The body must be a JSON object"),
    ] {
        let answer = put_text(&system, &caller, PAGE_SIZE, kind, body.to_owned()).await;
        assert_error(&answer, status, code, message, &json!([]));
    }
    assert!(settings(&system, "diku", "audit.user").await.iter().all(|setting| setting.get("metadata").is_none()));
    system.stop().await;
}

/// A request with all faults from one on is told of that one.
#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn of_several_faults_the_earliest_in_the_order_is_told() {
    let system = System::start().await;
    let (may, may_not) = (configurer("diku"), Caller::with("diku", &[]));
    let unknown = "/audit/config/groups/audit.user/settings/no.such";
    let permission = "The permission audit.config.groups.settings.item.put is required";
    let no_parameters = json!([]);
    let setting_id = json!([{"key": "settingId", "value": "no.such"}]);
    // The last four differ from one another by what is right already.
    let wrong = |group: &str, key: &str, kind: &str, value: Value| json!({"groupId": group, "key": key, "type": kind, "value": value});
    for (caller, path, body, status, code, message, parameters) in [
        (&may_not, unknown, "{".to_owned(), 400, "malformedBody", "The body is not JSON", &no_parameters),
        (&may_not, unknown, r#"{"key":1}"#.to_owned(), 422, "validationError", KEY, &no_parameters),
        (
            &may_not,
            unknown,
            wrong("audit.kyc", "enabled", "STRING", json!(0)).to_string(),
            403,
            "unauthorized",
            permission,
            &no_parameters,
        ),
        (
            &may,
            unknown,
            wrong("audit.kyc", "enabled", "STRING", json!(0)).to_string(),
            404,
            "notFound",
            "There is no such setting",
            &setting_id,
        ),
        (
            &may,
            PAGE_SIZE,
            wrong("audit.kyc", "enabled", "STRING", json!(0)).to_string(),
            422,
            "validationError",
            "groupId must be the one in the path",
            &no_parameters,
        ),
        (
            &may,
            PAGE_SIZE,
            wrong("audit.user", "enabled", "STRING", json!("x")).to_string(),
            422,
            "validationError",
            "key must be the one in the path",
            &no_parameters,
        ),
        (
            &may,
            PAGE_SIZE,
            wrong("audit.user", "records.page.size", "STRING", json!("x")).to_string(),
            422,
            "validationError",
            "type must be INTEGER, as the setting's",
            &no_parameters,
        ),
        (
            &may,
            PAGE_SIZE,
            wrong("audit.user", "records.page.size", "INTEGER", json!("0")).to_string(),
            422,
            "validationError",
            "Setting value should be an integer",
            &no_parameters,
        ),
        (
            &may,
            PAGE_SIZE,
            wrong("audit.user", "records.page.size", "INTEGER", json!(0)).to_string(),
            422,
            "validationError",
            "value must be from 1 to 1000",
            &no_parameters,
        ),
    ] {
        let answer = put_text(&system, caller, path, "application/json", body).await;
        assert_error(&answer, status, code, message, parameters);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_told_by_its_id() {
    let system = System::start().await;
    let caller = configurer("diku");
    let long = "x".repeat(5_000);
    for (sent, id) in [
        ("audit", "audit"),
        ("audit.bufdir", "audit.bufdir"),
        ("Audit.User", "Audit.User"),
        ("audit%20user", "audit user"),
        ("audit.user%23x", "audit.user#x"),
        (&long, &long[..100]),
    ] {
        let parameters = json!([{"key": "groupId", "value": id}]);
        let message = "There is no such setting group";
        assert_error(&system.get(&caller, &group_path(sent)).await, 404, "notFound", message, &parameters);
        let path = format!("{}/enabled", group_path(sent));
        let body = json!({"key": "enabled", "value": true, "type": "BOOLEAN"});
        assert_error(&put(&system, &caller, &path, &body).await, 404, "notFound", message, &parameters);
    }
    for (sent, id) in [("snapshot.format", "snapshot.format"), ("ENABLED", "ENABLED"), ("a%2Fb", "a/b")] {
        let path = format!("{}/{sent}", group_path("audit.kyc"));
        let body = json!({"key": "enabled", "value": true, "type": "BOOLEAN"});
        let parameters = json!([{"key": "settingId", "value": id}]);
        let answer = put(&system, &caller, &path, &body).await;
        assert_error(&answer, 404, "notFound", "There is no such setting", &parameters);
    }
    system.stop().await;
}
