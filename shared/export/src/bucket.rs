use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};
use bytes::Bytes;
use serde_json::json;
use sporlog_model::{Destination, ExternalId, KmsKey, OrgId, RoleArn, RunId};

use crate::ExportError;
use crate::error::is_transient;

/// How to reach STS and S3, before it is known whose bucket is meant.
#[derive(Debug, Clone)]
pub struct BucketClients {
    sts: aws_sdk_sts::Client,
    s3: SdkConfig,
}

/// An organization's bucket, reached with its own role.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
    kms_key: Option<KmsKey>,
}

/// A session that a role is asked for.
pub(crate) struct Session<'a> {
    pub(crate) name: String,
    /// `None` only to see whether the role asks for it.
    pub(crate) external_id: Option<&'a ExternalId>,
    /// What the session may do, of what the role allows.
    pub(crate) policy: String,
}

impl BucketClients {
    /// `sts` calls with Sporlog's own credentials; of `s3` only connection and time-outs are used.
    pub fn new(sts: &SdkConfig, s3: SdkConfig) -> Self {
        Self { sts: aws_sdk_sts::Client::new(sts), s3 }
    }

    /// Assumes a role.
    pub(crate) async fn assume(&self, role: &RoleArn, session: Session<'_>) -> Result<Credentials, ExportError> {
        let output = self
            .sts
            .assume_role()
            .role_arn(role.as_str())
            .set_external_id(session.external_id.map(|id| id.as_str().to_owned()))
            .role_session_name(session.name)
            .policy(session.policy)
            .send()
            .await
            .map_err(|error| ExportError::assume_role(&error))?;
        let session = output
            .credentials
            .ok_or_else(|| ExportError::internal("no_session", "STS answered without credentials."))?;
        Ok(Credentials::new(
            session.access_key_id,
            session.secret_access_key,
            Some(session.session_token),
            session.expiration.try_into().ok(),
            "AssumeRole",
        ))
    }
}

impl Bucket {
    /// Assumes the organization's role: with its external id, a session that names organization and run, and no more
    /// rights than a run needs, whatever the role allows.
    pub async fn assume(
        clients: &BucketClients,
        destination: &Destination,
        org: &OrgId,
        run: RunId,
    ) -> Result<Self, ExportError> {
        let session = Session {
            name: session_name(org, run),
            external_id: Some(&destination.external_id),
            policy: run_policy(destination, org),
        };
        let credentials = clients.assume(&destination.role_arn, session).await?;
        Ok(Self::with(clients, destination, credentials))
    }

    /// The bucket as the holder of these credentials reaches it.
    pub(crate) fn with(clients: &BucketClients, destination: &Destination, credentials: Credentials) -> Self {
        let shared = clients.s3.clone().into_builder();
        let shared = shared
            .region(Region::new(destination.region.as_str().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let name = destination.bucket.as_str().to_owned();
        // A name with dots does not match the certificate of virtual-hosted addresses, and emulators have no such addresses.
        let path_style = shared.endpoint_url().is_some() || name.contains('.');
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style).build();
        Self { client: aws_sdk_s3::Client::from_conf(config), name, kms_key: destination.kms_key.clone() }
    }

    /// Writes an object unless the key is taken (`If-None-Match: *`), with its SHA-256 for S3 to check. A taken key is success:
    /// keys follow from the plan, so what is there is what an earlier attempt of the same plan wrote.
    pub async fn put_new(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), ExportError> {
        match self.put(key, content_type, body).send().await {
            Err(error) if !is_taken(&error) => Err(ExportError::put_object(&error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// [`Bucket::put_new`] of an object that was planned in this moment, to which nobody can have written: if the first attempt
    /// finds the key taken, what is there is not ours, and [`ExportError::is_place_taken`] says so.
    pub async fn put_first(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), ExportError> {
        let once = aws_sdk_s3::Config::builder().retry_config(RetryConfig::disabled());
        let sent = self.put(key, content_type, body.clone()).customize().config_override(once).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Err(ExportError::place_taken()),
            // It may have been written all the same: from here on, what is there may be ours.
            Err(error) if is_transient(&error) => self.put_new(key, content_type, body).await,
            Err(error) => Err(ExportError::put_object(&error)),
        }
    }

    fn put(&self, key: &str, content_type: &str, body: Bytes) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        let put = put.if_none_match("*").checksum_algorithm(ChecksumAlgorithm::Sha256);
        let put = match &self.kms_key {
            None => put,
            // With a bucket key, S3 asks KMS once in a while and not for every object.
            Some(key) => put
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(key.as_str())
                .bucket_key_enabled(true),
        };
        put.body(ByteStream::from(body))
    }

    /// Deletes an object. Only the test of a connection has the right to, and only to what it wrote.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), ExportError> {
        let deleted = self.client.delete_object().bucket(&self.name).key(key).send().await;
        deleted.map(drop).map_err(|error| ExportError::delete_object(&error))
    }
}

/// Whether there is an object with that key.
fn is_taken(error: &SdkError<PutObjectError, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("PreconditionFailed")
}

/// At most 64 characters (STS API Reference, `RoleSessionName`); shown in the customer's own `CloudTrail`.
fn session_name(org: &OrgId, run: RunId) -> String {
    format!("{:.27}-{run}", org.as_str())
}

fn run_policy(destination: &Destination, org: &OrgId) -> String {
    let objects = format!("{}/*", destination.prefix.root(org));
    session_policy(destination, &["s3:PutObject"], &objects)
}

/// A policy that allows these actions on these keys of the bucket.
pub(crate) fn session_policy(destination: &Destination, actions: &[&str], keys: &str) -> String {
    let partition = destination.role_arn.partition();
    let objects = format!("arn:{partition}:s3:::{}/{keys}", destination.bucket.as_str());
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": objects},
            // Which key the bucket encrypts with is the customer's affair; their role says which it may be.
            {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"},
        ],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use sporlog_model::{AwsRegion, BucketName, ExternalId, KeyPrefix, RoleArn};

    use super::*;

    fn destination(prefix: &str) -> Destination {
        Destination {
            bucket: BucketName::parse("logs-of-diku").unwrap(),
            region: AwsRegion::parse("us-gov-west-1").unwrap(),
            role_arn: RoleArn::parse("arn:aws-us-gov:iam::123456789012:role/r").unwrap(),
            external_id: ExternalId::random(),
            prefix: KeyPrefix::parse(prefix).unwrap(),
            kms_key: None,
        }
    }

    #[test]
    fn a_session_may_only_write_this_organizations_objects() {
        for (prefix, expected) in [
            ("", "arn:aws-us-gov:s3:::logs-of-diku/org_id=diku/*"),
            ("a/b", "arn:aws-us-gov:s3:::logs-of-diku/a/b/org_id=diku/*"),
        ] {
            let policy = run_policy(&destination(prefix), &OrgId::parse("diku").unwrap());
            let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
            assert_eq!(policy["Statement"][0]["Resource"], expected);
            assert_eq!(policy["Statement"][0]["Action"], json!(["s3:PutObject"]));
        }
    }

    #[test]
    fn session_names_fit() {
        let run = RunId::random();
        assert_eq!(session_name(&OrgId::parse("diku").unwrap(), run), format!("diku-{run}"));
        assert_eq!(session_name(&OrgId::parse(&"x".repeat(64)).unwrap(), run).len(), 64);
    }
}
