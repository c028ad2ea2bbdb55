use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures_util::future::try_join;
use sporlog_auth::TenantScope;
use sporlog_model::{EntityId, EntityType, RecordedEvent};

use crate::event_item::{IndexRow, StoredEvent, parse_event_row, parse_index_row};
use crate::keys::{self, EventPlace};
use crate::neighbours::Neighbours;
use crate::query::{BATCH_GET_KEYS, StartKey, page_size};
use crate::row::Row;
use crate::{Store, StoreError};

/// What a page of a history is ordered by. Ties are broken by when the event happened, then by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    /// When it happened. A page costs its own rows, plus a count over the offset.
    OccurredAt,
    /// When it was published; unknown sorts as the latest. Costs as much, plus the page's rows, found by their keys.
    PublishedAt,
    /// The event's id. This order and the ones below read the small index row of every event of the entity.
    Id,
    /// The action's name.
    Action,
    /// The user's id; unknown sorts last.
    ActorId,
}

/// In which direction. Descending is the exact reverse of ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Descending,
}

/// Which part of a history to read.
#[derive(Debug, Clone, Copy)]
pub struct HistoryQuery {
    pub sort: SortField,
    pub order: SortOrder,
    pub offset: u64,
    pub limit: u64,
    /// Reading stops once the events read come to more than this, so that no history exhausts the memory.
    pub max_body_bytes: usize,
}

/// A part of a history.
#[derive(Debug)]
pub struct HistoryPage {
    /// How many events the whole history has.
    pub total: u64,
    pub events: Vec<RecordedEvent>,
    /// Whether `events` is all that was asked for; false when `max_body_bytes` cut it short.
    pub complete: bool,
}

/// One entity, within the partition that holds all of its rows.
pub(crate) struct Entity<'a> {
    pub(crate) kind: EntityType,
    pub(crate) id: &'a EntityId,
    pub(crate) partition: String,
}

impl<'a> Entity<'a> {
    pub(crate) fn of(scope: &TenantScope, entity_type: EntityType, entity_id: &'a EntityId) -> Self {
        Self {
            kind: entity_type,
            id: entity_id,
            partition: keys::entity_partition(scope.org(), entity_type, entity_id),
        }
    }
}

/// Collects events until their bodies exceed a budget.
pub(crate) struct Collector {
    events: Vec<RecordedEvent>,
    bytes_left: usize,
}

impl Collector {
    fn is_full(&self) -> bool {
        self.bytes_left == 0
    }

    fn push(&mut self, recorded: RecordedEvent) {
        self.bytes_left = self.bytes_left.saturating_sub(recorded.size());
        self.events.push(recorded);
    }
}

/// Reads again when a row that another one told of is not there: retention may have deleted the event between the two reads,
/// all its rows at once, and then the second time nothing tells of it. What is missing twice is damage.
pub(crate) async fn again_if_gone<T, F>(read: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    match read().await {
        Err(StoreError::Corrupt { .. }) => read().await,
        settled => settled,
    }
}

impl Store {
    /// A page of an entity's history, strongly consistent. An unknown entity has an empty one.
    pub async fn history(
        &self,
        scope: &TenantScope,
        entity_type: EntityType,
        entity_id: &EntityId,
        query: HistoryQuery,
    ) -> Result<HistoryPage, StoreError> {
        let entity = Entity::of(scope, entity_type, entity_id);
        again_if_gone(|| self.page(&entity, query)).await
    }

    async fn page(&self, entity: &Entity<'_>, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
        if query.offset == 0 && query.limit > 0 {
            if (query.sort, query.order) == (SortField::OccurredAt, SortOrder::Descending) {
                return self.newest(entity, query).await;
            }
            let (total, (events, complete)) = try_join(self.total(entity), Box::pin(self.rows(entity, query))).await?;
            return Ok(HistoryPage { total, events, complete });
        }
        // With an offset it pays to know first whether there is anything behind it.
        let total = self.total(entity).await?;
        if query.limit == 0 || query.offset >= total {
            return Ok(HistoryPage { total, events: Vec::new(), complete: true });
        }
        let (events, complete) = self.rows(entity, query).await?;
        Ok(HistoryPage { total, events, complete })
    }

    /// The newest events, which most requests ask for, with the total in the same request: the head's key is the next behind
    /// those of the events, so from there backwards it is the first row.
    async fn newest(&self, entity: &Entity<'_>, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
        let head = keys::head(&entity.partition);
        let request = self.between(&entity.partition, keys::EVENT_PREFIX.to_owned(), head.sk.clone());
        let request = request.scan_index_forward(false);
        let page = request.clone().limit(page_size(query.limit.saturating_add(1))).send().await?;
        let mut rows = page.items.unwrap_or_default().into_iter().map(Row);
        let total = match rows.next() {
            Some(row) if row.optional_text("sk") == Some(&head.sk) => row.count("total")?,
            Some(_) => return Err(head.missing()),
            None => 0,
        };
        let mut collector = Collector { events: Vec::new(), bytes_left: query.max_body_bytes };
        let left = query.limit.saturating_sub(rows.len() as u64);
        let mut complete = self.push_all(entity, rows, &mut collector).await?;
        if complete && left > 0 && page.last_evaluated_key.is_some() {
            complete = self.collect(entity, &request, page.last_evaluated_key, left, &mut collector).await?;
        }
        Ok(HistoryPage { total, events: collector.events, complete })
    }

    async fn total(&self, entity: &Entity<'_>) -> Result<u64, StoreError> {
        self.get(keys::head(&entity.partition)).await?.map_or(Ok(0), |head| head.count("total"))
    }

    async fn rows(&self, entity: &Entity<'_>, query: HistoryQuery) -> Result<(Vec<RecordedEvent>, bool), StoreError> {
        match query.sort {
            SortField::OccurredAt => self.rows_in_key_order(entity, query).await,
            SortField::PublishedAt => {
                let request = self.range(&entity.partition, keys::INDEX_PREFIX, query.order);
                let rows = self.slice(request, query.offset, query.limit).await?;
                let places = rows.iter().map(|row| parse_index_row(row).map(|index| index.place));
                let places: Vec<_> = places.collect::<Result<_, _>>()?;
                // Of the other events nothing is known.
                self.load(entity, &places, Neighbours::of(places.clone()), query.max_body_bytes).await
            }
            SortField::Id | SortField::Action | SortField::ActorId => {
                let index = self.index(entity).await?;
                let known = Neighbours::of_index(&index);
                self.load(entity, &page_of(index, query), known, query.max_body_bytes).await
            }
        }
    }

    async fn rows_in_key_order(
        &self,
        entity: &Entity<'_>,
        query: HistoryQuery,
    ) -> Result<(Vec<RecordedEvent>, bool), StoreError> {
        let request = self.range(&entity.partition, keys::EVENT_PREFIX, query.order);
        let mut collector = Collector { events: Vec::new(), bytes_left: query.max_body_bytes };
        let Some(start) = self.skip(&request, query.offset).await? else {
            return Ok((Vec::new(), true));
        };
        let complete = self.collect(entity, &request, start, query.limit, &mut collector).await?;
        Ok((collector.events, complete))
    }

    /// Reads `left` event rows of a query, from `start` on. False when the collector was full before.
    async fn collect(
        &self,
        entity: &Entity<'_>,
        request: &QueryFluentBuilder,
        mut start: StartKey,
        mut left: u64,
        collector: &mut Collector,
    ) -> Result<bool, StoreError> {
        loop {
            let page = request.clone().set_exclusive_start_key(start).limit(page_size(left)).send().await?;
            let rows = page.items.unwrap_or_default().into_iter().map(Row);
            left = left.saturating_sub(rows.len() as u64);
            if !self.push_all(entity, rows, collector).await? {
                return Ok(false);
            }
            start = page.last_evaluated_key;
            if start.is_none() || left == 0 {
                return Ok(true);
            }
        }
    }

    /// Takes in event rows. False when the collector was full before the last.
    async fn push_all(
        &self,
        entity: &Entity<'_>,
        rows: impl Iterator<Item = Row>,
        collector: &mut Collector,
    ) -> Result<bool, StoreError> {
        for row in rows {
            if collector.is_full() {
                return Ok(false);
            }
            let stored = parse_event_row(&row, entity.kind, entity.id)?;
            collector.push(self.complete(&entity.partition, stored).await?);
        }
        Ok(true)
    }

    /// Every index row of an entity, in order of publication.
    pub(crate) async fn index(&self, entity: &Entity<'_>) -> Result<Vec<IndexRow>, StoreError> {
        let request = self.range(&entity.partition, keys::INDEX_PREFIX, SortOrder::Ascending);
        let rows = self.slice(request, 0, u64::MAX).await?;
        rows.iter().map(parse_index_row).collect()
    }

    /// Loads the events at `places`, in that order. `known` has these places, and others as far as they are known.
    pub(crate) async fn load(
        &self,
        entity: &Entity<'_>,
        places: &[EventPlace],
        known: Neighbours,
        max_body_bytes: usize,
    ) -> Result<(Vec<RecordedEvent>, bool), StoreError> {
        let mut collector = Collector { events: Vec::new(), bytes_left: max_body_bytes };
        for batch in places.chunks(BATCH_GET_KEYS) {
            let mut rows = self.event_rows(&entity.partition, batch, &known).await?;
            for place in batch {
                if collector.is_full() {
                    return Ok((collector.events, false));
                }
                let key = keys::event(&entity.partition, place);
                // The index row and the event row are written in one transaction, so a missing one is damage.
                let row = rows.remove(&key).ok_or_else(|| key.missing())?;
                let stored = parse_event_row(&row, entity.kind, entity.id)?;
                collector.push(self.complete(&entity.partition, stored).await?);
            }
        }
        Ok((collector.events, true))
    }

    /// Puts the body of a large event together from its parts.
    pub(crate) async fn complete(&self, partition: &str, stored: StoredEvent) -> Result<RecordedEvent, StoreError> {
        if stored.parts == 0 {
            return Ok(stored.recorded);
        }
        let prefix = keys::part_prefix(stored.recorded.event.id);
        let request = self.range(partition, &prefix, SortOrder::Ascending);
        let rows = self.slice(request, 0, u64::MAX).await?;
        let damaged = |problem| StoreError::Corrupt { key: format!("{partition} {prefix}"), problem };
        if rows.len() as u64 != stored.parts {
            return Err(damaged("parts are missing"));
        }
        let mut body = Vec::new();
        for row in &rows {
            body.extend_from_slice(row.bytes("body").ok_or_else(|| row.corrupt("body"))?);
        }
        stored.with_body(&body).ok_or_else(|| damaged("the body cannot be read"))
    }
}

/// Sorts the index of an entity and cuts the page out of it.
pub(crate) fn page_of(mut index: Vec<IndexRow>, query: HistoryQuery) -> Vec<EventPlace> {
    index.sort_by(|a, b| {
        let field = match query.sort {
            SortField::Id => a.place.event_id.cmp(&b.place.event_id),
            SortField::OccurredAt => a.place.occurred_at.cmp(&b.place.occurred_at),
            SortField::PublishedAt => unknown_last(a.published_at.as_ref(), b.published_at.as_ref()),
            SortField::Action => a.action.cmp(&b.action),
            SortField::ActorId => unknown_last(a.actor_id.as_ref(), b.actor_id.as_ref()),
        };
        let tie = || (a.place.occurred_at, a.place.event_id).cmp(&(b.place.occurred_at, b.place.event_id));
        field.then_with(tie)
    });
    if query.order == SortOrder::Descending {
        index.reverse();
    }
    let from = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let count = usize::try_from(query.limit).unwrap_or(usize::MAX);
    index.into_iter().skip(from).take(count).map(|row| row.place).collect()
}

pub(crate) fn unknown_last<T: Ord>(a: Option<&T>, b: Option<&T>) -> std::cmp::Ordering {
    a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
}
