use sporlog_auth::TenantScope;
use sporlog_model::{CaseAction, CaseId, EntityId, EntityType, Instant};

use super::item::parse_entry;
use crate::{SortOrder, Store, StoreError, keys};

/// Entries that are read at a time.
const PAGE_ENTRIES: u64 = 1_000;

/// The action that says that a case has another status.
const STATUS_CHANGED: &str = "STATUS_CHANGED";

/// A status that a case has had, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseStatus {
    pub status: String,
    pub changed_at: Instant,
}

/// The statuses that a case has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseStatuses {
    /// In the order in which the log was told of them.
    pub statuses: Vec<CaseStatus>,
    /// Whether that is all of them; false when they came to more than the caller can take.
    pub complete: bool,
}

impl Store {
    /// The statuses that a case has had, as its entries of `STATUS_CHANGED` with a new value tell; `None` when the case has
    /// never had an entry. Reading stops once their names come to more than `max_bytes`.
    pub async fn case_statuses(
        &self,
        scope: &TenantScope,
        case: CaseId,
        max_bytes: usize,
    ) -> Result<Option<CaseStatuses>, StoreError> {
        let (case, action) = (EntityId::from(case), CaseAction::parse(STATUS_CHANGED));
        let partition = keys::entity_partition(scope.org(), EntityType::KycCase, &case);
        let Some(head) = self.case_head(&partition).await? else { return Ok(None) };
        let numbers = head.numbers(action.as_ref());
        let (mut statuses, mut bytes) = (Vec::new(), 0);
        let mut from = numbers.removed + 1;
        while from <= numbers.last {
            let to = numbers.last.min(from + PAGE_ENTRIES - 1);
            for row in self.case_rows(&partition, action.as_ref(), from..=to, SortOrder::Ascending).await? {
                let change = parse_entry(&row, &case)?.change;
                let Some(status) = change.new_value else { continue };
                let status = CaseStatus { status: status.as_str().to_owned(), changed_at: change.occurred_at };
                bytes += status.status.len() + size_of::<CaseStatus>();
                if bytes > max_bytes {
                    return Ok(Some(CaseStatuses { statuses, complete: false }));
                }
                statuses.push(status);
            }
            from = to + 1;
        }
        Ok(Some(CaseStatuses { statuses, complete: true }))
    }
}
