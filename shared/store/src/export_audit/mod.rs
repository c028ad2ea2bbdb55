//! The audit records of exports to Bufdir.
//!
//! A record is one item in its organization's partition, in the order of creation. Its id is taken by an item of its own,
//! outside every organization, which also says where the record is; its export is taken by an item in the partition. All
//! three, the count of records and the event that tells of it change in one transaction. `version` counts the writes of a
//! record, so that of two who read the same one writes.

mod change;
mod create;
mod item;
mod list;

pub use create::ExportAuditCreation;
pub use list::{ExportAuditPage, ExportAuditQuery};

use sporlog_auth::TenantScope;
use sporlog_model::bufdir::{AuditId, ExportAudit};
use sporlog_model::{EntityType, OrgId};

use crate::row::Row;
use crate::{Store, StoreError, keys};

const BUFDIR_EXPORT: EntityType = EntityType::BufdirExport;

/// A record as it was read.
struct Stored {
    record: ExportAudit,
    version: u64,
}

impl Store {
    /// One record; `None` when the organization has none with this id.
    pub async fn export_audit(&self, scope: &TenantScope, id: AuditId) -> Result<Option<ExportAudit>, StoreError> {
        Ok(self.stored_export_audit(scope, id).await?.map(|stored| stored.record))
    }

    /// A record of another organization costs the one read that an unknown one costs, so that not even the time tells them
    /// apart.
    async fn stored_export_audit(&self, scope: &TenantScope, id: AuditId) -> Result<Option<Stored>, StoreError> {
        let Some(taken) = self.get(keys::audit_id(id)).await? else { return Ok(None) };
        if taken.parse("org", |text| OrgId::parse(text).ok())? != *scope.org() {
            return Ok(None);
        }
        let created_at = taken.parse("created_at", item::instant)?;
        // Not there when it was deleted between the two reads.
        let row = self.get(keys::export_audit(scope.org(), created_at, id)).await?;
        row.as_ref().map(stored).transpose()
    }
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    Ok(Stored { record: item::parse_record(row)?, version: row.count("version")? })
}
