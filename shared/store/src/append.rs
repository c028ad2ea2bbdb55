use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_auth::TenantScope;
use sporlog_model::{Day, Event, Instant, OrgId, RetentionGroup};

use crate::event_item::{StoredBody, event_row, feed_row, index_row};
use crate::keys::{self, FeedPlace, LatePlace};
use crate::row::Row;
use crate::table::{Backoff, Cancellation, Change};
use crate::{Store, StoreError};

/// How many days this process remembers to be listed before it starts over; a bound on memory, not on days.
const LISTED_DAYS_KEPT: usize = 10_000;

/// An event that is recorded this long after it happened is listed for retention, which otherwise looks for events of an age
/// in the feed of that time and this much further.
pub(crate) const LATE: Duration = Duration::from_hours(1);

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now.
    Stored,
    /// It was there before. The first telling stays.
    Duplicate,
}

/// What became of a transaction that writes to the feed.
pub(crate) enum Recorded {
    Done,
    /// Nothing was written: the condition of the item at `position` does not hold.
    Refused {
        position: usize,
        error: StoreError,
    },
}

impl Store {
    /// Adds an event to the log: all of it or nothing, once.
    ///
    /// One transaction writes the mark that takes the event's id, the row in its entity's history, the index row, the feed
    /// entry, the parts of a large body, where it is recorded long after it happened a row for retention, and adds to the
    /// entity's counts. So counts are exact, and a repeat changes nothing.
    ///
    /// The instant it is recorded at is the clock's at each attempt, taken right before the request, and the client gives up on
    /// the request after 20 s: an entry becomes visible at most 20 s (and the difference between two clocks) after the instant
    /// in its key, and the export, which waits longer than that, never passes one by.
    pub async fn append(&self, scope: &TenantScope, event: &Event) -> Result<Appended, StoreError> {
        self.append_with(scope, event, Vec::new()).await
    }

    /// [`Store::append`] together with the change that the event tells of, in the same transaction: there is no change
    /// without its event and no event without its change. [`StoreError::Conflict`] when a condition of the change does not
    /// hold. The event's id must be new, so that [`Appended::Duplicate`] means an earlier attempt whose answer was lost.
    pub(crate) async fn append_with(
        &self,
        scope: &TenantScope,
        event: &Event,
        change: Vec<TransactWriteItem>,
    ) -> Result<Appended, StoreError> {
        let body = StoredBody::of(event)?;
        let recorded = self.record(scope.org(), |recorded_at| {
            let mut items = self.append_items(scope.org(), event, &body, recorded_at);
            // Behind the mark, so that positions tell the change's conditions from the event's.
            items.splice(1..1, change.iter().cloned());
            items
        });
        match recorded.await? {
            Recorded::Done => Ok(Appended::Stored),
            // The first item is the mark: this event is in the log, maybe by an attempt of ours whose answer was lost.
            Recorded::Refused { position: 0, .. } => Ok(Appended::Duplicate),
            Recorded::Refused { position, .. } if position <= change.len() => Err(StoreError::Conflict),
            Recorded::Refused { error, .. } => Err(error),
        }
    }

    /// Sends a transaction with entries of the feed: `items` makes it for the instant that the entries' keys are to hold.
    ///
    /// That instant is the clock's at each attempt, taken right before the request (see [`Store::append`] for why), and the
    /// day's listing among the feed's days comes before it. Sent again when it met another transaction.
    pub(crate) async fn record(
        &self,
        org: &OrgId,
        items: impl Fn(Instant) -> Vec<TransactWriteItem>,
    ) -> Result<Recorded, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let day = self.clock.now().day();
            self.list_feed_day(org, day).await?;
            let recorded_at = self.clock.now();
            if recorded_at.day() != day {
                continue;
            }
            let request = self.client.transact_write_items().set_transact_items(Some(items(recorded_at)));
            let Err(error) = request.send().await else { return Ok(Recorded::Done) };
            match Cancellation::of(&error) {
                // What a transaction repeats after a lost answer: its own first item is in the way. That says more than
                // the contention beside it.
                Some(Cancellation { condition: Some(0), .. }) => {
                    return Ok(Recorded::Refused { position: 0, error: error.into() });
                }
                Some(Cancellation { contention: true, .. }) => {
                    backoff.pause(StoreError::Throttled(Box::new(error))).await?;
                }
                Some(Cancellation { condition: Some(position), .. }) => {
                    return Ok(Recorded::Refused { position, error: error.into() });
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// The transaction. The mark must stay first: [`Store::append_with`] reads its cancellation reason by position.
    fn append_items(
        &self,
        org: &OrgId,
        event: &Event,
        body: &StoredBody,
        recorded_at: Instant,
    ) -> Vec<TransactWriteItem> {
        let partition = keys::entity_partition(org, event.entity_type, &event.entity_id);
        let mark = Row::at(keys::seen(org, event.entity_type, event.id))
            .with_text("entity_id", event.entity_id.as_str())
            .with_text("occurred_at", event.occurred_at.to_string());
        let count = Change::new("ADD #total :one, #action :one")
            // `total` is a reserved word.
            .name("#total", "total")
            .name("#action", format!("total_{}", event.action))
            .number(":one", 1);
        let place = FeedPlace { recorded_at, entity_type: event.entity_type, event_id: event.id };
        let feed_key = keys::feed(org, &event.entity_id, &place);
        let mut items = vec![
            self.create(mark),
            self.create(event_row(&partition, event, body, recorded_at)),
            self.create(index_row(&partition, event)),
            self.update(keys::head(&partition), count),
            self.create(feed_row(feed_key, event, body)),
        ];
        if let Some(group) = RetentionGroup::of(event.entity_type)
            && recorded_at.since(event.occurred_at) > LATE
        {
            let late = LatePlace { occurred_at: event.occurred_at, entity_type: event.entity_type, event_id: event.id };
            let row = Row::at(keys::late(org, group, &event.entity_id, &late))
                .with_text("entity_id", event.entity_id.as_str())
                .with_text("recorded_at", recorded_at.to_string());
            items.push(self.create(row));
        }
        for (number, part) in body.parts().into_iter().enumerate() {
            let row = Row::at(keys::part(&partition, event.id, number)).with_bytes("body", part.to_vec());
            items.push(self.create(row));
        }
        items
    }

    /// Lists `day` among the days of the feed, before the first entry of that day is written: the export reads listed days
    /// only, so that an organization which was idle for a year costs no year of empty queries.
    async fn list_feed_day(&self, org: &OrgId, day: Day) -> Result<(), StoreError> {
        let listed = (org.clone(), day);
        if self.listed_days().contains(&listed) {
            return Ok(());
        }
        let row = Row::at(keys::feed_day(org, day));
        self.client.put_item().table_name(&self.table).set_item(Some(row.0)).send().await?;
        let mut days = self.listed_days();
        if days.len() >= LISTED_DAYS_KEPT {
            days.clear();
        }
        days.insert(listed);
        Ok(())
    }

    fn listed_days(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<(OrgId, Day)>> {
        // A set of days is whole after any panic, so a poisoned lock is as good as another.
        self.listed_days.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
