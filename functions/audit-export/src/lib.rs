//! The export of an organization's log into its own bucket, as the organization sees it: how it is configured, whether the
//! bucket lets it in, what its runs did, and what to set up in AWS.
//!
//! The runs themselves are `export-run`'s; this function at most starts one. Start with [`router`]: `config.rs`,
//! `connection.rs`, `runs.rs` and `setup.rs` have the handlers, `target.rs` what a body says.

mod account;
mod cloud_formation;
mod config;
mod connection;
mod if_match;
mod path;
mod policies;
mod run_function;
mod runs;
mod setup;
mod target;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::{get, post};
use sporlog_auth::TenantScope;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_export::BucketClients;
use sporlog_http::{ApiError, ErrorShape, group};
use sporlog_model::{Clock, ErrorKind};
use sporlog_store::{ExportConfig, ExportStatus, Store};

pub use crate::connection::TEST_TIME;

use crate::account::{RefusedAccount, SporlogRoles};
use crate::run_function::RunFunction;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct AuditExport {
    store: Store,
    clients: BucketClients,
    run_function: RunFunction,
    roles: SporlogRoles,
    refused_account: RefusedAccount,
    clock: Clock,
}

/// The function, set up from `TABLE_NAME`, `EXPORT_RUN_FUNCTION`, `SPORLOG_ROLE_ARNS`, `REFUSED_ROLE_ACCOUNT` and the
/// variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let (table, function, roles, refused_account) = environment.read(|reader| {
        (
            reader.required("TABLE_NAME"),
            reader.required("EXPORT_RUN_FUNCTION"),
            reader.explained("SPORLOG_ROLE_ARNS"),
            reader.explained("REFUSED_ROLE_ACCOUNT"),
        )
    })?;
    let aws = Aws::from_environment(environment)?;
    let lambda = aws_sdk_lambda::Client::new(&aws.service(AwsService::Lambda));
    let state = AuditExport {
        store: Store::new(Client::new(&aws.service(AwsService::DynamoDb)), table, clock.clone()),
        clients: BucketClients::new(&aws.service(AwsService::Sts), aws.service(AwsService::S3)),
        run_function: RunFunction::new(lambda, function),
        roles,
        refused_account,
        clock,
    };
    let routes = Router::new()
        .route("/orgs/{orgId}/audit-export/config", get(config::read_export_config).post(config::put_export_config))
        .route("/orgs/{orgId}/audit-export/test-connection", post(connection::test_connection))
        .route("/orgs/{orgId}/audit-export/runs", get(runs::list_export_runs).post(runs::start_export_run))
        .route("/orgs/{orgId}/audit-export/setup", get(setup::read_export_setup))
        .with_state(state);
    Ok(group(routes, ErrorShape::Sentence))
}

impl AuditExport {
    /// The configuration. Only what is registered has one, so the organization is looked up only where there is none.
    async fn config(&self, scope: &TenantScope) -> Result<Option<ExportConfig>, ApiError> {
        let config = self.store.export_config(scope).await.map_err(ApiError::of)?;
        if config.is_none() {
            self.check_registered(scope).await?;
        }
        Ok(config)
    }

    /// The configuration where there has to be one, and how the export is doing.
    async fn configured(&self, scope: &TenantScope) -> Result<(ExportConfig, ExportStatus), ApiError> {
        let status = async { self.store.export_status(scope).await.map_err(ApiError::of) };
        let (config, status) = tokio::try_join!(self.config(scope), status)?;
        Ok((config.ok_or_else(not_configured)?, status))
    }

    /// An organization that is not registered has no export.
    async fn check_registered(&self, scope: &TenantScope) -> Result<(), ApiError> {
        let organization = self.store.organization(scope).await.map_err(ApiError::of)?;
        organization.map(drop).ok_or_else(ApiError::org_not_found)
    }
}

fn not_configured() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "notConfigured", "The export is not configured")
}
