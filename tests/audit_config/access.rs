use serde_json::json;
use sporlog_model::settings::{SETTINGS, SettingGroup};

use super::{GROUPS, assert_error, body, configurer, group_path, put, setting_path};
use crate::harness::{Caller, System};

const COLLECTION: &str = "audit.config.groups.settings.collection.get";
const ITEM: &str = "audit.config.groups.settings.item.put";

fn own_collection(group: SettingGroup) -> String {
    format!("audit.config.groups.settings.{group}.collection.get")
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn groups_take_their_permission() {
    let system = System::start().await;
    let get = async |scopes: &[&str]| system.get(&Caller::with("diku", scopes), GROUPS).await;
    assert_eq!(get(&["audit.config.groups.collection.get"]).await.status, 200);
    let message = "The permission audit.config.groups.collection.get is required";
    assert_error(&get(&["audit.all", COLLECTION, ITEM]).await, 403, "unauthorized", message, &json!([]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_settings_of_a_group_take_two_permissions() {
    let system = System::start().await;
    for group in SettingGroup::ALL {
        let get = async |scopes: &[&str]| system.get(&Caller::with("diku", scopes), &group_path(group.id())).await;
        let own = own_collection(group);
        assert_eq!(get(&[COLLECTION, &own]).await.status, 200, "{group}");
        let missing = |permission: &str| format!("The permission {permission} is required");
        assert_error(&get(&[&own]).await, 403, "unauthorized", &missing(COLLECTION), &json!([]));
        assert_error(&get(&[COLLECTION]).await, 403, "unauthorized", &missing(&own), &json!([]));
        let others = SettingGroup::ALL.into_iter().filter(|other| *other != group).map(own_collection);
        let others: Vec<String> = others.chain([COLLECTION.to_owned(), "audit.all".to_owned()]).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        assert_error(&get(&others).await, 403, "unauthorized", &missing(&own), &json!([]));
    }
    // Who may not see a group does not learn which there are.
    let unknown = system.get(&Caller::with("diku", &[COLLECTION]), &group_path("audit.none")).await;
    let message = "The permission audit.config.groups.settings.audit.none.collection.get is required";
    assert_error(&unknown, 403, "unauthorized", message, &json!([]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_setting_takes_two_permissions_to_change() {
    let system = System::start().await;
    for definition in &SETTINGS {
        let body = body(definition, &json!(definition.default));
        let put =
            async |scopes: &[&str]| put(&system, &Caller::with("diku", scopes), &setting_path(definition), &body).await;
        let own = format!("audit.config.groups.settings.{}.item.put", definition.full_name());
        let missing = |permission: &str| format!("The permission {permission} is required");
        assert_error(&put(&[&own]).await, 403, "unauthorized", &missing(ITEM), &json!([]));
        assert_error(&put(&[ITEM]).await, 403, "unauthorized", &missing(&own), &json!([]));
        let reading = own_collection(definition.group);
        let answer = put(&[ITEM, COLLECTION, &reading, "audit.all"]).await;
        assert_error(&answer, 403, "unauthorized", &missing(&own), &json!([]));
        assert_eq!(put(&[ITEM, &own]).await.status, 204, "{own}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_tenant_is_the_tokens() {
    let system = System::start().await;
    let caller = configurer("diku");
    for path in [GROUPS.to_owned(), group_path("audit.user")] {
        for (tenant, status, code, message) in [
            ("", 400, "missingTenant", "The header X-Okapi-Tenant is required"),
            ("other", 401, "wrongTenant", "The token is not for the tenant in X-Okapi-Tenant"),
        ] {
            let answer = system.get_with(&caller, &path, &[("x-okapi-tenant", tenant)]).await;
            assert_error(&answer, status, code, message, &json!([]));
        }
        let answer = system.request("GET", &path).await;
        assert_eq!((answer.status, answer.text()), (401, r#"{"message":"Unauthorized"}"#));
    }
    system.stop().await;
}
