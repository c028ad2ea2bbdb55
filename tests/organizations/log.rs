use serde_json::{Value, json};
use sporlog_model::ApiKeySecret;

use super::{KEYS, admin, create_key, list, with_orgs};
use crate::harness::Caller;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_organizations_export_and_no_secret_is() {
    let system = with_orgs(&["diku", "other"]).await;
    let bucket = system.enable_export("diku").await;
    let name = json!({"name": "Diku"});
    system.call(&Caller::platform_admin(), "PUT", "/orgs/diku", Some(&name)).await;
    // Changes nothing, so tells nothing.
    system.call(&Caller::platform_admin(), "PUT", "/orgs/diku", Some(&name)).await;
    let key = create_key(&system, "diku", "reader").await;
    create_key(&system, "other", "theirs").await;
    let listed = list(&system, "diku", "").await.remove(0);
    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    system.call(&admin("diku"), "DELETE", &path, None).await;

    assert_eq!(system.export("diku").await["eventCount"], 4);
    let lines = system.exported_lines(&bucket);
    let told: Vec<_> = lines.iter().map(|line| json!([line["source"], line["entityType"], line["action"]])).collect();
    let expected = [
        json!(["sporlog", "org", "Create"]),
        json!(["sporlog", "org", "Edit"]),
        json!(["sporlog", "api-key", "Create"]),
        json!(["sporlog", "api-key", "Revoke"]),
    ];
    assert_eq!(told, expected);
    for line in &lines {
        assert_eq!((&line["orgId"], &line["actor"]["id"]), (&json!("diku"), &json!("tester")));
    }
    let [created, renamed, made, revoked] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((created.get("original"), &created["data"]["name"]), (None, &Value::Null));
    assert_eq!(renamed["original"], created["data"]);
    assert_eq!((&renamed["entityId"], &renamed["data"]["name"]), (&json!("diku"), &json!("Diku")));
    assert_eq!((&made["entityId"], &made["data"]["id"]), (&key["id"], &key["id"]));
    for member in ["name", "prefix", "scopes"] {
        assert_eq!(made["data"][member], listed[member], "{member}");
    }
    assert_eq!((&made["data"]["revokedAt"], &revoked["original"]), (&Value::Null, &made["data"]));
    assert!(revoked["data"]["revokedAt"].is_string());

    let text = system.exported_text(&bucket);
    let secret = ApiKeySecret::parse(key["key"].as_str().unwrap()).unwrap();
    for hidden in [secret.reveal(), &secret.reveal()[12..], secret.hash().as_str()] {
        assert!(!text.contains(hidden));
    }
    system.stop().await;
}
