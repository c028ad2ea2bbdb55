use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, Members, QueryParameters, RequestBody};
use sporlog_model::bufdir::{AttachedFile, AuditId, FileUrl};

use crate::ExportAudits;
use crate::request::{PathId, failed, refused, scope, text};

/// What `PUT …/file` must say.
#[derive(Debug)]
pub(crate) struct FileBody(AttachedFile);

impl RequestBody for FileBody {
    const MEMBERS: Option<&'static [&'static str]> = None;

    fn read(members: &Members) -> Result<Self, ApiError> {
        let url = members.required::<String>("file_url", "must be a text")?;
        Ok(Self(AttachedFile {
            url: text("file_url", &url, FileUrl::parse)?,
            size_bytes: members.optional("file_size_bytes", "must be a whole number from 0")?,
        }))
    }
}

/// A file that has been attached.
#[derive(Serialize)]
pub(crate) struct FileView {
    audit_id: AuditId,
    file_url: Option<String>,
    updated_at: String,
}

/// `PUT {audit_id}/file`: notes where the file is.
pub(crate) async fn attach_export_audit_file(
    State(state): State<ExportAudits>,
    caller: Caller,
    path: PathId,
    query: QueryParameters,
    body: Result<JsonBody<FileBody>, ApiError>,
) -> Result<JsonBody<FileView>, ApiError> {
    let scope = scope(&caller, Action::AttachExportAuditFile, &query)?;
    let id = path.id()?;
    let JsonBody(FileBody(file)) = body?;
    let attached = state.store.attach_export_audit_file(&scope, id, &file, &caller.0.actor()).await;
    let record = attached.map_err(failed)?.map_err(refused)?;
    let file_url = record.file_url.as_ref().map(FileUrl::as_str).map(str::to_owned);
    Ok(JsonBody(FileView { audit_id: record.id, file_url, updated_at: record.updated_at.to_rfc3339_seconds() }))
}
