//! S3 and STS in memory, with a bucket and a role for an organization's export, and an endpoint that takes Lambda's invocations.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use sporlog_local::iam::Iam;
use sporlog_local::s3::{DEFAULT_REGION, RoleDefinition, Server, Storage};
use sporlog_model::{AwsRegion, BucketName, Clock, Destination, KeyPrefix, RoleArn};
use sporlog_store::{ExportConfig, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::engine::scope;

/// The bucket of every organization here.
pub(crate) const BUCKET: &str = "bench-bucket";

/// What an export needs beside the table.
pub(crate) struct Services {
    pub(crate) storage: Storage,
    s3: Option<Server>,
    lambda: JoinHandle<()>,
    variables: Vec<(String, String)>,
}

impl Services {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let storage = Storage::memory()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        #[expect(clippy::disallowed_methods, reason = "the clock that the engine of the local run is given, too")]
        let clock = Arc::new(jiff::Timestamp::now);
        let s3 = Server::start(storage.clone(), listener, clock, DEFAULT_REGION, Iam::default())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let lambda_address = listener.local_addr()?;
        // An asynchronous invocation is accepted, and that is all that its caller learns.
        let router = Router::new().fallback(|| async { StatusCode::ACCEPTED });
        let lambda = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let endpoint = format!("http://{}", s3.address());
        let variables = [
            ("AWS_ENDPOINT_URL_S3", endpoint.clone()),
            ("AWS_ENDPOINT_URL_STS", endpoint),
            ("AWS_ENDPOINT_URL_LAMBDA", format!("http://{lambda_address}")),
            ("EXPORT_RUN_FUNCTION", "ExportRunFunction".to_owned()),
            ("RETENTION_FUNCTION", "RetentionFunction".to_owned()),
            ("SETTLE_SECONDS", "25".to_owned()),
            ("SIGNING_KEY_ID", String::new()),
            ("SPORLOG_ROLE_ARNS", "arn:aws:iam::000000000000:role/run,arn:aws:iam::000000000000:role/test".to_owned()),
            ("REFUSED_ROLE_ACCOUNT", "none".to_owned()),
            ("TRUSTED_ISSUERS", "[]".to_owned()),
            // Nothing that is sent here is refused, so nobody listens there.
            ("DEAD_LETTER_QUEUE_URL", "http://127.0.0.1:1/queue".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Self { storage, s3: Some(s3), lambda, variables })
    }

    /// The variables that point a function at these services.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    /// Makes the organization's bucket and role, and switches its export on.
    pub(crate) async fn enable_export(&self, store: &Store, org: &str) -> Result<(), Failure> {
        let config = ExportConfig::new(self.role_for(store, org).await?, true, Clock::system().now());
        Ok(store.put_export_config(&scope(org)?, &config).await?)
    }

    /// Makes the organization's bucket and role, and says where its export would go.
    pub(crate) async fn role_for(&self, store: &Store, org: &str) -> Result<Destination, Failure> {
        let external_id = store.export_external_id(&scope(org)?).await?;
        let role = RoleDefinition {
            name: format!("role-of-{org}"),
            bucket: BUCKET.to_owned(),
            external_id: Some(external_id.as_str().to_owned()),
            deny: None,
        };
        let role_arn = self.storage.define_role(&role)?;
        let role_arn = RoleArn::parse(role_arn.as_str()).map_err(|error| format!("{error:?}"))?;
        Ok(Destination {
            bucket: BucketName::parse(BUCKET).map_err(|error| format!("{error:?}"))?,
            region: AwsRegion::parse(DEFAULT_REGION).map_err(|error| format!("{error:?}"))?,
            role_arn,
            external_id,
            prefix: KeyPrefix::default(),
            kms_key: None,
        })
    }

    pub(crate) async fn stop(mut self) {
        if let Some(s3) = self.s3.take() {
            s3.stop().await;
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.lambda.abort();
    }
}
