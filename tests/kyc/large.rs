use serde_json::{Value, json};

use super::{Cases, assert_error, entry, rows};
use crate::harness::incompressible;

/// An entry with as much text as there can be.
fn longest(number: u64) -> Value {
    let mut entry = entry("ANSWER_SAVED");
    for (member, seed) in [("old_value", 1), ("new_value", 2), ("reason", 3)] {
        entry[member] = json!(incompressible(10_000, 17 + number * 3 + seed));
    }
    entry
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_longest_texts_come_back_whole() {
    let cases = Cases::start().await;
    // As much as a body takes: 1 MB.
    let entries: Vec<Value> = (0..34).map(longest).collect();
    let answer = rows(&json!({"data": cases.append("42", &json!({"entries": entries})).await}));
    let page = rows(&cases.page("42", "?page_size=34").await);
    assert!(page.iter().rev().eq(&answer));
    for (row, sent) in answer.iter().zip(&entries) {
        for member in ["old_value", "new_value", "reason"] {
            assert_eq!(row[member], sent[member]);
        }
    }
    // And what takes the most bytes when it is encoded and escaped.
    for character in ["\u{1}", "\u{1f600}", "\"", "\\"] {
        let mut entry = entry("ANSWER_SAVED");
        for member in ["old_value", "new_value", "reason"] {
            entry[member] = json!(character.repeat(10_000));
        }
        let row = cases.append("43", &entry).await.remove(0);
        assert_eq!((&row["reason"], &row["old_value"]), (&entry["reason"], &entry["old_value"]));
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lambda_cannot_carry_is_refused_with_the_page_size_that_would_do() {
    let cases = Cases::start().await;
    let mut entry = entry("STATUS_CHANGED");
    for member in ["old_value", "new_value", "reason"] {
        // Escaped twice, each of these is four bytes.
        entry[member] = json!("\"".repeat(10_000));
    }
    for _ in 0..5 {
        cases.append("42", &json!({"entries": vec![entry.clone(); 16]})).await;
    }
    let answer = cases.get("42/audit-log?page_size=80").await;
    let fits: usize = answer.json()["error"]["message"]
        .as_str()
        .unwrap()
        .split(['=', ' '])
        .find_map(|word| word.parse().ok())
        .unwrap();
    assert_error(
        &answer,
        413,
        "answer_too_large",
        &format!("The answer is too large: ask for page_size={fits} or less"),
    );
    assert!((45..60).contains(&fits), "{fits}");
    assert_eq!(rows(&cases.page("42", &format!("?page_size={fits}")).await).len(), fits);
    assert_eq!(cases.get(&format!("42/audit-log?page_size={}", fits + 1)).await.status, 413);

    for _ in 0..8 {
        cases.append("42", &json!({"entries": vec![entry.clone(); 16]})).await;
    }
    let message = "The answer is too large: read the pages of audit-log?action=STATUS_CHANGED";
    assert_error(&cases.get("42/status-history").await, 413, "answer_too_large", message);
    cases.system.stop().await;
}
