//! Pages sorted by something else than the keys: what is read in stretches is what would be read one by one.

use std::cmp::Ordering;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue::S;
use fastrand::Rng;
use futures_util::stream::{self, StreamExt};
use sporlog_auth::TenantScope;
use sporlog_model::{EntityId, EntityType, Event, EventId, Instant, JsonObject, PieceStatus, status_changes};
use sporlog_store::{HistoryQuery, SortField, SortOrder, Store};
use uuid::Uuid;

use super::ORDER;
use super::bodies::snapshot_of;
use crate::harness::{FolioEvent, System, dynamodb, scope_of, soon};

/// More than are looked up at once.
const EVENTS: usize = 130;

/// In which order events were published, against the order in which they happened.
#[derive(Debug, Clone, Copy)]
enum Published {
    AsHappened,
    /// Each up to some seconds off.
    Nearly,
    /// In the reverse order.
    Backwards,
    Anyhow,
    /// Mostly at the same instant, or nobody knows when.
    Hardly,
}

fn instant(seconds: u64) -> Instant {
    Instant::parse("2024-11-14T08:00:00Z").unwrap().plus(Duration::from_secs(seconds))
}

/// A piece's event. Some are too large for their row.
fn event(rng: &mut Rng, number: usize, published: Published) -> Event {
    let second = number as u64;
    let published_at = match published {
        Published::AsHappened => Some(second),
        Published::Nearly => Some(second + rng.u64(0..4)),
        Published::Backwards => Some(10_000 - second),
        Published::Anyhow => Some(rng.u64(0..500)),
        Published::Hardly => rng.bool().then(|| rng.u64(0..3)),
    };
    let status = format!(r#"{{"receivingStatus":"{}"}}"#, ["Expected", "Received", "Late"][rng.usize(0..3)]);
    let large = rng.u8(0..15) == 0;
    Event {
        id: EventId::from(Uuid::from_u128(rng.u128(..))),
        data: Some(if large { snapshot_of(17_000) } else { JsonObject::parse(&status).unwrap() }),
        // Some at the same instant.
        occurred_at: instant(second / 2 * 2),
        published_at: published_at.map(instant),
        ..FolioEvent::of(EntityType::Piece, ORDER).event()
    }
}

async fn fill(store: &Store, scope: &TenantScope, events: &[Event]) {
    let appends = events.iter().map(|event| async move { store.append(scope, event).await.unwrap() });
    stream::iter(appends).buffer_unordered(16).for_each(|_| async {}).await;
}

/// As `docs/api/acquisition-audit.md` orders them.
fn sorted(events: &[Event], sort: SortField, order: SortOrder) -> Vec<EventId> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by(|a, b| {
        let field = match sort {
            SortField::PublishedAt => {
                (a.published_at.is_none(), a.published_at).cmp(&(b.published_at.is_none(), b.published_at))
            }
            SortField::Id => a.id.cmp(&b.id),
            _ => Ordering::Equal,
        };
        field.then((a.occurred_at, a.id).cmp(&(b.occurred_at, b.id)))
    });
    if order == SortOrder::Descending {
        events.reverse();
    }
    events.into_iter().map(|event| event.id).collect()
}

/// Those whose status differs from the one before.
fn changes(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    events.sort_by_key(|event| (event.occurred_at, event.published_at.is_none(), event.published_at, event.id));
    let statuses: Vec<_> = events.iter().map(|event| PieceStatus::of_snapshot(event.data.as_ref())).collect();
    status_changes(&statuses).into_iter().map(|position| events[position].clone()).collect()
}

/// A page of the history, or of the status changes: the ids, after each event was compared with the one that was appended.
async fn page(
    store: &Store,
    scope: &TenantScope,
    events: &[Event],
    of_changes: bool,
    query: HistoryQuery,
) -> Vec<EventId> {
    let id = EntityId::parse(ORDER).unwrap();
    let page = if of_changes {
        store.piece_status_history(scope, &id, query).await.unwrap()
    } else {
        store.history(scope, EntityType::Piece, &id, query).await.unwrap()
    };
    assert!(page.complete);
    for read in &page.events {
        assert!(events.contains(&read.event), "{:?} is not what was appended", read.event.id);
    }
    page.events.iter().map(|read| read.event.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_what_it_has_to_in_its_order() {
    let system = System::start().await;
    let store = &system.stack.store;
    let kinds = [Published::AsHappened, Published::Nearly, Published::Backwards, Published::Anyhow, Published::Hardly];
    for (seed, published) in kinds.into_iter().enumerate() {
        let mut rng = Rng::with_seed(seed as u64);
        let scope = scope_of(&format!("org-{seed}"));
        let mut events: Vec<Event> = (0..EVENTS).map(|number| event(&mut rng, number, published)).collect();
        rng.shuffle(&mut events);
        fill(store, &scope, &events).await;
        let all_changes = changes(&events);
        let sorts = [(SortField::PublishedAt, false), (SortField::Id, false), (SortField::OccurredAt, true)];
        for (sort, of_changes) in sorts.into_iter().chain([(SortField::PublishedAt, true), (SortField::Id, true)]) {
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let whole = sorted(if of_changes { &all_changes } else { &events }, sort, order);
                let random = (0..4).map(|_| (rng.usize(0..EVENTS), rng.usize(1..20)));
                for (offset, limit) in [(0, EVENTS), (0, 10)].into_iter().chain(random) {
                    let query = HistoryQuery {
                        sort,
                        order,
                        offset: offset as u64,
                        limit: limit as u64,
                        max_body_bytes: usize::MAX,
                    };
                    let expected: Vec<_> = whole.iter().copied().skip(offset).take(limit).collect();
                    let case = format!("{published:?} {query:?} {of_changes}");
                    assert_eq!(page(store, &scope, &events, of_changes, query).await, expected, "{case}");
                }
            }
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_is_gone_is_nobodys_loss() {
    let system = System::start().await;
    let (store, scope) = (&system.stack.store, scope_of("diku"));
    let statuses = ["Expected", "Received", "Received", "Late", "Expected", "Received"];
    let events = statuses.into_iter().enumerate().map(|(number, status)| Event {
        data: Some(JsonObject::parse(&format!(r#"{{"receivingStatus":"{status}"}}"#)).unwrap()),
        ..FolioEvent::nth(EntityType::Piece, ORDER, number).event()
    });
    let events: Vec<Event> = events.collect();
    fill(store, &scope, &events).await;
    // The third is in the midst of the changes, and none itself.
    let key = format!("EV#{}#{}", events[2].occurred_at, events[2].id);
    let client = dynamodb(&system.environment(&[]), soon());
    let delete = client.delete_item().table_name("Table").key("pk", S(format!("ORG#diku#piece#{ORDER}")));
    let deleted = delete.key("sk", S(key)).return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
    assert!(deleted.send().await.unwrap().attributes.is_some());
    let (sort, order) = (SortField::OccurredAt, SortOrder::Ascending);
    let query = HistoryQuery { sort, order, offset: 0, limit: 10, max_body_bytes: usize::MAX };
    let expected: Vec<_> = [0, 1, 3, 4, 5].map(|number| events[number].id).into();
    assert_eq!(page(store, &scope, &events, true, query).await, expected);
    system.stop().await;
}
