use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sporlog_auth::{Action, TenantScope};
use sporlog_http::{ApiError, Caller, Idempotency, JsonBody, Rows};
use sporlog_model::settings::SettingGroup;
use sporlog_model::{CaseId, ErrorKind, RequestDigest};
use sporlog_store::{Answered, CaseAppend, CaseReceipt, MAX_CASE_ACTIONS, NamedRequest, Operation, Store, StoreError};

use crate::KycAuditLog;
use crate::answer::{body, json, too_large};
use crate::entry::AppendBody;
use crate::path::PathCase;
use crate::view::{EntryView, ListView, Meta};

/// `POST /api/v1/kyc/cases/{id}/audit-log`: adds entries to the log, all or none. 201 with the entries in the order sent; 202
/// with none where the organization has switched the log off.
pub(crate) async fn append_case_audit_log(
    State(state): State<KycAuditLog>,
    caller: Caller,
    case: PathCase,
    idempotency: Result<Idempotency, ApiError>,
    sent: Result<JsonBody<AppendBody>, ApiError>,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::AppendCaseAuditLog, &caller.0.org)?;
    let (case, JsonBody(sent), came_at) = (case.id()?, sent?, state.clock.now());
    let request = named_request(idempotency?, case, &sent);
    let changes = sent.changes(came_at)?;
    if is_switched_off(&state.store, &scope, request.as_ref()).await.map_err(ApiError::of)? {
        // Acknowledged, as a stored one is, so that the sender goes on; without rows, since there are none.
        let none = body(&ListView::<EntryView> { data: &[], pagination: None, meta: Meta::at(came_at) })?;
        return Ok((StatusCode::ACCEPTED, json(none.unwrap_or_default())).into_response());
    }
    match state.store.append_case_entries(&scope, case, &changes, came_at, request.as_ref()).await {
        Ok(CaseAppend::Appended(receipt)) => created(&sent, receipt),
        Ok(CaseAppend::OtherRequest) => {
            let message = "The Idempotency-Key was used for another request";
            Err(ApiError::new(ErrorKind::Invalid, "idempotencyKeyReused", message))
        }
        Ok(CaseAppend::TooManyActions) => {
            let message = format!("A case has at most {MAX_CASE_ACTIONS} different actions");
            Err(ApiError::new(ErrorKind::Invalid, "tooManyActions", message))
        }
        Err(error) => Err(ApiError::of(error)),
    }
}

/// Whether the organization takes no entries now. One that was taken before is still answered as it was.
async fn is_switched_off(
    store: &Store,
    scope: &TenantScope,
    request: Option<&NamedRequest>,
) -> Result<bool, StoreError> {
    if store.is_enabled(scope, SettingGroup::Kyc).await? {
        return Ok(false);
    }
    match request {
        Some(request) => Ok(store.answered(scope, request).await? == Answered::No),
        None => Ok(true),
    }
}

fn named_request(Idempotency(key): Idempotency, case: CaseId, sent: &AppendBody) -> Option<NamedRequest> {
    key.map(|key| NamedRequest {
        operation: Operation::AppendCaseAuditLog,
        key,
        digest: RequestDigest::of(&(case.to_string(), sent.digest.as_str())),
    })
}

/// Made from the request and the receipt alone, so that it is the same for a request that is sent again.
fn created(sent: &AppendBody, receipt: CaseReceipt) -> Result<Response, ApiError> {
    let changes = sent.changes(receipt.at)?;
    let rows: Vec<EntryView> =
        (receipt.first_id..).zip(&changes).map(|(id, change)| EntryView::of(id, change)).collect();
    let body = body(&ListView { data: &rows, pagination: None, meta: Meta::at(receipt.at) })?;
    // A body of 1 MB cannot make more than that.
    let body = body.ok_or_else(|| too_large("send fewer entries"))?;
    Ok((StatusCode::CREATED, Rows(rows.len()), json(body)).into_response())
}
