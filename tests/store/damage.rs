use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::{self, B, N, S};
use sporlog_model::{Clock, EntityType, Event, JsonObject};
use sporlog_store::{SortField, Store, StoreError};

use super::bodies::snapshot_of;
use super::{ORDER, feed, history_by};
use crate::harness::{FolioEvent, System, dynamodb, scope_of, soon};

type Item = HashMap<String, AttributeValue>;

/// A table with a history of three events, the last of which has parts, and a client that can do what the store never does.
struct Damaged {
    system: System,
    client: Client,
}

impl Damaged {
    async fn start() -> Self {
        let system = System::start().await;
        let client = dynamodb(&system.environment(&[]), soon());
        Self { system, client }
    }

    fn store(&self) -> &Store {
        &self.system.stack.store
    }

    async fn fill(&self, org: &str) {
        for n in 0..3 {
            let event = Event { data: Some(snapshot(n)), ..FolioEvent::nth(EntityType::Order, ORDER, n).event() };
            self.store().append(&scope_of(org), &event).await.unwrap();
        }
    }

    /// The rows of a partition whose sort key begins with `prefix`.
    async fn rows(&self, partition: &str, prefix: &str) -> Vec<Item> {
        let query =
            self.client.query().table_name("Table").key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let query = query.expression_attribute_values(":pk", S(partition.to_owned()));
        let query = query.expression_attribute_values(":sk", S(prefix.to_owned()));
        query.send().await.unwrap().items.unwrap_or_default()
    }

    async fn put(&self, row: Item) {
        self.client.put_item().table_name("Table").set_item(Some(row)).send().await.unwrap();
    }

    async fn damage(&self, row: &Item, damage: Damage) {
        let mut changed = row.clone();
        damage(&mut changed);
        if changed.is_empty() { self.delete(row).await } else { self.put(changed).await }
    }

    async fn delete(&self, row: &Item) {
        let delete = self.client.delete_item().table_name("Table");
        delete.key("pk", row["pk"].clone()).key("sk", row["sk"].clone()).send().await.unwrap();
    }
}

/// Small, small, and larger than an item holds.
fn snapshot(n: usize) -> JsonObject {
    snapshot_of([5_000, 5_000, 500_000][n])
}

fn assert_names_the_key<T>(read: Result<T, StoreError>, row: &Item, case: &str) {
    match read.err() {
        Some(StoreError::Corrupt { key, .. }) => {
            let sk = row["sk"].as_s().unwrap();
            assert!(key.starts_with(row["pk"].as_s().unwrap()), "{case}: {key}");
            // The parts of one body are named together.
            assert!(key.contains(sk) || sk.starts_with("PART#") && key.contains(&sk[..sk.len() - 4]), "{case}: {key}");
        }
        other => panic!("{case}: {other:?}"),
    }
}

/// Changes a row as nothing should; a row without attributes is removed.
type Damage = fn(&mut Item);

const GONE: Damage = |row| row.clear();

fn set(row: &mut Item, name: &str, value: AttributeValue) {
    row.insert(name.to_owned(), value);
}

fn unset(row: &mut Item, name: &str) {
    row.remove(name);
}

fn cut_body(row: &mut Item) {
    let body = row["body"].as_b().unwrap().as_ref();
    let half = body[..body.len() / 2].to_vec();
    set(row, "body", B(half.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_is_an_error_and_never_a_shorter_list() {
    use SortField::{Action, OccurredAt, PublishedAt};
    let cases: &[(&str, &str, SortField, Damage)] = &[
        ("half a body", "EV#", OccurredAt, cut_body),
        ("no body", "EV#", OccurredAt, |row| unset(row, "body")),
        ("a body of another kind", "EV#", OccurredAt, |row| set(row, "body", S("text".to_owned()))),
        ("no action", "EV#", OccurredAt, |row| unset(row, "action")),
        ("an action that is none", "EV#", OccurredAt, |row| set(row, "action", S("a b".to_owned()))),
        ("no instant", "EV#", OccurredAt, |row| set(row, "recorded_at", S("yesterday".to_owned()))),
        ("a count that is none", "EV#", OccurredAt, |row| set(row, "parts", S("one".to_owned()))),
        ("a row that is gone", "EV#", Action, GONE),
        ("a row that is gone", "EV#", PublishedAt, GONE),
        ("an index row without action", "IX#", Action, |row| unset(row, "action")),
        ("an index row whose status is none", "IX#", PublishedAt, |row| set(row, "status", S("{".to_owned()))),
        ("a part that is gone", "PART#", OccurredAt, GONE),
        ("half a part", "PART#", OccurredAt, cut_body),
        ("an empty part", "PART#", OccurredAt, |row| unset(row, "body")),
        ("a total that is none", "HEAD", OccurredAt, |row| set(row, "total", S("many".to_owned()))),
        ("a negative total", "HEAD", OccurredAt, |row| set(row, "total", N("-1".to_owned()))),
    ];
    let damaged = Damaged::start().await;
    for (number, (case, prefix, sort, damage)) in cases.iter().enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{case} ({prefix})"));
        damaged.fill(&org).await;
        let row = damaged.rows(&format!("ORG#{org}#order#{ORDER}"), prefix).await.swap_remove(0);
        damaged.damage(&row, *damage).await;
        let read = history_by(damaged.store(), &scope_of(&org), ORDER, *sort).await;
        assert_names_the_key(read, &row, &case);
    }
    // The neighbours are whole.
    damaged.fill("whole").await;
    let page = history_by(damaged.store(), &scope_of("whole"), ORDER, OccurredAt).await.unwrap();
    assert_eq!((page.total, page.events.len()), (3, 3));
    damaged.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_key_is_damaged_is_an_error() {
    let damaged = Damaged::start().await;
    for (org, key, sort) in [
        ("a", "EV#yesterday#99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1", SortField::OccurredAt),
        ("b", "EV#2024-01-01T00:00:00.000000Z#one", SortField::OccurredAt),
        ("c", "IX#2024-01-01T00:00:00.000000Z", SortField::Id),
    ] {
        damaged.fill(org).await;
        let mut row = damaged.rows(&format!("ORG#{org}#order#{ORDER}"), &key[..3]).await.swap_remove(0);
        row.insert("sk".to_owned(), S(key.to_owned()));
        damaged.put(row.clone()).await;
        assert_names_the_key(history_by(damaged.store(), &scope_of(org), ORDER, sort).await, &row, key);
    }
    damaged.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_feed_is_an_error() {
    let cases: &[(&str, Damage)] = &[
        ("no entity", |row| unset(row, "entity_id")),
        ("no instant", |row| set(row, "occurred_at", S("then".to_owned()))),
        ("no body", |row| unset(row, "body")),
        ("half a body", cut_body),
    ];
    let damaged = Damaged::start().await;
    let today = Clock::system().now().day();
    for (number, (case, damage)) in cases.iter().enumerate() {
        let (org, mut rows) = (format!("org-{number}"), Vec::new());
        damaged.fill(&org).await;
        for shard in 0..8 {
            rows.extend(damaged.rows(&format!("ORG#{org}#FEED#{today}#{shard}"), "2").await);
        }
        let row = rows.swap_remove(0);
        damaged.damage(&row, *damage).await;
        assert_names_the_key(feed(damaged.store(), &scope_of(&org), today).await, &row, case);
    }
    damaged.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_export_state_is_an_error() {
    let damaged = Damaged::start().await;
    for (org, name, value) in [
        ("a", "exported_to", S("soon".to_owned())),
        ("b", "plan", S("{}".to_owned())),
        ("c", "next_seq", S("one".to_owned())),
    ] {
        damaged.system.enable_export(org).await;
        let row = damaged.rows(&format!("ORG#{org}#EXPORT"), "STATE").await.swap_remove(0);
        let mut changed = row.clone();
        set(&mut changed, name, value);
        damaged.put(changed).await;
        assert_names_the_key(damaged.store().export_state(&scope_of(org)).await, &row, name);
    }
    damaged.system.stop().await;
}
