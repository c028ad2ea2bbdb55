use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_export::{ExportError, Probe, Stage, StageOutcome};
use sporlog_http::{ApiError, Caller, JsonBody};
use sporlog_store::ConnectionTest;
use tokio::time::Instant;

use crate::path::PathOrg;
use crate::target::TargetBody;
use crate::{AuditExport, not_configured};

/// By when a test has ended, from the moment the request is there. Less than the 20 s that are promised: what came of it has
/// to be noted.
pub const TEST_TIME: Duration = Duration::from_secs(17);

/// What a test found.
#[derive(Debug, Serialize)]
pub(crate) struct TestView {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    stages: Vec<StageView>,
}

/// What one stage found.
#[derive(Debug, Serialize)]
struct StageView {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// `POST /orgs/{orgId}/audit-export/test-connection`: does what an export does, to see whether it would work; with what the
/// body says, or else with what is configured.
pub(crate) async fn test_connection(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
    body: Result<Option<JsonBody<TargetBody>>, ApiError>,
) -> Result<JsonBody<TestView>, ApiError> {
    let end = Instant::now() + TEST_TIME;
    let scope = caller.scope(Action::TestExportConnection, org.id()?)?;
    let config = state.config(&scope).await?;
    let body = body?;
    let destination = match (body, &config) {
        (Some(JsonBody(body)), config) => {
            let target = body.over(config.as_ref(), &state.refused_account)?;
            target.destination(state.store.export_external_id(&scope).await.map_err(ApiError::of)?)
        }
        (None, Some(config)) => config.destination.clone(),
        (None, None) => return Err(not_configured()),
    };
    let time = end.saturating_duration_since(Instant::now());
    let probe = Probe { clients: &state.clients, destination: &destination, org: scope.org(), time };
    let outcomes = probe.run().await;
    let view = view(&outcomes);
    let code = view.stages.iter().find_map(|stage| stage.code).unwrap_or("-");
    tracing::info!(org = %scope.org(), success = view.success, code, "connection test");
    if config.is_some_and(|config| config.destination == destination) {
        let test = ConnectionTest { at: state.clock.now(), error: view.error.clone() };
        state.store.note_connection_test(&scope, &destination, &test).await.map_err(ApiError::of)?;
    }
    Ok(JsonBody(view))
}

fn view(outcomes: &[StageOutcome]) -> TestView {
    let failed =
        outcomes.iter().filter(|outcome| outcome.stage.is_needed()).find_map(|outcome| outcome.result.as_ref().err());
    let stages = outcomes.iter().map(|StageOutcome { stage, result }| stage_view(*stage, result.as_ref().err()));
    TestView { success: failed.is_none(), error: failed.map(sentence), stages: stages.collect() }
}

fn stage_view(stage: Stage, error: Option<&ExportError>) -> StageView {
    StageView {
        name: stage.name(),
        ok: error.is_none(),
        code: error.map(|error| error.code),
        message: error.map(sentence),
    }
}

/// What is wrong, with AWS's own word for it, by which its documentation can be searched.
fn sentence(error: &ExportError) -> String {
    match error.aws_code() {
        Some(code) => format!("{} ({code}).", error.sentence.trim_end_matches('.')),
        None => error.sentence.to_owned(),
    }
}
