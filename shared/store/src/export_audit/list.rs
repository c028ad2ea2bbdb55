use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use sporlog_auth::TenantScope;
use sporlog_model::Instant;
use sporlog_model::bufdir::{AuditStatus, ExportAudit, ExportFormat};

use super::item::parse_record;
use crate::row::Row;
use crate::table::text;
use crate::{SortOrder, Store, StoreError, keys};

/// Which of an organization's records to list, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportAuditQuery {
    pub status: Option<AuditStatus>,
    pub format: Option<ExportFormat>,
    /// Made at this instant or later.
    pub from: Option<Instant>,
    /// Made before this instant.
    pub to: Option<Instant>,
    pub offset: u64,
    pub limit: u64,
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportAuditPage {
    /// How many records there are that the query matches.
    pub total: u64,
    pub audits: Vec<ExportAudit>,
}

impl ExportAuditQuery {
    fn is_filtered(&self) -> bool {
        self.status.is_some() || self.format.is_some() || self.from.is_some() || self.to.is_some()
    }
}

impl Store {
    /// A page of the records. Without a filter it costs its offset and its own rows, whatever the number of records; with one,
    /// every record made between `from` and `to` is read, since the total counts what the filter matches.
    pub async fn export_audits(
        &self,
        scope: &TenantScope,
        query: &ExportAuditQuery,
    ) -> Result<ExportAuditPage, StoreError> {
        if query.is_filtered() {
            return self.filtered_export_audits(scope, query).await;
        }
        let partition = keys::export_audits_partition(scope.org());
        let head = self.get(keys::head(&partition)).await?;
        let total = head.map(|row| row.count("total")).transpose()?.unwrap_or(0);
        // Nothing is read behind the end, however far.
        if query.offset >= total {
            return Ok(ExportAuditPage { total, audits: Vec::new() });
        }
        let request = self.range(&partition, keys::EXPORT_AUDIT_PREFIX, SortOrder::Descending);
        let rows = self.slice(request, query.offset, query.limit).await?;
        Ok(ExportAuditPage { total, audits: rows.iter().map(parse_record).collect::<Result<_, _>>()? })
    }

    /// One pass over the records made in the time asked for; rows travel until the page is full, then only counts.
    async fn filtered_export_audits(
        &self,
        scope: &TenantScope,
        query: &ExportAuditQuery,
    ) -> Result<ExportAuditPage, StoreError> {
        let mut page = ExportAuditPage { total: 0, audits: Vec::new() };
        let from = keys::export_audits_from(query.from.unwrap_or(Instant::MIN));
        let to = query.to.map_or_else(keys::export_audits_end, keys::export_audits_from);
        // DynamoDB refuses a range that ends before it begins.
        if from >= to {
            return Ok(page);
        }
        let request = self.between(&keys::export_audits_partition(scope.org()), from, to).scan_index_forward(false);
        let request = filtered(request, query);
        let mut start = None;
        loop {
            let full = page.audits.len() as u64 >= query.limit;
            let part = if full { request.clone().select(Select::Count) } else { request.clone() };
            let part = part.set_exclusive_start_key(start).send().await?;
            let before = usize::try_from(query.offset.saturating_sub(page.total)).unwrap_or(usize::MAX);
            let left = usize::try_from(query.limit).unwrap_or(usize::MAX) - page.audits.len();
            for row in part.items.unwrap_or_default().into_iter().skip(before).take(left) {
                page.audits.push(parse_record(&Row(row))?);
            }
            page.total += u64::try_from(part.count).unwrap_or(0);
            start = part.last_evaluated_key;
            if start.is_none() {
                return Ok(page);
            }
        }
    }
}

fn filtered(request: QueryFluentBuilder, query: &ExportAuditQuery) -> QueryFluentBuilder {
    let wanted = [("status", query.status.map(AuditStatus::name)), ("format", query.format.map(ExportFormat::name))];
    let mut conditions = Vec::new();
    let request = wanted.into_iter().fold(request, |request, (attribute, value)| match value {
        Some(value) => {
            // Both are reserved words.
            conditions.push(format!("#{attribute} = :{attribute}"));
            request
                .expression_attribute_names(format!("#{attribute}"), attribute)
                .expression_attribute_values(format!(":{attribute}"), text(value))
        }
        None => request,
    });
    if conditions.is_empty() { request } else { request.filter_expression(conditions.join(" AND ")) }
}
