//! The embedded `DynamoDB`, and clients of it with the configuration of the functions.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use sporlog_auth::{Service, TenantScope};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::dynamodb::Engine;
use sporlog_local::iam::Iam;
use sporlog_local::s3::{DEFAULT_REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY};
use sporlog_local::template::{Deployment, Template};
use sporlog_model::{Clock, OrgId};
use sporlog_store::Store;

use crate::Failure;

/// The name of the table, as the template's logical id.
pub(crate) const TABLE: &str = "Table";

/// A running engine with the template's table.
pub(crate) struct TestEngine(Engine);

impl TestEngine {
    pub(crate) fn memory() -> Result<Self, Failure> {
        Self::start(None)
    }

    pub(crate) fn file(path: &Path) -> Result<Self, Failure> {
        Self::start(Some(path))
    }

    fn start(path: Option<&Path>) -> Result<Self, Failure> {
        let deployment = Deployment { parameters: BTreeMap::new(), queue_endpoint: "http://127.0.0.1:1".to_owned() };
        let tables = Template::embedded(&deployment)?.tables;
        Ok(Self(Engine::start(TcpListener::bind("127.0.0.1:0")?, path, &tables, Iam::default())?))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// The URL of the engine itself.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn database(&self) -> &Database {
        self.0.database()
    }
}

/// The variables of a function that reaches `DynamoDB` at that URL.
pub(crate) fn variables(dynamodb: &str, authority: Option<&Path>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = [
        ("AWS_REGION", DEFAULT_REGION),
        ("AWS_DEFAULT_REGION", DEFAULT_REGION),
        ("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("TABLE_NAME", TABLE),
        ("LOG_LEVEL", "warn"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(authority) = authority.and_then(Path::to_str) {
        let names = ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
        variables.extend(names.map(|name| (name.to_owned(), authority.to_owned())));
    }
    variables
}

/// A client as the functions have it.
pub(crate) fn client(dynamodb: &str, authority: Option<&Path>) -> Result<Client, Failure> {
    let environment = Environment::from_values(variables(dynamodb, authority));
    Ok(Client::new(&Aws::from_environment(&environment)?.service(AwsService::DynamoDb)))
}

/// A store as the functions have it.
pub(crate) fn store(dynamodb: &str, clock: Clock) -> Result<Store, Failure> {
    Ok(Store::new(client(dynamodb, None)?, TABLE, clock))
}

/// Leave to fill an organization's log.
pub(crate) fn scope(org: &str) -> Result<TenantScope, Failure> {
    Ok(TenantScope::for_service(Service::Provisioning, &OrgId::parse(org)?))
}
