use sporlog_model::{Instant, OrgId};

use crate::keys::{self, DUE_SHARDS};
use crate::row::Row;
use crate::table::text;
use crate::{Store, StoreError};

/// An organization whose export is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrg {
    pub org: OrgId,
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
    pub async fn due_exports(&self, shard: u8, now: Instant) -> Result<Vec<DueOrg>, StoreError> {
        let rows = self.due(keys::due_partition(shard), now).await?;
        rows.iter().map(|row: &Row| Ok(DueOrg { org: row.parse("pk", keys::parse_export_partition)? })).collect()
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
