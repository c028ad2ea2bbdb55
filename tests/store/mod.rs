//! The store on the embedded engine: what DynamoDB and crashes may do to it, and what it must make of that.

mod append;
mod bodies;
mod damage;
mod faults;
mod feed;
mod neighbours;
mod org;
mod read_ahead;
mod writes;

use std::collections::BTreeMap;

use sporlog_auth::TenantScope;
use sporlog_model::{Day, EntityId, EntityType, Instant, RecordedEvent};
use sporlog_store::{HistoryPage, HistoryQuery, SortField, SortOrder, Store, StoreError};

use crate::harness::{System, dynamodb, soon};

/// The order that most tests are about.
const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// All of an order's history, in order of occurrence.
async fn history(store: &Store, scope: &TenantScope, entity_id: &str) -> Result<HistoryPage, StoreError> {
    history_by(store, scope, entity_id, SortField::OccurredAt).await
}

async fn history_by(
    store: &Store,
    scope: &TenantScope,
    entity_id: &str,
    sort: SortField,
) -> Result<HistoryPage, StoreError> {
    let query =
        HistoryQuery { sort, order: SortOrder::Ascending, offset: 0, limit: 10_000, max_body_bytes: usize::MAX };
    store.history(scope, EntityType::Order, &EntityId::parse(entity_id).unwrap(), query).await
}

/// All that the feed has of a day.
async fn feed(store: &Store, scope: &TenantScope, day: Day) -> Result<Vec<RecordedEvent>, StoreError> {
    feed_between(store, scope, day, Instant::MIN, Instant::MAX).await
}

async fn feed_between(
    store: &Store,
    scope: &TenantScope,
    day: Day,
    from: Instant,
    to: Instant,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let mut feed = store.feed(scope, day, from, to);
    let mut events = Vec::new();
    while let Some(recorded) = feed.next().await? {
        events.push(recorded);
    }
    Ok(events)
}

/// All that the feed has.
async fn whole_feed(store: &Store, scope: &TenantScope) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    for day in store.feed_days(scope, Instant::MIN, Instant::MAX).await.unwrap() {
        events.extend(feed(store, scope, day).await.unwrap());
    }
    events
}

/// The counts of an order as they are in the table, by attribute.
async fn counts(system: &System, org: &str, entity_id: &str) -> BTreeMap<String, u64> {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let client = dynamodb(&system.environment(&[]), soon());
    let head = client.get_item().table_name("Table").consistent_read(true);
    let head = head.key("pk", S(format!("ORG#{org}#order#{entity_id}"))).key("sk", S("HEAD".to_owned()));
    let item = head.send().await.unwrap().item.unwrap_or_default();
    item.into_iter().filter_map(|(name, value)| Some((name, value.as_n().ok()?.parse().unwrap()))).collect()
}
