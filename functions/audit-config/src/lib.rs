//! The settings of an organization: what is audited, how long it is kept, how it is shown.
//!
//! The three routes of folio-org/mod-audit's `audit-config.raml`, with its settings and two groups of Sporlog's own. Start
//! with [`router`]; `groups.rs` and `settings.rs` have the handlers, `body.rs` what `PUT` must say, `view.rs` what a setting looks
//! like, `retention.rs` what a shortened retention period starts.

mod body;
mod groups;
mod path;
mod retention;
mod settings;
mod view;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::{get, put};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_http::{ErrorShape, group};
use sporlog_model::Clock;
use sporlog_store::Store;

use crate::retention::RetentionFunction;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct AuditConfig {
    store: Store,
    retention: RetentionFunction,
}

/// The function, set up from `TABLE_NAME`, `RETENTION_FUNCTION` and the variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let (table, function) =
        environment.read(|reader| (reader.required("TABLE_NAME"), reader.required("RETENTION_FUNCTION")))?;
    let aws = Aws::from_environment(environment)?;
    let client = Client::new(&aws.service(AwsService::DynamoDb));
    let lambda = aws_sdk_lambda::Client::new(&aws.service(AwsService::Lambda));
    let state =
        AuditConfig { store: Store::new(client, table, clock), retention: RetentionFunction::new(lambda, function) };
    let routes = Router::new()
        .route("/audit/config/groups", get(groups::list_setting_groups))
        .route("/audit/config/groups/{groupId}/settings", get(settings::list_settings))
        .route("/audit/config/groups/{groupId}/settings/{settingId}", put(settings::put_setting))
        .with_state(state);
    Ok(group(routes, ErrorShape::Folio))
}
