use serde_json::{Value, json};

use super::{Cases, assert_error, entry, pagination, rows};

const ACTION: &str = "must be 1 to 64 capital letters, digits and '_', starting with a letter";
const LABEL: &str = "must be a text of 1 to 200 characters";
const TEXT: &str = "must be a text of at most 10000 characters";
const TIMESTAMP: &str = "must be an RFC 3339 date and time";

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_parameter_outside_its_range_is_named() {
    let cases = Cases::start().await;
    cases.append("42", &entry("A")).await;
    let page = "page must be a whole number from 1 to 9007199254740991";
    let page_size = "page_size must be a whole number from 1 to 100";
    let action = format!("action {ACTION}");
    let too_long = format!("?action={}", "A".repeat(65));
    for (query, message) in [
        ("?page=0", page),
        ("?page=-1", page),
        ("?page=%2B1", page),
        ("?page=1.5", page),
        ("?page=x", page),
        ("?page=", page),
        ("?page=9007199254740992", page),
        ("?page=99999999999999999999999", page),
        ("?page_size=0", page_size),
        ("?page_size=101", page_size),
        ("?page_size=-25", page_size),
        ("?page_size=all", page_size),
        ("?action=", &action),
        ("?action=status_changed", &action),
        ("?action=_A", &action),
        ("?action=9A", &action),
        ("?action=A%23B", &action),
        ("?action=A%20B", &action),
        (&too_long, &action),
    ] {
        assert_error(&cases.get(&format!("42/audit-log{query}")).await, 400, "validation_error", message);
    }
    // The first value counts, and unknown parameters do not.
    let body = cases.page("42", "?page_size=1&page_size=0&page=1&page=x&order=asc&Page=0").await;
    assert_eq!(pagination(&body), (1, 1, 1, 1, false));
    for query in ["?page=9007199254740991&page_size=100", "?page=2", "?page=2&action=A"] {
        let body = cases.page("42", query).await;
        assert!(rows(&body).is_empty());
        assert_eq!(pagination(&body).2, 1, "{query}");
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_a_positive_integer_and_exists_from_its_first_entry() {
    let cases = Cases::start().await;
    let invalid = "id must be a positive integer up to 9007199254740991";
    for id in ["0", "-1", "+1", "1.0", "x", "9007199254740992", "%FF", "1%23"] {
        for path in [format!("{id}/audit-log"), format!("{id}/status-history")] {
            assert_error(&cases.get(&path).await, 400, "validation_error", invalid);
        }
        assert_error(&cases.post(id, &entry("A")).await, 400, "validation_error", invalid);
    }
    for path in ["42/audit-log", "42/audit-log?page=9&action=A", "42/status-history", "9007199254740991/audit-log"] {
        assert_error(&cases.get(path).await, 404, "case_not_found", "There is no such case");
    }
    cases.append("42", &entry("A")).await;
    for (query, page, size) in [("?action=B", 1, 25), ("?action=B&page=7&page_size=3", 7, 3)] {
        let body = cases.page("42", query).await;
        assert!(rows(&body).is_empty());
        assert_eq!(pagination(&body), (page, size, 0, 0, false));
    }
    assert_eq!(cases.get("42/status-history").await.json()["data"], json!([]));
    assert_eq!(cases.get("41/audit-log").await.status, 404);
    assert_eq!(cases.append("9007199254740991", &entry("A")).await.len(), 1);
    cases.system.stop().await;
}

/// The entry with one member changed.
fn with(member: &str, value: Value) -> Value {
    let mut entry = entry("A");
    entry[member] = value;
    entry
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_entry_that_is_wrong_is_named_by_member_and_place() {
    let cases = Cases::start().await;
    for (member, value, problem) in [
        ("user", json!(null), "is required"),
        ("entity_type", json!(null), "is required"),
        ("action", json!(null), "is required"),
        ("user", json!(7), LABEL),
        ("user", json!(" "), LABEL),
        ("user", json!("x".repeat(201)), LABEL),
        ("entity_type", json!(""), LABEL),
        ("field", json!("a\nb"), LABEL),
        ("action", json!("saved"), ACTION),
        ("action", json!("A".repeat(65)), ACTION),
        ("old_value", json!(false), TEXT),
        ("new_value", json!({"a": 1}), TEXT),
        ("reason", json!("x".repeat(10_001)), TEXT),
        ("timestamp", json!("2025-03-10"), TIMESTAMP),
        ("timestamp", json!(1_741_598_100), TIMESTAMP),
        ("timestamp", json!("2099-01-01T00:00:00Z"), "must not be more than 5 minutes in the future"),
    ] {
        let wrong = with(member, value);
        let answer = cases.post("42", &wrong).await;
        assert_error(&answer, 422, "validation_error", &format!("{member} {problem}"));
        let list = json!({"entries": [entry("A"), entry("A"), wrong]});
        let answer = cases.post("42", &list).await;
        assert_error(&answer, 422, "validation_error", &format!("entries[2].{member} {problem}"));
    }
    let entries = "entries must be a list of 1 to 40 entries";
    for (body, message) in [
        (json!({"entries": []}), entries),
        (json!({"entries": vec![entry("A"); 41]}), entries),
        (json!({"entries": entry("A")}), entries),
        (json!({"entries": [entry("A"), "B"]}), "entries[1] must be an object"),
        (json!({}), "user is required"),
        (json!([entry("A")]), "The body must be a JSON object"),
    ] {
        assert_error(&cases.post("42", &body).await, 422, "validation_error", message);
    }
    // None of all these left anything.
    assert_eq!(cases.get("42/audit-log").await.status, 404);
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_body_that_cannot_be_read_is_refused() {
    let cases = Cases::start().await;
    let path = "/api/v1/kyc/cases/42/audit-log";
    let send = async |headers: &[(&str, &str)], body: String| {
        let all = [&[("x-api-key", cases.key.as_str())], headers].concat();
        cases.system.send("POST", path, &all, Some(body)).await
    };
    let (json, text) = (("content-type", "application/json"), ("content-type", "text/plain"));
    let good = entry("A").to_string();
    let key = "Idempotency-Key must be 1 to 255 visible ASCII characters";
    let long = "k".repeat(256);
    for (headers, body, status, code, message) in [
        (&[json][..], "{".to_owned(), 400, "malformed_body", "The body is not JSON"),
        (&[json], String::new(), 400, "malformed_body", "The body is not JSON"),
        (&[text], good.clone(), 415, "unsupported_media_type", "The content type must be application/json"),
        (&[], good.clone(), 415, "unsupported_media_type", "The content type must be application/json"),
        (&[json], " ".repeat(1024 * 1024 + 1), 413, "body_too_large", "The body is larger than 1 MB"),
        (&[json, ("idempotency-key", "")], good.clone(), 400, "validation_error", key),
        (&[json, ("idempotency-key", "a b")], good.clone(), 400, "validation_error", key),
        (&[json, ("idempotency-key", &long)], good, 400, "validation_error", key),
    ] {
        assert_error(&send(headers, body).await, status, code, message);
    }
    assert_eq!(cases.get("42/audit-log").await.status, 404);
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_case_has_256_different_actions_at_most() {
    let cases = Cases::start().await;
    let actions: Vec<Value> = (0..257).map(|number| entry(&format!("A{number}"))).collect();
    for actions in actions[..240].chunks(40) {
        cases.append("42", &json!({"entries": actions})).await;
    }
    let message = "A case has at most 256 different actions";
    let answer = cases.post("42", &json!({"entries": actions[240..257]})).await;
    assert_error(&answer, 422, "too_many_actions", message);
    cases.append("42", &json!({"entries": actions[240..256]})).await;
    assert_error(&cases.post("42", &actions[256]).await, 422, "too_many_actions", message);
    // Known ones go on, and so do other cases.
    cases.append("42", &actions[0]).await;
    cases.append("43", &actions[256]).await;
    assert_eq!(pagination(&cases.page("42", "").await).2, 257);
    assert_eq!(pagination(&cases.page("42", "?action=A0").await).2, 2);
    cases.system.stop().await;
}
