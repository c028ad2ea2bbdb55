use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, Members, QueryParameters, RequestBody};
use sporlog_model::Instant;
use sporlog_model::bufdir::{AuditId, AuditStatus, NewStatus, Remark, StatusUpdate};

use crate::ExportAudits;
use crate::request::{PathId, failed, refused, scope, text};

/// What `PUT …/status` must say.
#[derive(Debug)]
pub(crate) struct StatusBody(StatusUpdate);

impl RequestBody for StatusBody {
    const MEMBERS: Option<&'static [&'static str]> = None;

    fn read(members: &Members) -> Result<Self, ApiError> {
        let status = AuditStatus::from_name(&members.required::<String>("status", "must be a text")?);
        let problem = "must be one of queued, processing, completed, failed, cancelled";
        let status = status.ok_or_else(|| ApiError::invalid_member("status", problem))?;
        let error_message = remark(members, "error_message", AuditStatus::Failed, status)?;
        let reason = remark(members, "reason", AuditStatus::Cancelled, status)?;
        let status = match status {
            AuditStatus::Queued => NewStatus::Queued,
            AuditStatus::Processing => NewStatus::Processing,
            AuditStatus::Completed => NewStatus::Completed,
            AuditStatus::Failed => NewStatus::Failed { error_message },
            AuditStatus::Cancelled => NewStatus::Cancelled { reason },
        };
        Ok(Self(StatusUpdate {
            status,
            updated_at: instant(members)?,
            activity_count: members.optional("activity_count", "must be a whole number from 0")?,
        }))
    }
}

/// A member that goes with one status only.
fn remark(members: &Members, name: &str, with: AuditStatus, status: AuditStatus) -> Result<Option<Remark>, ApiError> {
    let Some(remark) = members.optional::<String>(name, "must be a text")? else { return Ok(None) };
    if status != with {
        return Err(ApiError::invalid_member(name, &format!("can only come with the status {with}")));
    }
    text(name, &remark, Remark::parse).map(Some)
}

fn instant(members: &Members) -> Result<Option<Instant>, ApiError> {
    const FORM: &str = "must be an RFC 3339 date and time";
    let Some(text) = members.optional::<String>("updated_at", FORM)? else { return Ok(None) };
    Instant::parse_rfc3339(&text).map(Some).map_err(|_| ApiError::invalid_member("updated_at", FORM))
}

/// A status that has been taken on.
#[derive(Serialize)]
pub(crate) struct StatusView {
    audit_id: AuditId,
    status: &'static str,
    updated_at: String,
}

/// `PUT {audit_id}/status`: moves the record to another status.
pub(crate) async fn update_export_audit_status(
    State(state): State<ExportAudits>,
    caller: Caller,
    path: PathId,
    query: QueryParameters,
    body: Result<JsonBody<StatusBody>, ApiError>,
) -> Result<JsonBody<StatusView>, ApiError> {
    let scope = scope(&caller, Action::UpdateExportAuditStatus, &query)?;
    let id = path.id()?;
    let JsonBody(StatusBody(update)) = body?;
    let updated = state.store.update_export_audit_status(&scope, id, &update, &caller.0.actor()).await;
    let record = updated.map_err(failed)?.map_err(refused)?;
    let updated_at = record.updated_at.to_rfc3339_seconds();
    Ok(JsonBody(StatusView { audit_id: record.id, status: record.status.name(), updated_at }))
}
