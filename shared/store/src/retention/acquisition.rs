use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use sporlog_model::{EntityId, EntityType, EventId, Instant, RetentionGroup, aged_from};

use super::sweep::{Progress, Sweep};
use crate::StoreError;
use crate::append::LATE;
use crate::event_item::PART_BYTES;
use crate::idempotency::epoch_seconds;
use crate::keys::{self, EventPlace, FeedPlace, LatePlace};
use crate::query::BATCH_GET_KEYS;
use crate::row::Row;
use crate::table::Change;

/// A transaction takes 100 items; the rest is for the sweep's own.
const MAX_ITEMS: usize = 95;

/// A transaction takes 4 MB, whatever AWS counts of a deletion.
const MAX_BYTES: usize = 3 * 1024 * 1024;

/// What the rows of an event with an inline body come to at most.
const ROWS_BYTES: usize = 2 * 17 * 1024 + 1024;

/// For how long the mark of a deleted event stays, so that its source may deliver it again without bringing it back. Longer
/// than Kafka topics and SQS queues commonly keep theirs.
const MARK_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// An event that is to go, with what its keys are made of.
struct Aged {
    entity_type: EntityType,
    entity_id: EntityId,
    event_id: EventId,
    occurred_at: Instant,
    published_at: Option<Instant>,
    recorded_at: Instant,
    action: String,
    parts: usize,
}

impl Aged {
    fn of(row: &Row, place: &FeedPlace, occurred_at: Instant) -> Result<Self, StoreError> {
        let FeedPlace { recorded_at, entity_type, event_id } = *place;
        Ok(Self {
            entity_type,
            entity_id: row.parse("entity_id", |text| EntityId::parse(text).ok())?,
            event_id,
            occurred_at,
            published_at: row.parse_optional("published_at", |text| Instant::parse(text).ok())?,
            recorded_at,
            action: row.text("action")?.to_owned(),
            parts: usize::try_from(row.count("parts")?).unwrap_or(usize::MAX),
        })
    }

    /// Event, index row, feed entry, mark, the row for late ones, parts; and maybe the head.
    fn items(&self) -> usize {
        6 + self.parts
    }

    fn bytes(&self) -> usize {
        ROWS_BYTES + self.parts * PART_BYTES
    }
}

impl Sweep<'_> {
    /// Deletes what is too old of a page of the feed. Answers whether something stays there; `None` when time is up.
    pub(super) async fn sweep_acquisition_feed(&mut self, rows: &[Row]) -> Result<Option<bool>, StoreError> {
        let (mut aged, mut stays) = (Vec::new(), false);
        for row in rows {
            let place = row.parse("sk", keys::parse_feed)?;
            let ours = RetentionGroup::of(place.entity_type) == Some(RetentionGroup::Acquisition);
            if ours {
                let occurred_at = row.parse("occurred_at", |text| Instant::parse(text).ok())?;
                if aged_from(occurred_at, place.recorded_at) < self.cutoff {
                    aged.push(Aged::of(row, &place, occurred_at)?);
                    continue;
                }
            }
            stays = true;
        }
        Ok((self.delete_aged(&aged).await? == Progress::Done).then_some(stays))
    }

    /// Deletes the events of rows of late ones.
    pub(super) async fn sweep_acquisition_late(&mut self, rows: &[Row]) -> Result<Progress, StoreError> {
        for batch in rows.chunks(BATCH_GET_KEYS) {
            let mut places = Vec::new();
            for row in batch {
                let late = row.parse("sk", keys::parse_late)?;
                let entity_id = row.parse("entity_id", |text| EntityId::parse(text).ok())?;
                let partition = keys::entity_partition(self.scope.org(), late.entity_type, &entity_id);
                let place = EventPlace { occurred_at: late.occurred_at, event_id: late.event_id };
                places.push((late, entity_id, keys::event(&partition, &place)));
            }
            let mut events = self.store.batch_get(places.iter().map(|(_, _, key)| key.clone())).await?;
            let mut aged = Vec::new();
            for (late, entity_id, key) in places {
                // A page that was read before a transaction of ours whose answer was lost.
                let Some(row) = events.remove(&key) else { return Err(StoreError::Conflict) };
                let recorded_at = row.parse("recorded_at", |text| Instant::parse(text).ok())?;
                let place = FeedPlace { recorded_at, entity_type: late.entity_type, event_id: late.event_id };
                let row = row.with_text("entity_id", entity_id.as_str());
                aged.push(Aged::of(&row, &place, late.occurred_at)?);
            }
            if self.delete_aged(&aged).await? == Progress::OutOfTime {
                return Ok(Progress::OutOfTime);
            }
        }
        Ok(Progress::Done)
    }

    async fn delete_aged(&mut self, aged: &[Aged]) -> Result<Progress, StoreError> {
        let mut rest = aged;
        while !rest.is_empty() {
            if self.out_of_time() {
                return Ok(Progress::OutOfTime);
            }
            let (mut items, mut bytes, mut count) = (0, 0, 0);
            for event in rest {
                (items, bytes) = (items + event.items(), bytes + event.bytes());
                // The largest event is as large as a transaction may be, and goes alone.
                if count > 0 && (items > MAX_ITEMS || bytes > MAX_BYTES) {
                    break;
                }
                count += 1;
            }
            let (batch, behind) = rest.split_at(count);
            self.delete(count, self.deletions(batch)).await?;
            rest = behind;
        }
        Ok(Progress::Done)
    }

    fn deletions(&self, batch: &[Aged]) -> Vec<TransactWriteItem> {
        let (store, org) = (self.store, self.scope.org());
        let forgotten_at = epoch_seconds(store.clock.now().plus(MARK_KEPT_FOR));
        let mut items = Vec::new();
        let mut counts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for event in batch {
            let partition = keys::entity_partition(org, event.entity_type, &event.entity_id);
            let place = EventPlace { occurred_at: event.occurred_at, event_id: event.event_id };
            let feed =
                FeedPlace { recorded_at: event.recorded_at, entity_type: event.entity_type, event_id: event.event_id };
            // The one row that must be there: without it this event was deleted before, and counted.
            items.push(store.remove(keys::event(&partition, &place)));
            items.push(store.discard(keys::index(&partition, event.published_at, &place)));
            items.push(store.discard(keys::feed(org, &event.entity_id, &feed)));
            let mark = Change::new("SET #ttl = :ttl").name("#ttl", "ttl").number(":ttl", forgotten_at);
            items.push(store.update(keys::seen(org, event.entity_type, event.event_id), mark));
            if event.recorded_at.since(event.occurred_at) > LATE {
                let late = LatePlace {
                    occurred_at: event.occurred_at,
                    entity_type: event.entity_type,
                    event_id: event.event_id,
                };
                items.push(store.discard(keys::late(org, self.group, &event.entity_id, &late)));
            }
            items.extend((0..event.parts).map(|part| store.discard(keys::part(&partition, event.event_id, part))));
            counts.entry(partition).or_default().push(&event.action);
        }
        for (partition, actions) in counts {
            items.push(store.update(keys::head(&partition), fewer(&actions)));
        }
        items
    }
}

/// Takes events of these actions from the counts of their entity.
fn fewer(actions: &[&str]) -> Change {
    let mut change = Change::new("").name("#total", "total").value(":total", minus(actions.len()));
    let mut sum = "ADD #total :total".to_owned();
    for (number, action) in actions.iter().collect::<BTreeSet<_>>().into_iter().enumerate() {
        let count = actions.iter().filter(|other| *other == action).count();
        // Writing to a string cannot fail.
        let _ = write!(sum, ", #a{number} :a{number}");
        change = change.name(&format!("#a{number}"), format!("total_{action}"));
        change = change.value(&format!(":a{number}"), minus(count));
    }
    Change { expression: sum, ..change }
}

fn minus(count: usize) -> AttributeValue {
    AttributeValue::N(format!("-{count}"))
}
