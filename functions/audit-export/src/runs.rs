use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, QueryParameters, Rows};
use sporlog_model::{ErrorKind, Instant, OrgId, RunId};
use sporlog_store::{Run, RunObject, RunTrigger};

use crate::AuditExport;
use crate::path::PathOrg;

const DEFAULT_LIMIT: u64 = 50;
const MAX_LIMIT: u64 = 200;

/// A run as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunView {
    id: RunId,
    org_id: OrgId,
    trigger: &'static str,
    status: &'static str,
    /// With microseconds, as in the digests: windows join.
    window_start: Option<String>,
    window_end: Option<String>,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    event_count: u64,
    byte_count: u64,
    objects: Vec<RunObject>,
    digest_key: Option<String>,
    attempt: u64,
    started_at: String,
    finished_at: Option<String>,
    error_code: Option<String>,
    error: Option<String>,
    next_attempt_at: Option<String>,
}

/// A run that was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct StartedRun {
    id: RunId,
}

/// `GET /orgs/{orgId}/audit-export/runs`: the newest runs; `limit` of them, older than `before`.
pub(crate) async fn list_export_runs(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
    query: QueryParameters,
) -> Result<(Rows, JsonBody<Vec<RunView>>), ApiError> {
    let scope = caller.scope(Action::ListExportRuns, org.id()?)?;
    let runs = async {
        let (before, limit) = asked_for(&query)?;
        state.store.runs(&scope, before, limit).await.map_err(ApiError::of)
    };
    let runs = runs.await;
    // Only what is registered has runs, so the organization is looked up only where there are none to answer.
    if !matches!(&runs, Ok(runs) if !runs.is_empty()) {
        state.check_registered(&scope).await?;
    }
    let runs = runs?;
    Ok((Rows(runs.len()), JsonBody(runs.into_iter().map(|run| view(scope.org(), run)).collect())))
}

/// Which runs: older than this one, and at most so many.
fn asked_for(query: &QueryParameters) -> Result<(Option<RunId>, u64), ApiError> {
    let limit = query.number("limit", 1..=MAX_LIMIT);
    let limit = limit.map_err(|_| ApiError::invalid_member("limit", "must be a whole number from 1 to 200"))?;
    let before = query.get("before").map(RunId::parse).transpose();
    let before = before.map_err(|_| ApiError::invalid_member("before", "must be the id of a run"))?;
    Ok((before, limit.unwrap_or(DEFAULT_LIMIT)))
}

/// `POST /orgs/{orgId}/audit-export/runs`: starts a run now, and records who asked for it. It is in the list as soon as it
/// has begun.
pub(crate) async fn start_export_run(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
) -> Result<(StatusCode, JsonBody<StartedRun>), ApiError> {
    let scope = caller.scope(Action::StartExportRun, org.id()?)?;
    let (config, status) = state.configured(&scope).await?;
    if !config.enabled {
        return Err(ApiError::new(ErrorKind::Conflict, "exportDisabled", "The export is switched off"));
    }
    if status.running.is_some() {
        return Err(ApiError::new(ErrorKind::Conflict, "runInProgress", "A run is in progress"));
    }
    let id = RunId::random();
    state.store.record_run_request(&scope, config.id, id, &caller.0.actor()).await.map_err(ApiError::of)?;
    let started = state.run_function.start(scope.org(), RunTrigger::Manual, Some(id)).await;
    started.map_err(|error| ApiError::fault(ErrorKind::Unavailable, error))?;
    Ok((StatusCode::ACCEPTED, JsonBody(StartedRun { id })))
}

fn view(org: &OrgId, run: Run) -> RunView {
    RunView {
        id: run.id,
        org_id: org.clone(),
        trigger: run.trigger.name(),
        status: run.status.name(),
        window_start: run.window_start.map(|instant| instant.to_string()),
        window_end: run.window_end.map(|instant| instant.to_string()),
        first_seq: run.first_seq,
        last_seq: run.last_seq,
        event_count: run.event_count,
        byte_count: run.byte_count,
        objects: run.objects,
        digest_key: run.digest_key,
        attempt: run.attempt,
        started_at: run.started_at.to_rfc3339_millis(),
        finished_at: run.finished_at.map(Instant::to_rfc3339_millis),
        error_code: run.error_code,
        error: run.error,
        next_attempt_at: run.next_attempt_at.map(Instant::to_rfc3339_millis),
    }
}
