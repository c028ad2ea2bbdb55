use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::{Environment, EnvironmentError};

/// Where and as whom this process calls AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    environment: Environment,
}

/// The services Sporlog calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsService {
    DynamoDb,
    S3,
    Sts,
    Lambda,
    Sqs,
    Kms,
}

impl AwsService {
    /// The variable with the service's endpoint when it is not AWS's own; the AWS SDKs and the AWS CLI read the same
    /// (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    const fn endpoint_variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Lambda => "AWS_ENDPOINT_URL_LAMBDA",
            Self::Sqs => "AWS_ENDPOINT_URL_SQS",
            Self::Kms => "AWS_ENDPOINT_URL_KMS",
        }
    }

    fn timeouts(self) -> TimeoutConfig {
        let (attempt, operation) = match self {
            // The export relies on a write being decided within 20 s.
            Self::DynamoDb => (5, 20),
            // Up to 64 MB of lines, compressed, in one PUT.
            Self::S3 => (60, 120),
            Self::Sts | Self::Lambda | Self::Sqs | Self::Kms => (5, 15),
        };
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(attempt))
            .operation_timeout(Duration::from_secs(operation))
            .build()
    }
}

impl Aws {
    /// Region and credentials are those that Lambda puts into the environment: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. No other source is tried; a chain of them would only add to the start.
    pub fn from_environment(environment: &Environment) -> Result<Self, EnvironmentError> {
        let (region, key, secret) = environment.read(|reader| {
            (
                reader.required("AWS_REGION"),
                reader.required("AWS_ACCESS_KEY_ID"),
                reader.required("AWS_SECRET_ACCESS_KEY"),
            )
        })?;
        let token = environment.get("AWS_SESSION_TOKEN").map(str::to_owned);
        let credentials = Credentials::new(key, secret, token, None, "environment");
        // `ring` rather than AWS-LC: the latter gathers jitter entropy at its first use, most of a cold start.
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .build();
        Ok(Self { config, environment: environment.clone() })
    }

    /// The configuration for one service's client.
    pub fn service(&self, service: AwsService) -> SdkConfig {
        let builder = self.config.clone().into_builder().timeout_config(service.timeouts());
        match self.environment.get(service.endpoint_variable()) {
            Some(url) => builder.endpoint_url(url).build(),
            None => builder.build(),
        }
    }
}
