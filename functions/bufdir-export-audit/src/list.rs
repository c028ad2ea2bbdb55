use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, QueryParameters, Rows};
use sporlog_model::bufdir::{AuditId, AuditStatus, ExportAudit, ExportFormat, FileUrl};
use sporlog_model::{Instant, OrgId};
use sporlog_store::ExportAuditQuery;

use crate::ExportAudits;
use crate::request::scope;

/// The most records on a page.
const MAX_LIMIT: u64 = 100;
const DEFAULT_LIMIT: u64 = 20;

/// What the list's parameters ask for.
struct ListRequest {
    page: u64,
    filter: ExportAuditQuery,
}

#[derive(Serialize)]
pub(crate) struct ExportAuditsPage {
    data: Vec<ListedView>,
    pagination: Pagination,
}

/// A record in the list.
#[derive(Serialize)]
struct ListedView {
    audit_id: AuditId,
    export_id: String,
    org_id: OrgId,
    triggered_by_user_id: String,
    status: &'static str,
    format: &'static str,
    file_url: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Pagination {
    page: u64,
    limit: u64,
    /// How many records the filters match.
    total: u64,
}

/// `GET`: the organization's records, newest first.
pub(crate) async fn list_export_audits(
    State(state): State<ExportAudits>,
    caller: Caller,
    query: QueryParameters,
) -> Result<(Rows, JsonBody<ExportAuditsPage>), ApiError> {
    let scope = scope(&caller, Action::ListExportAudits, &query)?;
    let ListRequest { page, filter } = ListRequest::read(&query)?;
    let found = state.store.export_audits(&scope, &filter).await.map_err(ApiError::of)?;
    let pagination = Pagination { page, limit: filter.limit, total: found.total };
    let data = found.audits.iter().map(|record| listed(scope.org(), record)).collect();
    Ok((Rows(found.audits.len()), JsonBody(ExportAuditsPage { data, pagination })))
}

impl ListRequest {
    fn read(query: &QueryParameters) -> Result<Self, ApiError> {
        let page = number(query, "page", 1, 1..=u64::MAX, "must be a whole number from 1")?;
        let limit = number(query, "limit", DEFAULT_LIMIT, 1..=MAX_LIMIT, "must be a whole number from 1 to 100")?;
        let statuses = "must be one of queued, processing, completed, failed, cancelled";
        let filter = ExportAuditQuery {
            status: one(query, "status", AuditStatus::from_name, statuses)?,
            format: one(query, "format", ExportFormat::from_name, "must be one of excel, csv, pdf")?,
            from: instant(query, "from")?,
            to: instant(query, "to")?,
            offset: (page - 1).saturating_mul(limit),
            limit,
        };
        Ok(Self { page, filter })
    }
}

fn number(
    query: &QueryParameters,
    name: &str,
    default: u64,
    allowed: std::ops::RangeInclusive<u64>,
    form: &str,
) -> Result<u64, ApiError> {
    let number = query.number(name, allowed).map_err(|_| ApiError::invalid_member(name, form))?;
    Ok(number.unwrap_or(default))
}

fn instant(query: &QueryParameters, name: &str) -> Result<Option<Instant>, ApiError> {
    one(query, name, |text| Instant::parse_rfc3339(text).ok(), "must be an RFC 3339 date and time")
}

fn one<T>(
    query: &QueryParameters,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    form: &str,
) -> Result<Option<T>, ApiError> {
    query.get(name).map(|text| parse(text).ok_or_else(|| ApiError::invalid_member(name, form))).transpose()
}

fn listed(org: &OrgId, record: &ExportAudit) -> ListedView {
    ListedView {
        audit_id: record.id,
        export_id: record.export.export_id.to_string(),
        org_id: org.clone(),
        triggered_by_user_id: record.export.triggered_by.to_string(),
        status: record.status.name(),
        format: record.export.format.name(),
        file_url: record.file_url.as_ref().map(FileUrl::as_str).map(str::to_owned),
        created_at: record.created_at.to_rfc3339_seconds(),
        updated_at: record.updated_at.to_rfc3339_seconds(),
    }
}
