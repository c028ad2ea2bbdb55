use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{BASE, ORG, assert_error, create, list, new_export, of, put_file, put_status, read};
use crate::harness::System;

const STATUSES: &str = "must be one of queued, processing, completed, failed, cancelled";
const FORMATS: &str = "must be one of excel, csv, pdf";
const VISIBLE: &str = "must be 1 to 128 visible characters";
const DATE: &str = "must be a date: YYYY-MM-DD";
const INSTANT: &str = "must be an RFC 3339 date and time";
const URL: &str = "must be an https URL with a host, without a user, of at most 2048 characters";
const COUNT: &str = "must be a whole number from 0";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_new_record_is_named() {
    let system = System::start().await;
    let word = "must be 1 to 64 lower-case letters, digits or '_'";
    for (member, value, problem) in [
        ("export_id", json!(null), "is required"),
        ("export_id", json!(1), "must be a text"),
        ("export_id", json!(""), VISIBLE),
        ("export_id", json!("a b"), VISIBLE),
        ("export_id", json!("x".repeat(129)), VISIBLE),
        ("org_id", json!(null), "is required"),
        ("org_id", json!(42), "must be a text"),
        ("triggered_by_user_id", json!(null), "is required"),
        ("triggered_by_user_id", json!("a\nb"), VISIBLE),
        ("format", json!(null), "is required"),
        ("format", json!("xlsx"), FORMATS),
        ("format", json!("Excel"), FORMATS),
        ("period_from", json!(null), "is required"),
        ("period_from", json!("2025-02-30"), DATE),
        ("period_from", json!("2025-01-01T00:00:00Z"), DATE),
        ("period_to", json!(20_251_231), DATE),
        ("period_to", json!("20251231"), DATE),
        ("period_to", json!("2024-12-31"), "must not be before period_from"),
        ("activity_types", json!("group_session"), "must be a list of texts"),
        ("activity_types", json!([1]), "must be a list of texts"),
        ("activity_types", json!(["Group"]), word),
        ("activity_types", json!(["a", ""]), word),
        ("activity_types", json!(vec!["a"; 101]), "must be at most 100"),
    ] {
        let mut body = new_export(ORG, "exp-1");
        body[member] = value;
        let answer = system.call(&of(Role::Member), "POST", BASE, Some(&body)).await;
        assert_error(&answer, 422, "validation_error", Some(member), &format!("{member} {problem}"));
    }
    assert_eq!(list(&system, ORG, "").await, (vec![], 0));

    // Unknown members are ignored, and the list of types may be empty.
    let mut body = new_export(ORG, &"ø".repeat(128));
    body["activity_types"] = json!([]);
    body["status"] = json!("completed");
    body["period_to"] = body["period_from"].clone();
    let answer = system.call(&of(Role::Member), "POST", BASE, Some(&body)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (201, &json!("queued")));
    let record = read(&system, answer.json()["audit_id"].as_str().unwrap()).await;
    assert_eq!((&record["activity_types"], &record["export_id"]), (&json!([]), &body["export_id"]));
    let without = create(&system, ORG, "exp-2").await;
    assert_eq!(read(&system, &without).await["activity_types"], Value::Null);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_update_is_named() {
    let system = System::start().await;
    let id = create(&system, ORG, "exp-1").await;
    let remark = "must be a text of 1 to 2000 characters";
    for (body, field, problem) in [
        (json!({}), "status", "is required"),
        (json!({"status": 1}), "status", "must be a text"),
        (json!({"status": "done"}), "status", STATUSES),
        (json!({"status": "failed", "updated_at": 1}), "updated_at", INSTANT),
        (json!({"status": "failed", "updated_at": "2026-03-26"}), "updated_at", INSTANT),
        (json!({"status": "failed", "activity_count": -1}), "activity_count", COUNT),
        (json!({"status": "failed", "activity_count": 1.5}), "activity_count", COUNT),
        (json!({"status": "failed", "activity_count": "1"}), "activity_count", COUNT),
        (json!({"status": "failed", "error_message": 1}), "error_message", "must be a text"),
        (json!({"status": "failed", "error_message": ""}), "error_message", remark),
        (json!({"status": "failed", "error_message": "x".repeat(2_001)}), "error_message", remark),
        (json!({"status": "cancelled", "error_message": "x"}), "error_message", "can only come with the status failed"),
        (json!({"status": "failed", "reason": "x"}), "reason", "can only come with the status cancelled"),
        (json!({"status": "processing", "reason": "x"}), "reason", "can only come with the status cancelled"),
        (json!({"status": "cancelled", "reason": ""}), "reason", remark),
    ] {
        let answer = put_status(&system, &id, &body).await;
        assert_error(&answer, 422, "validation_error", Some(field), &format!("{field} {problem}"));
    }
    for (body, field, problem) in [
        (json!({}), "file_url", "is required"),
        (json!({"file_url": 1}), "file_url", "must be a text"),
        (json!({"file_url": "http://a/b"}), "file_url", URL),
        (json!({"file_url": format!("https://a/{}", "x".repeat(2_039))}), "file_url", URL),
        (json!({"file_url": "https://a/b", "file_size_bytes": -1}), "file_size_bytes", COUNT),
        (json!({"file_url": "https://a/b", "file_size_bytes": "1"}), "file_size_bytes", COUNT),
    ] {
        let answer = put_file(&system, &id, &body).await;
        assert_error(&answer, 422, "validation_error", Some(field), &format!("{field} {problem}"));
    }
    assert_eq!(read(&system, &id).await["status"], "queued");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_body_that_cannot_be_read_is_refused() {
    let system = System::start().await;
    let id = create(&system, ORG, "exp-1").await;
    let large = format!("{{\"status\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (method, path) in
        [("POST", BASE.to_owned()), ("PUT", format!("{BASE}/{id}/status")), ("PUT", format!("{BASE}/{id}/file"))]
    {
        for (kind, body, status, code, message) in [
            ("text/plain", "{}", 415, "unsupported_media_type", "The content type must be application/json"),
            ("application/json", "{", 400, "malformed_body", "The body is not JSON"),
            ("application/json", "", 400, "malformed_body", "The body is not JSON"),
            ("application/json", "[]", 422, "validation_error", "The body must be a JSON object"),
            ("application/json", large.as_str(), 413, "body_too_large", "The body is larger than 1 MB"),
        ] {
            let answer = system.call_with(&of(Role::Admin), method, &path, kind, body.to_owned()).await;
            assert_error(&answer, status, code, None, message);
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_wrong_with_a_list_is_named() {
    let system = System::start().await;
    for (name, values, problem) in [
        ("page", &["", "0", "-1", "+1", "1.5", "x", "99999999999999999999"][..], "must be a whole number from 1"),
        ("limit", &["", "0", "101", "-1", "x"], "must be a whole number from 1 to 100"),
        ("status", &["", "done", "Queued"], STATUSES),
        ("format", &["", "xlsx"], FORMATS),
        ("from", &["", "yesterday", "2026-03-26", "2026-03-26T10:00:00"], INSTANT),
        ("to", &["", "1700000000000"], INSTANT),
    ] {
        for value in values {
            let answer = system.call(&of(Role::Member), "GET", &format!("{BASE}?{name}={value}"), None).await;
            assert_error(&answer, 422, "validation_error", Some(name), &format!("{name} {problem}"));
        }
    }
    // Unknown ones are ignored, and of a repeated one the first counts.
    let answer = system.call(&of(Role::Member), "GET", &format!("{BASE}?limit=7&limit=x&sort=x&page=2"), None).await;
    assert_eq!(answer.json(), json!({"data": [], "pagination": {"page": 2, "limit": 7, "total": 0}}));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_no_id_is_not_found() {
    let system = System::start().await;
    let id = create(&system, ORG, "exp-1").await;
    let (padded, other) = (id.replace("-001", "-0001"), id.replace("-001", "-002"));
    for id in ["1", "aud-20260326-7", "api", "%ff", &padded, &other, &id.to_uppercase()] {
        let body = json!({"status": "processing", "file_url": "https://a/b"});
        for (method, path) in [
            ("GET", format!("{BASE}/{id}")),
            ("DELETE", format!("{BASE}/{id}")),
            ("PUT", format!("{BASE}/{id}/status")),
            ("PUT", format!("{BASE}/{id}/file")),
        ] {
            let answer = system.call(&of(Role::Admin), method, &path, Some(&body)).await;
            assert_error(&answer, 404, "audit_not_found", None, "There is no such audit record");
        }
    }
    system.stop().await;
}
