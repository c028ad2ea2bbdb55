use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{BASE, ORG, create, list, of, put_file, put_status, read};
use crate::harness::System;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_export_and_a_deleted_record_is_only_there() {
    let system = System::start().await;
    let bucket = system.enable_export(ORG).await;
    let id = create(&system, ORG, "exp-1").await;
    create(&system, "other", "exp-1").await;
    let processing = json!({"status": "processing", "updated_at": read(&system, &id).await["created_at"]});
    assert_eq!(put_status(&system, &id, &processing).await.status, 200);
    // Changes nothing, so tells nothing.
    assert_eq!(put_status(&system, &id, &processing).await.status, 200);
    assert_eq!(put_status(&system, &id, &json!({"status": "queued"})).await.status, 409);
    let file = json!({"file_url": "https://storage.example.no/a.xlsx", "file_size_bytes": 1_048_576});
    assert_eq!(put_file(&system, &id, &file).await.status, 200);
    assert_eq!(put_file(&system, &id, &file).await.status, 200);
    let cancelled = json!({"status": "cancelled", "reason": "ordered twice"});
    assert_eq!(put_status(&system, &id, &cancelled).await.status, 200);
    let last = read(&system, &id).await;
    assert!(last.get("reason").is_none());
    let path = format!("{BASE}/{id}");
    let deleted = system.call(&of(Role::Owner), "DELETE", &path, None).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({"deleted": true, "audit_id": id})));
    for method in ["GET", "DELETE"] {
        assert_eq!(system.call(&of(Role::Owner), method, &path, None).await.status, 404);
    }
    assert_eq!(list(&system, ORG, "").await, (vec![], 0));
    // The export may be recorded anew, under another id.
    assert_ne!(create(&system, ORG, "exp-1").await, id);

    assert_eq!(system.export(ORG).await["eventCount"], 6);
    let lines = system.exported_lines(&bucket);
    let told: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["Create", "StatusChange", "FileAttach", "StatusChange", "Delete", "Create"]);
    for line in &lines {
        assert_eq!((&line["source"], &line["entityType"]), (&json!("bufdir"), &json!("bufdir-export")));
        assert_eq!((&line["orgId"], &line["actor"]), (&json!(ORG), &json!({"id": "tester", "name": null})));
    }
    assert!(lines[..5].iter().all(|line| line["entityId"] == json!(id)));
    assert_eq!(lines[0].get("original"), None);
    // Each change begins where the one before it ended.
    for pair in lines[..5].windows(2) {
        assert_eq!(pair[1]["original"], pair[0]["data"]);
    }
    let tombstone = &lines[4];
    assert_eq!(tombstone["data"], json!({"deleted": true, "audit_id": id}));
    assert!(tombstone["occurredAt"].is_string());
    let before = &tombstone["original"];
    assert_eq!(before["reason"], "ordered twice");
    let instants = ["created_at", "updated_at"];
    for (member, value) in last.as_object().unwrap() {
        if instants.contains(&member.as_str()) {
            let second = &value.as_str().unwrap()[..19];
            assert!(before[member].as_str().unwrap().starts_with(second), "{member}");
        } else {
            assert_eq!(&before[member], value, "{member}");
        }
    }
    assert_eq!(before.as_object().map(serde_json::Map::len), Some(16));
    assert_eq!(lines[5]["data"]["file_url"], Value::Null);
    system.stop().await;
}
