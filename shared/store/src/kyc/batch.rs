use sporlog_model::{EntityId, EntityType, OrgId, RecordedEvent};

use super::append::MAX_CASE_ENTRIES;
use super::item::parse_event;
use crate::keys::{self, FeedPlace};
use crate::row::Row;
use crate::{SortOrder, Store, StoreError};

/// The feed's entry of an append to the log of a case. It does not hold the entries but names them by their numbers: an
/// append of forty would not fit into one transaction with a third copy of each.
#[derive(Debug, Clone)]
pub(crate) struct CaseBatch {
    place: FeedPlace,
    case: EntityId,
    first: u64,
    last: u64,
}

impl CaseBatch {
    /// `None` for the entry of any other event.
    pub(crate) fn of(row: &Row) -> Result<Option<Self>, StoreError> {
        let place = row.parse("sk", keys::parse_feed)?;
        if place.entity_type != EntityType::KycCase {
            return Ok(None);
        }
        let case = row.parse("entity_id", |text| EntityId::parse(text).ok())?;
        let batch = Self { place, case, first: row.count("first")?, last: row.count("last")? };
        let bounded = batch.first > 0 && batch.first <= batch.last && batch.len() <= MAX_CASE_ENTRIES;
        if bounded { Ok(Some(batch)) } else { Err(row.corrupt("first and last")) }
    }

    /// How many entries were appended.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(usize::MAX)
    }
}

impl Store {
    /// The entries that an append wrote, in the order of their numbers, less those that retention has deleted since.
    pub(crate) async fn case_batch(&self, org: &OrgId, batch: &CaseBatch) -> Result<Vec<RecordedEvent>, StoreError> {
        let partition = keys::entity_partition(org, EntityType::KycCase, &batch.case);
        let rows = self.case_rows(&partition, None, batch.first..=batch.last, SortOrder::Ascending).await?;
        let events = rows.iter().map(|row| {
            let event = parse_event(row, &batch.case)?;
            // Written by the same transaction. The export cuts windows by the feed's instant, so one that differs would be
            // passed by or exported twice.
            if event.recorded_at == batch.place.recorded_at { Ok(event) } else { Err(row.corrupt("recorded_at")) }
        });
        events.collect()
    }
}
