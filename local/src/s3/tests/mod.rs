//! The engine as the real AWS clients see it, over loopback.

mod buckets;
mod objects;
mod raw;
mod refusals;
mod secrets;
mod sessions;
mod stores;
mod writes;

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use crate::iam::Iam;

use super::{Clock, DEFAULT_REGION, Deny, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, RoleArn, RoleDefinition, Server, Storage};

const BUCKET: &str = "demo-bucket";

/// A server of its own per test, with one bucket, on a clock that the test can move.
struct Aws {
    storage: Storage,
    address: SocketAddr,
    /// How far the server's clock is ahead of the machine's.
    ahead_seconds: Arc<AtomicI64>,
    server: Server,
}

impl Aws {
    async fn start() -> Self {
        Self::serve(Storage::memory().unwrap()).await
    }

    async fn serve(storage: Storage) -> Self {
        storage.create_bucket(BUCKET, DEFAULT_REGION).unwrap();
        let ahead_seconds = Arc::new(AtomicI64::new(0));
        let ahead = Arc::clone(&ahead_seconds);
        let clock: Clock = Arc::new(move || {
            Timestamp::try_from(machine_time()).unwrap() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(storage.clone(), listener, clock, DEFAULT_REGION, Iam::default()).unwrap();
        Self { storage, address: server.address(), ahead_seconds, server }
    }

    fn advance(&self, duration: SignedDuration) {
        self.ahead_seconds.fetch_add(duration.as_secs(), Ordering::Relaxed);
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The configuration that every S3 client of the tests starts from; without credentials it is nobody's.
    fn s3_config(&self, credentials: impl Into<Option<Credentials>>) -> aws_sdk_s3::config::Builder {
        let builder = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(Region::new(DEFAULT_REGION))
            .endpoint_url(self.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .force_path_style(true);
        match credentials.into() {
            Some(credentials) => builder.credentials_provider(credentials),
            None => builder,
        }
    }

    fn sts_config(&self, credentials: impl Into<Option<Credentials>>) -> aws_sdk_sts::config::Builder {
        let builder = aws_sdk_sts::Config::builder()
            .behavior_version_latest()
            .region(Region::new(DEFAULT_REGION))
            .endpoint_url(self.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled());
        match credentials.into() {
            Some(credentials) => builder.credentials_provider(credentials),
            None => builder,
        }
    }

    fn s3_as(&self, credentials: Credentials) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config(credentials).build())
    }

    fn sts_as(&self, credentials: Credentials) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::from_conf(self.sts_config(credentials).build())
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        self.s3_as(root())
    }

    fn sts(&self) -> aws_sdk_sts::Client {
        self.sts_as(root())
    }

    fn role(&self, name: &str, external_id: Option<&str>, deny: Option<Deny>) -> RoleArn {
        let role = RoleDefinition {
            name: name.to_owned(),
            bucket: BUCKET.to_owned(),
            external_id: external_id.map(str::to_owned),
            deny,
        };
        self.storage.define_role(&role).unwrap()
    }

    async fn assume(&self, role: &RoleArn, policy: Option<&str>) -> Credentials {
        let answer = self
            .sts()
            .assume_role()
            .role_arn(role.as_str())
            .role_session_name("test-session")
            .set_policy(policy.map(str::to_owned))
            .send()
            .await
            .unwrap();
        let credentials = answer.credentials.unwrap();
        Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "test",
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "the clients sign with the machine's clock")]
fn machine_time() -> SystemTime {
    SystemTime::now()
}

/// Whole seconds since 1970.
fn machine_seconds() -> i64 {
    Timestamp::try_from(machine_time()).unwrap().as_second()
}

fn root() -> Credentials {
    Credentials::new(ROOT_ACCESS_KEY, ROOT_SECRET_KEY, None, None, "test")
}

/// The error code and the HTTP status of a refusal.
fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(outcome: Result<T, SdkError<E, HttpResponse>>) -> (String, u16) {
    let error = outcome.expect_err("refused");
    let status = error.raw_response().unwrap_or_else(|| panic!("{error:?}")).status().as_u16();
    (error.code().unwrap_or_default().to_owned(), status)
}

fn refused(code: &str, status: u16) -> (String, u16) {
    (code.to_owned(), status)
}
