use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Cases, ids, pagination, rows};

/// An append of `size` entries, marked by who sends it.
fn entries(appender: usize, append: usize, size: usize) -> Value {
    let entry = |n: usize| {
        let action = if (appender + n).is_multiple_of(2) { "EVEN" } else { "ODD" };
        json!({"user": format!("{appender}"), "entity_type": "kyc_answer", "action": action,
               "field": format!("{append}"), "new_value": format!("{n}")})
    };
    json!({"entries": (0..size).map(entry).collect::<Vec<_>>()})
}

/// The whole log of a case, oldest first, read page by page.
async fn whole(cases: &Cases, case: &str, action: &str) -> Vec<Value> {
    let (mut all, mut page) = (Vec::new(), 1);
    loop {
        let body = cases.page(case, &format!("?page={page}&page_size=100{action}")).await;
        all.extend(rows(&body));
        page += 1;
        if !pagination(&body).4 {
            assert_eq!(all.len() as u64, pagination(&body).2);
            all.reverse();
            return all;
        }
    }
}

/// What must hold of a log, whoever wrote it at the same time: ids rise, and the entries of an append are together, in order.
fn assert_in_order(log: &[Value], size: usize) {
    let ids = ids(&json!({"data": log}));
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    let mut appends = BTreeSet::new();
    for append in log.chunks(size) {
        let of = |row: &Value| (row["user"].clone(), row["field"].clone());
        for (n, row) in append.iter().enumerate() {
            assert_eq!((of(row), &row["new_value"]), (of(&append[0]), &json!(n.to_string())));
            assert_eq!(row["id"].as_u64().unwrap(), append[0]["id"].as_u64().unwrap() + n as u64);
        }
        let mark = (append[0]["user"].to_string(), append[0]["field"].to_string());
        assert!(appends.insert(mark), "an append is there twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_who_append_to_one_case_at_once_all_get_in() {
    let cases = Cases::start().await;
    let appender = async |appender: usize| {
        for append in 0..3 {
            let answer = cases.append("42", &entries(appender, append, 3)).await;
            assert_in_order(&answer, 3);
        }
    };
    join_all((0..20).map(appender)).await;
    let log = whole(&cases, "42", "").await;
    assert_eq!(log.len(), 180);
    assert_in_order(&log, 3);
    for action in ["EVEN", "ODD"] {
        let expected: Vec<&Value> = log.iter().filter(|row| row["action"] == action).collect();
        let filtered = whole(&cases, "42", &format!("&action={action}")).await;
        assert!(filtered.iter().eq(expected), "{action}");
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_unique_in_the_organization_and_rise_in_each_case() {
    let cases = Cases::start().await;
    let appender = async |appender: usize| {
        for append in 0..5 {
            cases.append(&format!("{}", appender % 4 + 1), &entries(appender, append, 2)).await;
        }
    };
    join_all((0..20).map(appender)).await;
    let mut all = Vec::new();
    for case in 1..=4 {
        let log = whole(&cases, &case.to_string(), "").await;
        assert_eq!(log.len(), 50);
        assert_in_order(&log, 2);
        all.extend(ids(&json!({"data": log})));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 200);
    cases.system.stop().await;
}
