use std::collections::HashSet;
use std::ops::RangeInclusive;

use sporlog_model::CaseAction;

use crate::keys::Key;
use crate::row::Row;
use crate::{SortOrder, Store, StoreError, keys};

/// The key of the entry of this number, in its case or, if an action is named, among those of the action.
fn entry_key(partition: &str, action: Option<&CaseAction>, number: u64) -> Key {
    match action {
        None => keys::case_entry(partition, number),
        Some(action) => keys::case_action_entry(partition, action, number),
    }
}

impl Store {
    /// The rows of a case, or of one action in it, with these numbers: every one that retention has left.
    pub(super) async fn case_rows(
        &self,
        partition: &str,
        action: Option<&CaseAction>,
        numbers: RangeInclusive<u64>,
        order: SortOrder,
    ) -> Result<Vec<Row>, StoreError> {
        let (from, to) = (*numbers.start(), *numbers.end());
        let request =
            self.between(partition, entry_key(partition, action, from).sk, entry_key(partition, action, to).sk);
        let request = request.scan_index_forward(order == SortOrder::Ascending);
        let expected = (to + 1).saturating_sub(from);
        let rows = self.slice(request, 0, expected).await?;
        if (rows.len() as u64) < expected {
            self.assert_removed(partition, action, numbers, &rows).await?;
        }
        Ok(rows)
    }

    /// Whether it was retention that took the rows which were not found: a hole in an audit log must be seen.
    async fn assert_removed(
        &self,
        partition: &str,
        action: Option<&CaseAction>,
        mut numbers: RangeInclusive<u64>,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        let found: HashSet<u64> =
            rows.iter().map(|row| row.parse("sk", keys::parse_case_entry)).collect::<Result<_, _>>()?;
        let Some(newest) = numbers.rfind(|number| !found.contains(number)) else { return Ok(()) };
        // Read after the rows: what is gone by now was announced before it went.
        let removed = self.case_head(partition).await?.map_or(0, |head| head.numbers(action).removed);
        if newest <= removed { Ok(()) } else { Err(entry_key(partition, action, newest).missing()) }
    }
}
