//! The audit records of exports to Bufdir.
//!
//! Whoever makes an export records it here, moves it from status to status and attaches its file; the organization's members
//! see what became of it. Every change is in the organization's own log. Start with [`router`]: one file for each operation.

mod create;
mod delete;
mod file;
mod list;
mod read;
mod request;
mod status;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::{get, put};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_http::{ErrorShape, group};
use sporlog_model::Clock;
use sporlog_store::Store;

/// Where the operations are. The published document prints it doubled, so they are there as well.
const BASE: &str = "/api/v1/bufdir-export-audit";

/// What the handlers work with.
#[derive(Debug, Clone)]
struct ExportAudits {
    store: Store,
}

/// The function, set up from `TABLE_NAME` and the variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let table = environment.read(|reader| reader.required("TABLE_NAME"))?;
    let client = Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
    let state = ExportAudits { store: Store::new(client, table, clock) };
    let routes = routes(BASE).merge(routes(&format!("{BASE}{BASE}"))).with_state(state);
    Ok(group(routes, ErrorShape::Bufdir))
}

fn routes(base: &str) -> Router<ExportAudits> {
    Router::new()
        .route(base, get(list::list_export_audits).post(create::create_export_audit))
        .route(&format!("{base}/{{audit_id}}"), get(read::read_export_audit).delete(delete::delete_export_audit))
        .route(&format!("{base}/{{audit_id}}/status"), put(status::update_export_audit_status))
        .route(&format!("{base}/{{audit_id}}/file"), put(file::attach_export_audit_file))
}
