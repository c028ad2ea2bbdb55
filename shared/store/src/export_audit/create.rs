use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};
use sporlog_auth::TenantScope;
use sporlog_model::bufdir::{AuditId, ExportAudit, ExportId, NewExportAudit};
use sporlog_model::{Actor, Day, EntityId};

use super::{BUFDIR_EXPORT, item};
use crate::org::{CREATE, own_event};
use crate::row::Row;
use crate::table::{Backoff, Change, text};
use crate::{Answered, NamedRequest, Store, StoreError, keys};

/// What came of recording an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportAuditCreation {
    /// It is recorded, now or when the same named request came first; this is the answer.
    Answered(String),
    /// The export has a record already: this one.
    ExportTaken(AuditId),
    /// The request's idempotency key was used for another request.
    KeyReused,
}

impl Store {
    /// Records an export that begins, once for each `export_id` of an organization. `answer` renders the record for the
    /// caller; what it gives is remembered with a named request.
    pub async fn create_export_audit(
        &self,
        scope: &TenantScope,
        new: NewExportAudit,
        by: &Actor,
        named: Option<&NamedRequest>,
        answer: fn(&ExportAudit) -> String,
    ) -> Result<ExportAuditCreation, StoreError> {
        if let Some(known) = self.known_creation(scope, named).await? {
            return Ok(known);
        }
        let created_at = self.clock.now();
        let id = self.next_audit_id(created_at.day()).await?;
        let record = new.queued(id, created_at);
        let answer = answer(&record);
        // One event and one record for all attempts: should an earlier one arrive late, it is this very one.
        let document = item::document(scope.org(), &record);
        let event = own_event(BUFDIR_EXPORT, EntityId::from(id), created_at, CREATE, by, None, document)?;
        let mut backoff = Backoff::default();
        loop {
            let items = self.creation(scope, &record, named, &answer);
            match self.append_with(scope, &event, items).await {
                Ok(_) => return Ok(ExportAuditCreation::Answered(answer)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
            if let Some(known) = self.known_creation(scope, named).await? {
                return Ok(known);
            }
            match self.audit_of(scope, &record.export.export_id).await? {
                // An attempt of ours that was given up has arrived after all.
                Some(taken) if taken == id => return Ok(ExportAuditCreation::Answered(answer)),
                Some(taken) => return Ok(ExportAuditCreation::ExportTaken(taken)),
                // What was in the way has been deleted since.
                None => backoff.pause(StoreError::Conflict).await?,
            }
        }
    }

    /// What is to be answered to a request that came before.
    async fn known_creation(
        &self,
        scope: &TenantScope,
        named: Option<&NamedRequest>,
    ) -> Result<Option<ExportAuditCreation>, StoreError> {
        let Some(request) = named else { return Ok(None) };
        Ok(match self.answered(scope, request).await? {
            Answered::No => None,
            Answered::Yes(answer) => Some(ExportAuditCreation::Answered(answer)),
            Answered::OtherRequest => Some(ExportAuditCreation::KeyReused),
        })
    }

    /// A number of its own for every caller, whatever becomes of the record: a create that fails leaves a gap.
    async fn next_audit_id(&self, day: Day) -> Result<AuditId, StoreError> {
        let key = keys::audit_counter(day);
        let request = self.client.update_item().table_name(&self.table);
        let request = request.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        let change = Change::new("ADD last_number :one").number(":one", 1);
        let request = request
            .update_expression(change.expression)
            .set_expression_attribute_values(Some(change.values.into_iter().collect()))
            .return_values(ReturnValue::UpdatedNew);
        let counted = Row(request.send().await?.attributes.unwrap_or_default());
        let id = AuditId::new(day, counted.count("last_number")?);
        id.ok_or(StoreError::Corrupt { key: format!("{} {}", key.pk, key.sk), problem: "last_number" })
    }

    fn creation(
        &self,
        scope: &TenantScope,
        record: &ExportAudit,
        named: Option<&NamedRequest>,
        answer: &str,
    ) -> Vec<TransactWriteItem> {
        let org = scope.org();
        let taken = Row::at(keys::audit_id(record.id))
            .with_text("org", org.as_str())
            .with_text("created_at", record.created_at.to_string());
        let audited =
            Row::at(keys::audited_export(org, &record.export.export_id)).with_text("audit_id", record.id.to_string());
        let mut items = vec![
            self.create(item::record_row(org, record, 1)),
            self.create(taken),
            self.create(audited),
            self.count_export_audits(scope, 1),
        ];
        items.extend(named.map(|request| self.remember_answer(scope, request, answer)));
        items
    }

    /// Part of a transaction: counts a record in or out.
    pub(super) fn count_export_audits(&self, scope: &TenantScope, difference: i64) -> TransactWriteItem {
        let head = keys::head(&keys::export_audits_partition(scope.org()));
        // `total` is a reserved word.
        self.update(
            head,
            Change::new("ADD #total :difference").name("#total", "total").number(":difference", difference),
        )
    }

    /// Which record an export has.
    async fn audit_of(&self, scope: &TenantScope, export: &ExportId) -> Result<Option<AuditId>, StoreError> {
        let row = self.get(keys::audited_export(scope.org(), export)).await?;
        row.map(|row| row.parse("audit_id", |text| AuditId::parse(text).ok())).transpose()
    }
}
