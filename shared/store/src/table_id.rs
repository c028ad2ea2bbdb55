use std::fmt;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use sporlog_model::Instant;

use crate::{Store, StoreError};

/// Which table: DynamoDB gives every table another id, also one that is restored under the name of the table it comes from
/// (`TableId`, Amazon DynamoDB API Reference, `TableDescription`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableId(String);

impl TableId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how long the answer is believed: a table cannot be deleted, and another be restored under its name, in less.
const KEPT: Duration = Duration::from_mins(1);

impl Store {
    /// The id of the table; asked for at most once a minute.
    pub async fn table_id(&self) -> Result<TableId, StoreError> {
        let now = self.clock.now();
        let known = self.kept_table_id().clone();
        if let Some((id, asked_at)) = known
            && (asked_at..asked_at.plus(KEPT)).contains(&now)
        {
            return Ok(id);
        }
        let described = self.client.describe_table().table_name(&self.table).send().await?.table;
        let id = described.and_then(|table| table.table_id).map(TableId);
        let id = id.ok_or_else(|| StoreError::Refused("DynamoDB described the table without its id".into()))?;
        *self.kept_table_id() = Some((id.clone(), now));
        Ok(id)
    }

    fn kept_table_id(&self) -> MutexGuard<'_, Option<(TableId, Instant)>> {
        // An id is whole after any panic, so a poisoned lock is as good as another.
        self.table_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
