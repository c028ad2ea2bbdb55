use sporlog_model::{Instant, OrgId};

use crate::keys::{self, DUE_SHARDS};
use crate::row::Row;
use crate::table::text;
use crate::{Store, StoreError};

/// An organization that waits for its export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingOrg {
    pub org: OrgId,
    /// Since when. Of one that is due: after a run that did not fail, when that one ended; after a failure, when the next attempt
    /// was set for. Of one that is behind: up to here everything is exported.
    pub since: Instant,
}

impl Store {
    /// The shards of the due index, for [`Store::due_exports`].
    pub fn due_shards() -> std::ops::Range<u8> {
        0..DUE_SHARDS
    }

    /// The organizations in one shard of the due index whose time has come. Reads nothing of the others.
    ///
    /// The index is eventually consistent: an organization may show late, by moments, or once too often. Both are harmless,
    /// since the next tick finds it and the lease keeps runs apart.
    pub async fn due_exports(&self, shard: u8, now: Instant) -> Result<Vec<WaitingOrg>, StoreError> {
        let rows = self.due(keys::due_partition(shard), now).await?;
        rows.iter().map(waiting).collect()
    }

    /// Of the organizations in one shard whose last run did not bring the export up to date, the one that is furthest: one row, however many there are.
    pub async fn furthest_behind(&self, shard: u8) -> Result<Option<WaitingOrg>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("gsi1")
            .key_condition_expression("gsi1pk = :pk")
            .expression_attribute_values(":pk", text(keys::behind_partition(shard)));
        let rows = self.slice(request, 0, 1).await?;
        rows.first().map(waiting).transpose()
    }

    /// The rows of a partition of the index whose time has come, for [`Store::due_exports`] and its like.
    pub(crate) async fn due(&self, partition: String, now: Instant) -> Result<Vec<Row>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("gsi1")
            .key_condition_expression("gsi1pk = :pk AND gsi1sk < :now")
            .expression_attribute_values(":pk", text(partition))
            // A key is its instant and more; "~" sorts behind all that can follow.
            .expression_attribute_values(":now", text(format!("{now}~")));
        self.slice(request, 0, u64::MAX).await
    }
}

/// Whose export a row of the index is about, and since when it stands there.
fn waiting(row: &Row) -> Result<WaitingOrg, StoreError> {
    Ok(WaitingOrg {
        org: row.parse("pk", keys::parse_export_partition)?,
        since: row.parse("gsi1sk", keys::parse_due_at)?,
    })
}
