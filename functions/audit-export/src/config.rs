use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody};
use sporlog_model::{AwsRegion, BucketName, ExportConfigId, ExternalId, Instant, KeyPrefix, KmsKey, OrgId};
use sporlog_store::{ExportConfig, ExportStatus, PutExportConfig, RunTrigger};

use crate::AuditExport;
use crate::if_match::{IfMatch, etag};
use crate::path::PathOrg;
use crate::target::TargetBody;

/// A configuration as it is answered: the role masked. The last five members are beyond the published document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigView {
    id: ExportConfigId,
    org_id: OrgId,
    bucket: BucketName,
    region: AwsRegion,
    role_arn_masked: String,
    enabled: bool,
    last_tested_at: Option<String>,
    last_test_ok: Option<bool>,
    last_error: Option<String>,
    last_exported_at: Option<String>,
    created_at: String,
    updated_at: String,
    external_id: ExternalId,
    prefix: KeyPrefix,
    kms_key_id: Option<KmsKey>,
    consecutive_failures: u64,
    next_attempt_at: Option<String>,
}

/// `GET /orgs/{orgId}/audit-export/config`: the configuration and how the export is doing.
pub(crate) async fn read_export_config(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::ReadExportConfig, org.id()?)?;
    let (config, status) = state.configured(&scope).await?;
    let tag = etag(&config);
    Ok(([(ETAG, tag)], JsonBody(view(scope.org(), config, &status))).into_response())
}

/// `POST /orgs/{orgId}/audit-export/config`: configures the export, for the first time or anew.
pub(crate) async fn put_export_config(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
    if_match: Result<IfMatch, ApiError>,
    body: Result<JsonBody<TargetBody>, ApiError>,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::PutExportConfig, org.id()?)?;
    state.check_registered(&scope).await?;
    let (if_match, JsonBody(body)) = (if_match?, body?);
    let decide = |known: Option<&ExportConfig>| {
        if_match.check(known)?;
        body.over(known, &state.refused_account)
    };
    let put = state.store.change_export_config(&scope, &caller.0.actor(), decide).await.map_err(ApiError::of)??;
    let PutExportConfig { config, switched_on } = put;
    // The change is made: what is only told beside it must not turn the answer into an error.
    let status = state.store.export_status(&scope).await.unwrap_or_else(|error| {
        let cause = sporlog_model::error_chain(&error);
        tracing::warn!(org = %scope.org(), cause, "the export's progress could not be read");
        ExportStatus::default()
    });
    if switched_on && status.last_exported_at.is_none() {
        // The first export begins now. Where it cannot be started the schedule does, a few minutes later.
        if let Err(cause) = state.run_function.start(scope.org(), RunTrigger::Backfill, None).await {
            let cause = sporlog_model::error_chain(&cause);
            tracing::error!(org = %scope.org(), cause, "the first export was not started; its schedule will");
        }
    }
    let tag = etag(&config);
    Ok((StatusCode::CREATED, [(ETAG, tag)], JsonBody(view(scope.org(), config, &status))).into_response())
}

fn view(org: &OrgId, config: ExportConfig, status: &ExportStatus) -> ConfigView {
    let (tested_at, test_error) = match config.last_test {
        Some(test) => (Some(test.at), Some(test.error)),
        None => (None, None),
    };
    // That it does not run any more is worse than what an older test found.
    let switched_off = config.switched_off.map(|off| {
        format!("Sporlog switched the export off, since its destination went on refusing it: {}.", off.code)
    });
    let failed = status.consecutive_failures > 0;
    ConfigView {
        id: config.id,
        org_id: org.clone(),
        role_arn_masked: config.destination.role_arn.masked(),
        enabled: config.enabled,
        last_tested_at: tested_at.map(Instant::to_rfc3339_millis),
        last_test_ok: test_error.as_ref().map(Option::is_none),
        last_error: switched_off.or(test_error.flatten()),
        last_exported_at: status.last_exported_at.map(Instant::to_rfc3339_millis),
        created_at: config.created_at.to_rfc3339_millis(),
        updated_at: config.updated_at.to_rfc3339_millis(),
        bucket: config.destination.bucket,
        region: config.destination.region,
        external_id: config.destination.external_id,
        prefix: config.destination.prefix,
        kms_key_id: config.destination.kms_key,
        consecutive_failures: status.consecutive_failures,
        next_attempt_at: status.due_at.filter(|_| failed).map(Instant::to_rfc3339_millis),
    }
}
