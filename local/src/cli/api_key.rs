use std::collections::BTreeSet;
use std::net::SocketAddr;

use aws_sdk_dynamodb::Client;
use clap::Args;
use sporlog_auth::{KeyScope, Service, TenantScope};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::{Actor, ApiKeySecret, Clock, Instant, Name, OrgId};
use sporlog_store::{ApiKeyCreation, MAX_API_KEYS, NewApiKey, Store};

use super::output::print;
use super::ports::{DynamoDbPort, Host};
use super::{Failure, runtime};
use crate::stack::variables;
use crate::template::{Deployment, Template};

#[derive(Debug, Args)]
pub(super) struct ApiKeyArgs {
    /// The organization, which must be registered.
    #[arg(long)]
    org: String,
    /// What the key allows: kyc:read or kyc:write. May be given more than once.
    #[arg(long = "scope", required = true, value_parser = parse_scope)]
    scopes: Vec<KeyScope>,
    /// What people call the key.
    #[arg(long, default_value = "developer")]
    name: String,
    /// From when on it is refused: an RFC 3339 date and time. Never, if absent.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    #[command(flatten)]
    dynamodb: DynamoDbPort,
    #[command(flatten)]
    host: Host,
}

/// Prints the key and nothing else.
pub(super) fn run(args: &ApiKeyArgs) -> Result<u8, Failure> {
    let org = OrgId::parse(&args.org)?;
    let new = NewApiKey {
        name: Name::parse(&args.name).map_err(|error| format!("the name {error}"))?,
        scopes: args.scopes.iter().copied().collect::<BTreeSet<_>>(),
        expires_at: args.expires_at.as_deref().map(expiry).transpose()?,
    };
    let store = store(args.host.at(args.dynamodb.dynamodb_port))?;
    let scope = TenantScope::for_service(Service::Provisioning, &org);
    let secret = ApiKeySecret::generate()?;
    let creation = runtime()?.block_on(store.create_api_key(&scope, &secret, &new, &Actor::default()));
    match creation.map_err(|error| sporlog_model::error_chain(&error))? {
        ApiKeyCreation::Created(_) => {
            print(secret.reveal())?;
            Ok(0)
        }
        ApiKeyCreation::NoOrganization => {
            Err(format!("there is no organization {org}; PUT /orgs/{org} registers it").into())
        }
        ApiKeyCreation::LimitReached => Err(format!("{org} has {MAX_API_KEYS} keys; revoke one first").into()),
    }
}

/// The table of the running server.
fn store(dynamodb: SocketAddr) -> Result<Store, Failure> {
    let variables = variables(dynamodb, dynamodb, dynamodb).into_iter();
    let environment = Environment::from_values(variables.map(|(name, value)| (name.to_owned(), value)));
    let client = Client::new(&Aws::from_environment(&environment)?.service(AwsService::DynamoDb));
    let template = Template::embedded(&Deployment::default())?;
    let table = template.tables.into_iter().next().ok_or("the template has no table")?;
    Ok(Store::new(client, table.logical_id, Clock::system()))
}

fn expiry(text: &str) -> Result<Instant, Failure> {
    let expires_at = Instant::parse_rfc3339(text).map_err(|error| format!("--expires-at {error}"))?;
    if expires_at <= Clock::system().now() {
        return Err("--expires-at must be in the future".into());
    }
    Ok(expires_at)
}

fn parse_scope(name: &str) -> Result<KeyScope, String> {
    KeyScope::from_name(name).ok_or_else(|| format!("must be one of {}", KeyScope::ALL.map(KeyScope::name).join(", ")))
}
