//! Organizations and the keys to their API.
//!
//! Who runs Sporlog registers an organization; its administrators make, list and revoke the keys. Everything that changes is
//! in the organization's own log. Start with [`router`]: `organization.rs` and `api_keys.rs` have the handlers.

mod api_keys;
mod organization;
mod path;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::routing::{delete, post, put};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_http::{ErrorShape, group};
use sporlog_model::Clock;
use sporlog_store::Store;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct Organizations {
    store: Store,
    clock: Clock,
}

/// The function, set up from `TABLE_NAME` and the variables Lambda sets.
pub fn router(environment: &Environment, clock: Clock) -> Result<Router, EnvironmentError> {
    let table = environment.read(|reader| reader.required("TABLE_NAME"))?;
    let client = Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
    let state = Organizations { store: Store::new(client, table, clock.clone()), clock };
    let routes = Router::new()
        .route("/orgs/{orgId}", put(organization::put_organization).get(organization::read_organization))
        .route("/orgs/{orgId}/api-keys", post(api_keys::create_api_key).get(api_keys::list_api_keys))
        .route("/orgs/{orgId}/api-keys/{keyId}", delete(api_keys::revoke_api_key))
        .with_state(state);
    Ok(group(routes, ErrorShape::Sentence))
}
