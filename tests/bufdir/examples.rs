use serde_json::{Value, json};
use sporlog_model::bufdir::AuditId;

use super::function::Function;
use super::{BASE, DOUBLED, ORG};
use crate::harness::{ManualClock, System};

/// The request of the published document.
fn published() -> Value {
    json!({
        "export_id": "exp-20260326-xyz789", "org_id": ORG, "triggered_by_user_id": "usr-0099", "format": "pdf",
        "period_from": "2025-01-01", "period_to": "2025-12-31", "activity_types": ["group_session"],
    })
}

/// Every example of the published document as it stands, on the day that it speaks of.
#[tokio::test(flavor = "multi_thread")]
async fn the_published_examples_are_answered_as_published() {
    for base in [DOUBLED, BASE] {
        let system = System::start().await;
        let clock = ManualClock::at("2026-03-26T10:00:00.250Z");
        let function = Function::new(&system, clock.clock());
        let created = function.call("POST", base, Some(&published())).await;
        let expected = json!({
            "audit_id": "aud-20260326-001", "export_id": "exp-20260326-xyz789", "status": "queued",
            "created_at": "2026-03-26T10:00:00Z",
        });
        assert_eq!(created, (201, expected), "{base}");
        let path = format!("{base}/aud-20260326-001");

        let mut single = json!({
            "audit_id": "aud-20260326-001", "export_id": "exp-20260326-xyz789", "org_id": ORG,
            "triggered_by_user_id": "usr-0099", "status": "queued", "format": "pdf", "period_from": "2025-01-01",
            "period_to": "2025-12-31", "file_url": null, "activity_count": null, "created_at": "2026-03-26T10:00:00Z",
            "updated_at": "2026-03-26T10:00:00Z", "activity_types": ["group_session"], "file_size_bytes": null,
            "error_message": null,
        });
        assert_eq!(function.call("GET", &path, None).await, (200, single.clone()), "{base}");

        clock.set("2026-03-26T10:00:11Z");
        let update = json!({"status": "processing", "updated_at": "2026-03-26T10:00:10Z"});
        let updated = function.call("PUT", &format!("{path}/status"), Some(&update)).await;
        let expected =
            json!({"audit_id": "aud-20260326-001", "status": "processing", "updated_at": "2026-03-26T10:00:10Z"});
        assert_eq!(updated, (200, expected), "{base}");

        clock.set("2026-03-26T10:02:45.999Z");
        let url = "https://storage.example.no/exports/exp-20260326-xyz789.pdf";
        let file = json!({"file_url": url, "file_size_bytes": 1_048_576});
        let attached = function.call("PUT", &format!("{path}/file"), Some(&file)).await;
        let expected = json!({"audit_id": "aud-20260326-001", "file_url": url, "updated_at": "2026-03-26T10:02:45Z"});
        assert_eq!(attached, (200, expected), "{base}");

        clock.set("2026-03-26T10:03:21Z");
        let update = json!({"status": "completed", "activity_count": 312});
        assert_eq!(function.call("PUT", &format!("{path}/status"), Some(&update)).await.0, 200);
        for (member, value) in [
            ("status", json!("completed")),
            ("file_url", json!(url)),
            ("file_size_bytes", json!(1_048_576)),
            ("activity_count", json!(312)),
            ("updated_at", json!("2026-03-26T10:03:21Z")),
        ] {
            single[member] = value;
        }
        assert_eq!(function.call("GET", &path, None).await, (200, single.clone()), "{base}");

        let members = [
            "audit_id",
            "export_id",
            "org_id",
            "triggered_by_user_id",
            "status",
            "format",
            "file_url",
            "created_at",
            "updated_at",
        ];
        let listed: Value = members.iter().map(|member| ((*member).to_owned(), single[member].clone())).collect();
        let expected = json!({"data": [listed], "pagination": {"page": 1, "limit": 20, "total": 1}});
        assert_eq!(function.call("GET", base, None).await, (200, expected), "{base}");

        let deleted = function.call("DELETE", &path, None).await;
        assert_eq!(deleted, (200, json!({"deleted": true, "audit_id": "aud-20260326-001"})), "{base}");
        for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("PUT", format!("{path}/status"))] {
            assert_eq!(function.call(method, &path, Some(&update)).await.0, 404, "{method} {path}");
        }
        let empty = json!({"data": [], "pagination": {"page": 1, "limit": 20, "total": 0}});
        assert_eq!(function.call("GET", base, None).await, (200, empty), "{base}");
        system.stop().await;
    }
}

/// Both paths are one API: what is made on one is there on the other.
#[tokio::test(flavor = "multi_thread")]
async fn both_paths_show_the_same_records() {
    let system = System::start().await;
    let function = Function::new(&system, ManualClock::at("2026-03-26T10:00:00Z").clock());
    assert_eq!(function.call("POST", DOUBLED, Some(&published())).await.0, 201);
    for base in [BASE, DOUBLED] {
        assert_eq!(function.call("GET", &format!("{base}/aud-20260326-001"), None).await.0, 200);
        assert_eq!(function.call("POST", base, Some(&published())).await.0, 409);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_utc_and_counts_from_one() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-26T23:59:59.999999Z");
    let function = Function::new(&system, clock.clock());
    let mut number = 0;
    let mut create = async || {
        number += 1;
        let body = super::new_export(ORG, &format!("exp-{number}"));
        let (status, created) = function.call("POST", BASE, Some(&body)).await;
        assert_eq!(status, 201, "{created}");
        let id = created["audit_id"].as_str().unwrap().to_owned();
        assert!(AuditId::parse(&id).is_ok());
        id
    };
    assert_eq!([create().await, create().await], ["aud-20260326-001", "aud-20260326-002"]);
    clock.set("2026-03-27T00:00:00Z");
    assert_eq!(create().await, "aud-20260327-001");
    clock.set("2026-03-26T12:00:00Z");
    assert_eq!(create().await, "aud-20260326-003");
    system.stop().await;
}
