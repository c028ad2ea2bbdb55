//! FOLIO's acquisition audit events: who changed which order, piece or invoice, when, and what it was then.
//!
//! The seven reads of folio-org/mod-audit's `acquisition-events.raml`, with its answers and its errors. Start with
//! [`router`]; `reads.rs` has the handlers, `params.rs` what a request may say, `view.rs` what an event looks like.

mod answer;
mod params;
mod reads;
mod view;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::get;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_http::{ErrorShape, group};
use sporlog_model::{Clock, EntityType};
use sporlog_store::Store;

/// The function, set up from `TABLE_NAME` and the variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let table = environment.read(|reader| reader.required("TABLE_NAME"))?;
    let client = Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
    let store = Store::new(client, table, clock);
    let routes = EntityType::ACQUISITION.into_iter().fold(Router::new(), |routes, entity_type| {
        let path = format!("/audit-data/acquisition/{entity_type}/{{id}}");
        routes.route(&path, get(move |store, request| reads::read_events(entity_type, store, request)))
    });
    let routes = routes
        .route("/audit-data/acquisition/piece/{id}/status-change-history", get(reads::read_piece_status_history))
        .with_state(store);
    Ok(group(routes, ErrorShape::Folio))
}
