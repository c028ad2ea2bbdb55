//! The audit logs of KYC cases: who changed which answer or status of a case, from what to what, and why.
//!
//! Start with [`router`]: `page.rs` reads a log, `append.rs` adds to it, `statuses.rs` tells which statuses a case has had.
//! An entry is itself the audit event, so nothing else is recorded when one is appended.

mod answer;
mod append;
mod entry;
mod page;
mod path;
mod statuses;
mod view;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::get;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_http::{ErrorShape, group};
use sporlog_model::Clock;
use sporlog_store::Store;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct KycAuditLog {
    store: Store,
    clock: Clock,
}

/// The function, set up from `TABLE_NAME` and the variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let table = environment.read(|reader| reader.required("TABLE_NAME"))?;
    let client = Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
    let state = KycAuditLog { store: Store::new(client, table, clock.clone()), clock: clock.clone() };
    let routes = Router::new()
        .route("/api/v1/kyc/cases/{id}/audit-log", get(page::read_case_audit_log).post(append::append_case_audit_log))
        .route("/api/v1/kyc/cases/{id}/status-history", get(statuses::read_case_status_history))
        .with_state(state);
    Ok(group(routes, ErrorShape::Kyc(clock)))
}
