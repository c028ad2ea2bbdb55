use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, QueryParameters};
use sporlog_model::OrgId;
use sporlog_model::bufdir::{ActivityType, AuditId, ExportAudit, FileUrl, Remark};

use crate::ExportAudits;
use crate::request::{PathId, not_found, scope};

/// A record as it is answered by itself. Why an export was cancelled is not in it, since the published document has no member
/// for that; it is in the log.
#[derive(Serialize)]
pub(crate) struct ExportAuditView {
    audit_id: AuditId,
    export_id: String,
    org_id: OrgId,
    triggered_by_user_id: String,
    status: &'static str,
    format: &'static str,
    period_from: String,
    period_to: String,
    file_url: Option<String>,
    activity_count: Option<u64>,
    created_at: String,
    updated_at: String,
    activity_types: Option<Vec<String>>,
    file_size_bytes: Option<u64>,
    error_message: Option<String>,
}

/// `GET {audit_id}`: one record.
pub(crate) async fn read_export_audit(
    State(state): State<ExportAudits>,
    caller: Caller,
    path: PathId,
    query: QueryParameters,
) -> Result<JsonBody<ExportAuditView>, ApiError> {
    let scope = scope(&caller, Action::ReadExportAudit, &query)?;
    let record = state.store.export_audit(&scope, path.id()?).await.map_err(ApiError::of)?;
    record.map(|record| JsonBody(view(scope.org(), &record))).ok_or_else(not_found)
}

fn view(org: &OrgId, record: &ExportAudit) -> ExportAuditView {
    let export = &record.export;
    let types = |types: &Vec<ActivityType>| types.iter().map(|word| word.as_str().to_owned()).collect();
    ExportAuditView {
        audit_id: record.id,
        export_id: export.export_id.to_string(),
        org_id: org.clone(),
        triggered_by_user_id: export.triggered_by.to_string(),
        status: record.status.name(),
        format: export.format.name(),
        period_from: export.period.from().to_string(),
        period_to: export.period.to().to_string(),
        file_url: record.file_url.as_ref().map(FileUrl::as_str).map(str::to_owned),
        activity_count: record.activity_count,
        created_at: record.created_at.to_rfc3339_seconds(),
        updated_at: record.updated_at.to_rfc3339_seconds(),
        activity_types: export.activity_types.as_ref().map(types),
        file_size_bytes: record.file_size_bytes,
        error_message: record.error_message.as_ref().map(Remark::as_str).map(str::to_owned),
    }
}
