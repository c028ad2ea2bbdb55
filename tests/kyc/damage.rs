use std::ops::RangeInclusive;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::{self, N, S};
use sporlog_model::{CaseAction, Clock, Instant};
use sporlog_store::{CasePageQuery, StoreError};

use super::{ORG, case, change};
use crate::harness::{System, dynamodb, scope_of, soon};

const PARTITION: &str = "ORG#auditply#kyc-case#42";

/// Case 42 with twelve entries, appended five, five and two at a time, and a client that can do what the store never does. Of
/// the twelve, the 1st, 4th, 7th and 10th are searches, the others answers.
struct Table {
    system: System,
    client: Client,
}

impl Table {
    async fn start() -> Self {
        let system = System::start().await;
        let now = Clock::system().now();
        let changes: Vec<_> = (0..12).map(|number| change(number, now)).collect();
        for changes in changes.chunks(5) {
            system.stack.store.append_case_entries(&scope_of(ORG), case(42), changes, now, None).await.unwrap();
        }
        let client = dynamodb(&system.environment(&[]), soon());
        Self { system, client }
    }

    async fn delete(&self, sk: &str) {
        let delete = self.client.delete_item().table_name("Table").key("pk", S(PARTITION.to_owned()));
        delete.key("sk", S(sk.to_owned())).condition_expression("attribute_exists(pk)").send().await.unwrap();
    }

    async fn set_head(&self, attribute: &str, value: u64) {
        let update = self.client.update_item().table_name("Table").key("pk", S(PARTITION.to_owned()));
        let update = update.key("sk", S("HEAD".to_owned())).update_expression("SET #a = :v");
        let update = update.expression_attribute_names("#a", attribute);
        update.expression_attribute_values(":v", N(value.to_string())).send().await.unwrap();
    }

    /// What retention does: first it says how far, then the rows go, both of each.
    async fn remove(&self, numbers: RangeInclusive<u64>, announced: bool) {
        let (last, searches) = (*numbers.end(), numbers.end().div_ceil(3));
        if announced {
            self.set_head("removed", last).await;
            self.set_head("removed_SANCTIONS_SEARCH", searches).await;
            self.set_head("removed_ANSWER_SAVED", last - searches).await;
        }
        for number in numbers {
            self.delete(&format!("EV#{number:012}")).await;
            let searches = number.div_ceil(3);
            let (action, number) =
                if number % 3 == 1 { ("SANCTIONS_SEARCH", searches) } else { ("ANSWER_SAVED", number - searches) };
            self.delete(&format!("ACT#{action}#{number:012}")).await;
        }
    }

    /// The total and the numbers of a page.
    async fn page(&self, action: Option<&str>, page: u64, size: u64) -> Result<(u64, Vec<usize>), StoreError> {
        let query = CasePageQuery { action: action.map(|text| CaseAction::parse(text).unwrap()), page, size };
        let page = self.system.stack.store.case_page(&scope_of(ORG), case(42), &query).await?.unwrap();
        let number = |text: &str| text.parse().unwrap();
        let numbers = page.entries.iter().map(|entry| number(entry.change.new_value.as_ref().unwrap().as_str()));
        Ok((page.total, numbers.collect()))
    }

    /// The numbers that the feed has.
    async fn feed(&self) -> Result<Vec<usize>, StoreError> {
        let (store, scope) = (&self.system.stack.store, scope_of(ORG));
        let mut numbers = Vec::new();
        for day in store.feed_days(&scope, Instant::MIN, Instant::MAX).await? {
            let mut feed = store.feed(&scope, day, Instant::MIN, Instant::MAX);
            while let Some(recorded) = feed.next().await? {
                let data = recorded.event.data.unwrap();
                let data: serde_json::Value = serde_json::from_str(data.as_str()).unwrap();
                numbers.push(data["newValue"].as_str().unwrap().parse().unwrap());
            }
        }
        Ok(numbers)
    }
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(read: Result<T, StoreError>, sk: &str) {
    match read {
        Err(StoreError::Corrupt { key, .. }) => assert_eq!(key, format!("{PARTITION} {sk}")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_has_deleted_is_gone_from_every_read() {
    let table = Table::start().await;
    let (searches, answers) = (Some("SANCTIONS_SEARCH"), Some("ANSWER_SAVED"));
    table.remove(1..=6, true).await;
    assert_eq!(table.page(None, 1, 4).await.unwrap(), (6, vec![11, 10, 9, 8]));
    assert_eq!(table.page(None, 2, 4).await.unwrap(), (6, vec![7, 6]));
    assert_eq!(table.page(None, 3, 4).await.unwrap(), (6, vec![]));
    assert_eq!(table.page(searches, 1, 4).await.unwrap(), (2, vec![9, 6]));
    assert_eq!(table.page(answers, 1, 100).await.unwrap(), (4, vec![11, 10, 8, 7]));
    // Half an append is gone, and all of another.
    assert_eq!(table.feed().await.unwrap(), [6, 7, 8, 9, 10, 11]);
    table.remove(7..=12, true).await;
    for action in [None, searches, answers] {
        assert_eq!(table.page(action, 1, 25).await.unwrap(), (0, vec![]));
    }
    assert!(table.feed().await.unwrap().is_empty());
    // The case is still known, and its numbers go on.
    let (store, now) = (&table.system.stack.store, Clock::system().now());
    store.append_case_entries(&scope_of(ORG), case(42), &[change(12, now)], now, None).await.unwrap();
    assert_eq!(table.page(None, 1, 25).await.unwrap(), (1, vec![12]));
    assert_eq!(table.page(searches, 1, 25).await.unwrap(), (1, vec![12]));
    table.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_missing_otherwise_is_an_error() {
    let table = Table::start().await;
    table.remove(1..=2, true).await;
    table.remove(3..=3, false).await;
    assert_corrupt(table.page(None, 1, 100).await, "EV#000000000003");
    assert_corrupt(table.page(Some("ANSWER_SAVED"), 1, 100).await, "ACT#ANSWER_SAVED#000000000002");
    assert_corrupt(table.feed().await, "EV#000000000003");
    // Where no row is missing, nothing is wrong.
    assert_eq!(table.page(None, 1, 9).await.unwrap().1.len(), 9);
    assert_eq!(table.page(Some("SANCTIONS_SEARCH"), 1, 25).await.unwrap().1, [9, 6, 3]);
    table.delete("EV#000000000008").await;
    assert_corrupt(table.page(None, 1, 5).await, "EV#000000000008");
    table.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_of_the_feed_is_an_error() {
    let table = Table::start().await;
    let (mut rows, today) = (Vec::new(), Clock::system().now().day());
    for shard in 0..8 {
        let query = table.client.query().table_name("Table").key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", S(format!("ORG#{ORG}#FEED#{today}#{shard}")));
        rows.extend(query.send().await.unwrap().items.unwrap_or_default());
    }
    assert_eq!(rows.len(), 3, "one for each append");
    let row = rows.swap_remove(0);
    let key = format!("{} {}", row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
    let put = async |row| table.client.put_item().table_name("Table").set_item(Some(row)).send().await.unwrap();
    for (attribute, value) in [
        ("entity_id", S(String::new())),
        ("first", N("0".to_owned())),
        ("first", N("6".to_owned())),
        ("last", S("five".to_owned())),
        ("last", N("41".to_owned())),
    ] {
        let mut damaged = row.clone();
        damaged.insert(attribute.to_owned(), value);
        put(damaged).await;
        match table.feed().await {
            Err(StoreError::Corrupt { key: named, .. }) => assert_eq!(named, key, "{attribute}"),
            other => panic!("{attribute}: {other:?}"),
        }
    }
    // One that names more than was ever appended, or entries of another instant.
    let mut damaged = row.clone();
    damaged.insert("first".to_owned(), N("12".to_owned()));
    damaged.insert("last".to_owned(), N("13".to_owned()));
    put(damaged.clone()).await;
    assert_corrupt(table.feed().await, "EV#000000000013");
    damaged.insert("last".to_owned(), N("12".to_owned()));
    put(damaged).await;
    assert_corrupt(table.feed().await, "EV#000000000012");
    put(row).await;
    assert_eq!(table.feed().await.unwrap().len(), 12);
    table.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_come_late_are_listed_for_retention() {
    let system = System::start().await;
    let (store, scope, now) = (&system.stack.store, scope_of(ORG), Clock::system().now());
    let ago = |seconds| now.minus(Duration::from_secs(seconds));
    let lists: [&[Instant]; 3] = [&[now, ago(3_500)], &[now, ago(90_000), ago(4_000)], &[ago(3_700)]];
    for (number, list) in lists.iter().enumerate() {
        let changes: Vec<_> = list.iter().map(|at| change(number, *at)).collect();
        store.append_case_entries(&scope, case(42), &changes, now, None).await.unwrap();
    }
    let client = dynamodb(&system.environment(&[]), soon());
    let mut rows = Vec::new();
    for shard in 0..8 {
        let query = client.query().table_name("Table").key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", S(format!("ORG#{ORG}#LATE#audit.kyc#{shard}")));
        rows.extend(query.send().await.unwrap().items.unwrap_or_default());
    }
    let text = |row: &std::collections::HashMap<String, AttributeValue>, name: &str| row[name].as_s().unwrap().clone();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "sk")[..36].to_owned(), text(row, "entity_id"), row["last"].as_n().unwrap().clone()))
        .collect();
    let expected = |at: Instant, last: &str| (format!("{at}#kyc-case"), "42".to_owned(), last.to_owned());
    assert_eq!(told, [expected(ago(90_000), "5"), expected(ago(3_700), "6")]);
    assert!(rows.iter().all(|row| Instant::parse(&text(row, "recorded_at")).unwrap() >= now));
    system.stop().await;
}
