use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, QueryParameters, Rows};
use sporlog_model::{CaseAction, CaseId, ErrorKind, Instant};
use sporlog_store::{CasePage, CasePageQuery};

use crate::KycAuditLog;
use crate::answer::{body, json, too_large};
use crate::path::{PathCase, case_not_found};
use crate::view::{EntryView, ListView, Meta, Pagination};

const PAGE_SIZE: u64 = 25;
const MAX_PAGE_SIZE: u64 = 100;
/// The largest page: what a JavaScript client can count to.
const MAX_PAGE: u64 = CaseId::MAX;

/// `GET /api/v1/kyc/cases/{id}/audit-log`: a page of the log, newest first.
pub(crate) async fn read_case_audit_log(
    State(state): State<KycAuditLog>,
    caller: Caller,
    case: PathCase,
    query: QueryParameters,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::ReadCaseAuditLog, &caller.0.org)?;
    let (case, query) = (case.id()?, page_query(&query)?);
    let page = state.store.case_page(&scope, case, &query).await.map_err(ApiError::of)?;
    answer(&query, &page.ok_or_else(case_not_found)?, state.clock.now())
}

fn page_query(query: &QueryParameters) -> Result<CasePageQuery, ApiError> {
    let action =
        query.get("action").map(|text| CaseAction::parse(text).ok_or_else(|| outside("action", CaseAction::FORM)));
    Ok(CasePageQuery {
        action: action.transpose()?,
        page: number(query, "page", MAX_PAGE, "must be a whole number from 1 to 9007199254740991")?.unwrap_or(1),
        size: number(query, "page_size", MAX_PAGE_SIZE, "must be a whole number from 1 to 100")?.unwrap_or(PAGE_SIZE),
    })
}

fn number(query: &QueryParameters, name: &str, most: u64, form: &str) -> Result<Option<u64>, ApiError> {
    query.number(name, 1..=most).map_err(|_| outside(name, form))
}

fn outside(parameter: &str, form: &str) -> ApiError {
    ApiError::at_field(ErrorKind::Malformed, "validationError", parameter, form)
}

fn answer(query: &CasePageQuery, page: &CasePage, now: Instant) -> Result<Response, ApiError> {
    let rows: Vec<EntryView> = page.entries.iter().map(EntryView::from).collect();
    let pagination = Some(Pagination::of(query.page, query.size, page.total));
    let with = |count: usize| body(&ListView { data: &rows[..count], pagination, meta: Meta::at(now) });
    if let Some(body) = with(rows.len())? {
        return Ok((Rows(rows.len()), json(body)).into_response());
    }
    let counts: Vec<usize> = (1..=rows.len()).collect();
    let fits = counts.partition_point(|count| with(*count).is_ok_and(|body| body.is_some()));
    Err(too_large(&format!("ask for page_size={fits} or less")))
}
