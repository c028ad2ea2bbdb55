use std::fmt;

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

impl Store {
    /// The id of the table.
    pub async fn table_id(&self) -> Result<&TableId, StoreError> {
        self.table_id.get_or_try_init(|| self.describe_table()).await
    }

    async fn describe_table(&self) -> Result<TableId, StoreError> {
        let described = self.client.describe_table().table_name(&self.table).send().await?.table;
        let id = described.and_then(|table| table.table_id);
        id.map(TableId).ok_or_else(|| StoreError::Refused("DynamoDB described the table without its id".into()))
    }
}
