use sporlog_auth::TenantScope;
use sporlog_model::{CaseAction, CaseEntry, CaseId, EntityId, EntityType};

use super::item::parse_entry;
use crate::{SortOrder, Store, StoreError, keys};

/// Which page of the log of a case to read.
#[derive(Debug, Clone)]
pub struct CasePageQuery {
    /// Only the entries of this action.
    pub action: Option<CaseAction>,
    /// From 1.
    pub page: u64,
    /// How many entries a page has.
    pub size: u64,
}

/// A page of the log of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasePage {
    /// How many entries there are, of the action if one was named.
    pub total: u64,
    /// Newest first: in the reverse of the order in which the log took them.
    pub entries: Vec<CaseEntry>,
}

impl Store {
    /// A page of the log of a case, strongly consistent; `None` when the case has never had an entry.
    ///
    /// Reads the head and the rows of the page, whichever page that is and whether or not an action is named. Fewer rows than
    /// the total promises when retention deletes them meanwhile.
    pub async fn case_page(
        &self,
        scope: &TenantScope,
        case: CaseId,
        query: &CasePageQuery,
    ) -> Result<Option<CasePage>, StoreError> {
        let (case, action) = (EntityId::from(case), query.action.as_ref());
        let partition = keys::entity_partition(scope.org(), EntityType::KycCase, &case);
        let Some(head) = self.case_head(&partition).await? else { return Ok(None) };
        let numbers = head.numbers(action);
        let offset = query.page.saturating_sub(1).saturating_mul(query.size);
        let newest = numbers.last.saturating_sub(offset);
        let oldest = newest.saturating_sub(query.size).max(numbers.removed) + 1;
        if newest < oldest {
            return Ok(Some(CasePage { total: numbers.total(), entries: Vec::new() }));
        }
        let rows = self.case_rows(&partition, action, oldest..=newest, SortOrder::Descending).await?;
        let entries = rows.iter().map(|row| parse_entry(row, &case)).collect::<Result<_, _>>()?;
        Ok(Some(CasePage { total: numbers.total(), entries }))
    }
}
