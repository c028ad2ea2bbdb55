use serde_json::{Value, json};

use super::function::Function;
use super::{BASE, ORG, assert_error, create, moved, new_export, put_file, put_status, read};
use crate::harness::{ManualClock, System};

const STATUSES: [&str; 5] = ["queued", "processing", "completed", "failed", "cancelled"];

/// How a new record gets to each status.
const WAYS: [&[&str]; 5] = [&[], &["processing"], &["processing", "completed"], &["failed"], &["cancelled"]];

/// Which moves there are; rows: from, columns: to.
const MOVES: [[bool; 5]; 5] = [
    [false, true, false, true, true],
    [false, false, true, true, true],
    [false; 5],
    [true, false, false, false, false],
    [false; 5],
];

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_move_is_made_or_refused_as_the_table_says() {
    let system = System::start().await;
    for (row, from) in STATUSES.into_iter().enumerate() {
        for (column, to) in STATUSES.into_iter().enumerate() {
            let id = create(&system, ORG, &format!("{from}-{to}")).await;
            moved(&system, &id, WAYS[row]).await;
            let answer = put_status(&system, &id, &json!({"status": to})).await;
            if MOVES[row][column] {
                let body = answer.json();
                let expected = json!({"audit_id": id, "status": to, "updated_at": body["updated_at"]});
                assert_eq!((answer.status, body), (200, expected), "{from} {to}");
            } else {
                let message = format!("status cannot go from {from} to {to}");
                assert_error(&answer, 409, "invalid_transition", Some("status"), &message);
            }
            assert_eq!(read(&system, &id).await["status"], if MOVES[row][column] { to } else { from });
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_attached_while_processing_or_completed() {
    let system = System::start().await;
    for (row, status) in STATUSES.into_iter().enumerate() {
        let id = create(&system, ORG, status).await;
        moved(&system, &id, WAYS[row]).await;
        let file = json!({"file_url": "https://storage.example.no/a.xlsx", "file_size_bytes": 0});
        let answer = put_file(&system, &id, &file).await;
        if ["processing", "completed"].contains(&status) {
            assert_eq!(answer.status, 200, "{status}: {}", answer.text());
            let record = read(&system, &id).await;
            assert_eq!((&record["file_url"], &record["file_size_bytes"]), (&file["file_url"], &json!(0)));
            assert_eq!(record["updated_at"], answer.json()["updated_at"]);
            // A later file takes its place; its size need not be known.
            let other = json!({"file_url": "https://storage.example.no/b.xlsx"});
            assert_eq!(put_file(&system, &id, &other).await.status, 200);
            let record = read(&system, &id).await;
            assert_eq!((&record["file_url"], &record["file_size_bytes"]), (&other["file_url"], &Value::Null));
        } else {
            let message = format!("file_url can be attached while processing or completed, not while {status}");
            assert_error(&answer, 409, "file_not_allowed", Some("file_url"), &message);
        }
    }
    system.stop().await;
}

/// A function at 10:00:00.5 with a record made then, and that record's path.
async fn at_ten(system: &System) -> (Function, ManualClock, String) {
    let clock = ManualClock::at("2026-03-26T10:00:00.5Z");
    let function = Function::new(system, clock.clock());
    assert_eq!(function.call("POST", BASE, Some(&new_export(ORG, "exp-1"))).await.0, 201);
    (function, clock, format!("{BASE}/aud-20260326-001/status"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_never_before_the_one_before_it() {
    let system = System::start().await;
    let (function, clock, path) = at_ten(&system).await;
    clock.set("2026-03-26T10:05:00Z");
    let put = async |body: Value| {
        let (status, answer) = function.call("PUT", &path, Some(&body)).await;
        let told = if status == 200 { &answer["updated_at"] } else { &answer["error"]["message"] };
        (status, told.as_str().unwrap().to_owned())
    };
    let to = |status: &str, at: &str| json!({"status": status, "updated_at": at});
    let early = |last: &str| (422, format!("updated_at must not be before {last}, the record's last update"));
    let moved = |at: &str| (200, at.to_owned());

    assert_eq!(put(to("processing", "2026-03-26T09:59:59.9Z")).await, early("2026-03-26T10:00:00Z"));
    // What was shown as `created_at`, in another zone.
    assert_eq!(put(to("processing", "2026-03-26T11:00:00+01:00")).await, moved("2026-03-26T10:00:00Z"));
    // The same again changes nothing; at another instant it is no repeat.
    assert_eq!(put(to("processing", "2026-03-26T10:00:00Z")).await, moved("2026-03-26T10:00:00Z"));
    assert_eq!(put(to("processing", "2026-03-26T10:00:01Z")).await.0, 409);
    assert_eq!(put(json!({"status": "processing"})).await.0, 409);
    assert_eq!(put(to("failed", "2026-03-26T10:04:00Z")).await, moved("2026-03-26T10:04:00Z"));
    assert_eq!(put(to("queued", "2026-03-26T10:03:59Z")).await, early("2026-03-26T10:04:00Z"));
    assert_eq!(put(json!({"status": "queued"})).await, moved("2026-03-26T10:05:00Z"));
    // A server whose clock is behind moves nothing back.
    clock.set("2026-03-26T09:00:00Z");
    assert_eq!(put(json!({"status": "cancelled"})).await, moved("2026-03-26T10:05:00Z"));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_starts_over() {
    let system = System::start().await;
    let id = create(&system, ORG, "exp-1").await;
    moved(&system, &id, &["processing"]).await;
    let file = json!({"file_url": "https://storage.example.no/a.xlsx", "file_size_bytes": 1});
    assert_eq!(put_file(&system, &id, &file).await.status, 200);
    let failed = json!({"status": "failed", "error_message": "disk full", "activity_count": 7});
    assert_eq!(put_status(&system, &id, &failed).await.status, 200);
    let record = read(&system, &id).await;
    assert_eq!((&record["error_message"], &record["activity_count"]), (&json!("disk full"), &json!(7)));
    moved(&system, &id, &["queued"]).await;
    let record = read(&system, &id).await;
    for member in ["error_message", "activity_count", "file_url", "file_size_bytes"] {
        assert_eq!(record[member], Value::Null, "{member}");
    }
    let processing = json!({"status": "processing", "activity_count": 0});
    assert_eq!(put_status(&system, &id, &processing).await.status, 200);
    moved(&system, &id, &["completed"]).await;
    assert_eq!(read(&system, &id).await["activity_count"], 0);
    system.stop().await;
}
