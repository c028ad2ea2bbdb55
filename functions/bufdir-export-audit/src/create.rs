use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, Idempotency, JsonBody, Members, QueryParameters, RequestBody};
use sporlog_model::bufdir::{
    ActivityType, AuditId, ExportAudit, ExportFormat, ExportId, MAX_ACTIVITY_TYPES, NewExportAudit, Period, UserId,
};
use sporlog_model::{Day, ErrorKind, OrgId, RequestDigest};
use sporlog_store::{ExportAuditCreation, NamedRequest, Operation};

use crate::ExportAudits;
use crate::request::{org, scope, text};

/// What `POST` must say.
#[derive(Debug)]
pub(crate) struct CreateBody {
    org: OrgId,
    new: NewExportAudit,
    digest: RequestDigest,
}

impl RequestBody for CreateBody {
    const MEMBERS: Option<&'static [&'static str]> = None;

    fn read(members: &Members) -> Result<Self, ApiError> {
        let required = |name| members.required::<String>(name, "must be a text");
        let export_id = text("export_id", &required("export_id")?, ExportId::parse)?;
        let org = org(&required("org_id")?)?;
        let triggered_by = text("triggered_by_user_id", &required("triggered_by_user_id")?, UserId::parse)?;
        let format = ExportFormat::from_name(&required("format")?);
        let format = format.ok_or_else(|| ApiError::invalid_member("format", "must be one of excel, csv, pdf"))?;
        let period = Period::new(day(members, "period_from")?, day(members, "period_to")?);
        let period = period.ok_or_else(|| ApiError::invalid_member("period_to", "must not be before period_from"))?;
        let activity_types = members.optional::<Vec<String>>("activity_types", "must be a list of texts")?;
        let activity_types = activity_types.as_deref().map(types).transpose()?;
        let new = NewExportAudit { export_id, triggered_by, format, period, activity_types };
        Ok(Self { org, new, digest: members.digest() })
    }
}

fn day(members: &Members, name: &str) -> Result<Day, ApiError> {
    const FORM: &str = "must be a date: YYYY-MM-DD";
    Day::parse_strict(&members.required::<String>(name, FORM)?).map_err(|_| ApiError::invalid_member(name, FORM))
}

fn types(texts: &[String]) -> Result<Vec<ActivityType>, ApiError> {
    const MEMBER: &str = "activity_types";
    if texts.len() > MAX_ACTIVITY_TYPES {
        return Err(ApiError::invalid_member(MEMBER, &format!("must be at most {MAX_ACTIVITY_TYPES}")));
    }
    texts.iter().map(|word| text(MEMBER, word, ActivityType::parse)).collect()
}

/// A new record as it is answered.
#[derive(Serialize)]
struct CreatedView<'a> {
    audit_id: AuditId,
    export_id: &'a str,
    status: &'static str,
    created_at: String,
}

/// `POST`: records an export that begins.
pub(crate) async fn create_export_audit(
    State(state): State<ExportAudits>,
    caller: Caller,
    query: QueryParameters,
    idempotency: Result<Idempotency, ApiError>,
    body: Result<JsonBody<CreateBody>, ApiError>,
) -> Result<Response, ApiError> {
    // Who may not is told so before anything is said about the request.
    scope(&caller, Action::CreateExportAudit, &query)?;
    let Idempotency(key) = idempotency?;
    let JsonBody(CreateBody { org, new, digest }) = body?;
    let scope = caller.scope(Action::CreateExportAudit, &org)?;
    let named = key.map(|key| NamedRequest { operation: Operation::CreateExportAudit, key, digest });
    let created = state.store.create_export_audit(&scope, new, &caller.0.actor(), named.as_ref(), answer).await;
    match created.map_err(ApiError::of)? {
        ExportAuditCreation::Answered(answer) => {
            Ok((StatusCode::CREATED, [(CONTENT_TYPE, "application/json")], answer).into_response())
        }
        ExportAuditCreation::ExportTaken(id) => {
            let problem = format!("is already audited as {id}");
            Err(ApiError::at_field(ErrorKind::Conflict, "exportAlreadyAudited", "export_id", &problem))
        }
        ExportAuditCreation::KeyReused => {
            let problem = "was used for another request";
            Err(ApiError::at_field(ErrorKind::Invalid, "idempotencyKeyReused", "Idempotency-Key", problem))
        }
    }
}

fn answer(record: &ExportAudit) -> String {
    let view = CreatedView {
        audit_id: record.id,
        export_id: record.export.export_id.as_str(),
        status: record.status.name(),
        created_at: record.created_at.to_rfc3339_seconds(),
    };
    // Texts only, which always can be written.
    serde_json::to_string(&view).unwrap_or_default()
}
