use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, QueryParameters};
use sporlog_model::bufdir::AuditId;

use crate::ExportAudits;
use crate::request::{PathId, failed, scope};

/// A record that is gone.
#[derive(Serialize)]
pub(crate) struct DeletedView {
    deleted: bool,
    audit_id: AuditId,
}

/// `DELETE {audit_id}`: removes the record from every read; the log keeps what it was, and who removed it when.
pub(crate) async fn delete_export_audit(
    State(state): State<ExportAudits>,
    caller: Caller,
    path: PathId,
    query: QueryParameters,
) -> Result<JsonBody<DeletedView>, ApiError> {
    let scope = scope(&caller, Action::DeleteExportAudit, &query)?;
    let audit_id = path.id()?;
    state.store.delete_export_audit(&scope, audit_id, &caller.0.actor()).await.map_err(failed)?;
    Ok(JsonBody(DeletedView { deleted: true, audit_id }))
}
