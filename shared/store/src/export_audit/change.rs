use serde_json::json;
use sporlog_auth::TenantScope;
use sporlog_model::bufdir::{AttachedFile, AuditId, Decision, ExportAudit, StatusUpdate, UpdateRefused};
use sporlog_model::{Actor, EntityId, Instant};

use super::{BUFDIR_EXPORT, Stored, item};
use crate::org::own_event;
use crate::table::Backoff;
use crate::{Store, StoreError, keys};

const STATUS_CHANGE: &str = "StatusChange";
const FILE_ATTACH: &str = "FileAttach";
const DELETE: &str = "Delete";

/// Decides what becomes of a record at an instant.
type Decide<'a> = &'a (dyn Fn(&ExportAudit, Instant) -> Result<Decision, UpdateRefused> + Sync);

impl Store {
    /// Moves a record to another status; answers it as it is then. [`StoreError::NotFound`] when there is no such record.
    pub async fn update_export_audit_status(
        &self,
        scope: &TenantScope,
        id: AuditId,
        update: &StatusUpdate,
        by: &Actor,
    ) -> Result<Result<ExportAudit, UpdateRefused>, StoreError> {
        self.change_export_audit(scope, id, STATUS_CHANGE, by, &|record, now| record.with_status(update, now)).await
    }

    /// Notes where the file of an export is; answers the record as it is then. [`StoreError::NotFound`] when there is no such
    /// record.
    pub async fn attach_export_audit_file(
        &self,
        scope: &TenantScope,
        id: AuditId,
        file: &AttachedFile,
        by: &Actor,
    ) -> Result<Result<ExportAudit, UpdateRefused>, StoreError> {
        self.change_export_audit(scope, id, FILE_ATTACH, by, &|record, now| record.with_file(file, now)).await
    }

    /// Removes a record; its export may be recorded anew. What it was is in the log. [`StoreError::NotFound`] when there is no
    /// such record.
    pub async fn delete_export_audit(&self, scope: &TenantScope, id: AuditId, by: &Actor) -> Result<(), StoreError> {
        let org = scope.org();
        let mut backoff = Backoff::default();
        loop {
            let Stored { record, version } = self.stored_export_audit(scope, id).await?.ok_or(StoreError::NotFound)?;
            let items = vec![
                self.remove_version(keys::export_audit(org, record.created_at, id), version),
                self.remove(keys::audit_id(id)),
                self.remove(keys::audited_export(org, &record.export.export_id)),
                self.count_export_audits(scope, -1),
            ];
            let (entity, before) = (EntityId::from(id), item::document(org, &record));
            let tombstone = json!({"deleted": true, "audit_id": id});
            let event = own_event(BUFDIR_EXPORT, entity, self.clock.now(), DELETE, by, Some(before), tombstone)?;
            match self.append_with(scope, &event, items).await {
                Ok(_) => return Ok(()),
                // Changed or deleted since it was read.
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads, decides, and writes if the record is still what was read; otherwise again.
    async fn change_export_audit(
        &self,
        scope: &TenantScope,
        id: AuditId,
        action: &str,
        by: &Actor,
        decide: Decide<'_>,
    ) -> Result<Result<ExportAudit, UpdateRefused>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let Stored { record, version } = self.stored_export_audit(scope, id).await?.ok_or(StoreError::NotFound)?;
            let now = self.clock.now();
            let next = match decide(&record, now) {
                Ok(Decision::Changed(next)) => *next,
                Ok(Decision::Unchanged) => return Ok(Ok(record)),
                Err(refused) => return Ok(Err(refused)),
            };
            let documents = [&record, &next].map(|record| item::document(scope.org(), record));
            let [before, after] = documents;
            let event = own_event(BUFDIR_EXPORT, EntityId::from(id), now, action, by, Some(before), after)?;
            let write = self.replace_version(item::record_row(scope.org(), &next, version + 1), version);
            match self.append_with(scope, &event, vec![write]).await {
                Ok(_) => return Ok(Ok(next)),
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                Err(error) => return Err(error),
            }
        }
    }
}
