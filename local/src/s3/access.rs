//! Who may do what on S3, asked once per request before its input is read.

use http::HeaderValue;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Error, S3Result, s3_error};

use super::identity::Identity;
use super::refusal::unknown_access_key;
use super::{ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Storage, buckets, sessions};
use crate::iam::Iam;

/// The secret of an access key, for `s3s` to verify the signature with.
pub(super) struct Keys {
    pub(super) storage: Storage,
    pub(super) iam: Iam,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ROOT_ACCESS_KEY {
            return Ok(SecretKey::from(ROOT_SECRET_KEY));
        }
        if let Some(role) = self.iam.role(access_key) {
            return Ok(SecretKey::from(role.secret_key()));
        }
        let access_key = access_key.to_owned();
        match self.storage.read(move |connection| sessions::find(connection, &access_key)).await? {
            Some(session) => Ok(SecretKey::from(session.secret_key)),
            None => Err(unknown_access_key()),
        }
    }
}

/// Anonymous requests, buckets that are not there or elsewhere, and actions that are not allowed.
pub(super) struct Access {
    pub(super) storage: Storage,
    pub(super) region: String,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed_by = cx.credentials().map(|credentials| credentials.access_key.clone());
        let identity = signed_identity(signed_by.as_deref(), cx.extensions_mut().get::<Identity>())?;
        let operation = cx.s3_op().name();
        if let Some(bucket) = cx.s3_path().get_bucket_name()
            && operation != "CreateBucket"
        {
            self.check_bucket(bucket).await?;
        }
        match action(operation) {
            // One permission per key: the operation asks for each.
            _ if operation == "DeleteObjects" => Ok(()),
            Some(action) => allow(&identity, action, &resource(cx.s3_path())),
            None => allow(&identity, &format!("s3:{operation}"), &resource(cx.s3_path())),
        }
    }
}

impl Access {
    /// S3 finds the bucket before it looks at permissions, so these two come first there too.
    async fn check_bucket(&self, name: &str) -> S3Result<()> {
        let name = name.to_owned();
        match self.storage.read(move |connection| buckets::region(connection, &name)).await? {
            None => Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")),
            Some(region) if region != self.region => Err(permanent_redirect(&region)),
            Some(_) => Ok(()),
        }
    }
}

/// The claimed identity, if its key is the one whose signature was verified.
pub(super) fn signed_identity(signed_by: Option<&str>, claimed: Option<&Identity>) -> S3Result<Identity> {
    match (signed_by, claimed) {
        (Some(access_key), Some(identity)) if access_key == identity.access_key() => Ok(identity.clone()),
        _ => Err(s3_error!(AccessDenied, "Access Denied")),
    }
}

pub(super) fn allow(identity: &Identity, action: &str, resource: &str) -> S3Result<()> {
    identity.allow(action, resource).map_err(|sentence| S3Error::with_message(s3s::S3ErrorCode::AccessDenied, sentence))
}

pub(super) fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

pub(super) fn object_arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

fn resource(path: &S3Path) -> String {
    match path {
        S3Path::Root => "*".to_owned(),
        S3Path::Bucket { bucket } => bucket_arn(bucket),
        S3Path::Object { bucket, key } => object_arn(bucket, key),
    }
}

/// The IAM action of an operation where the two names differ.
fn action(operation: &str) -> Option<&'static str> {
    match operation {
        "HeadObject" => Some("s3:GetObject"),
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => Some("s3:ListBucket"),
        "ListBuckets" => Some("s3:ListAllMyBuckets"),
        _ => None,
    }
}

fn permanent_redirect(region: &str) -> S3Error {
    let mut error = s3_error!(
        PermanentRedirect,
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
         future requests to this endpoint."
    );
    // These replace the headers that `s3s` sets, its content type included.
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(region) = HeaderValue::from_str(region) {
        headers.insert("x-amz-bucket-region", region);
    }
    error.set_headers(headers);
    error
}
