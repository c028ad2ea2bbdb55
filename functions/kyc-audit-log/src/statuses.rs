use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, Rows};

use crate::KycAuditLog;
use crate::answer::{MAX_ANSWER_BYTES, body, json, too_large};
use crate::path::{PathCase, case_not_found};
use crate::view::{ListView, Meta, StatusView};

/// `GET /api/v1/kyc/cases/{id}/status-history`: the statuses that the case has had, oldest first.
pub(crate) async fn read_case_status_history(
    State(state): State<KycAuditLog>,
    caller: Caller,
    case: PathCase,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::ReadCaseStatusHistory, &caller.0.org)?;
    let statuses = state.store.case_statuses(&scope, case.id()?, MAX_ANSWER_BYTES).await.map_err(ApiError::of)?;
    let statuses = statuses.ok_or_else(case_not_found)?;
    let rows: Vec<StatusView> = statuses.statuses.iter().map(StatusView::from).collect();
    let list = ListView { data: &rows, pagination: None, meta: Meta::at(state.clock.now()) };
    let body = if statuses.complete { body(&list)? } else { None };
    let body = body.ok_or_else(|| too_large("read the pages of audit-log?action=STATUS_CHANGED"))?;
    Ok((Rows(rows.len()), json(body)).into_response())
}
