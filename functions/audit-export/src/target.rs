use sporlog_http::{ApiError, Members, RequestBody};
use sporlog_model::{AwsRegion, BucketName, Destination, InvalidDestination, KeyPrefix, KmsKey, RoleArn};
use sporlog_store::{ExportChange, ExportConfig};

use crate::account::RefusedAccount;

const TEXT: &str = "must be a text";

/// Where an export is to go, as the body of a request says it.
#[derive(Debug, Clone)]
pub(crate) struct TargetBody {
    bucket: BucketName,
    region: AwsRegion,
    role_arn: RoleArn,
    enabled: bool,
    prefix: Extra<KeyPrefix>,
    kms_key: Extra<KmsKey>,
}

/// A member that the published document does not have. Who does not know it leaves what it says as it is.
#[derive(Debug, Clone)]
enum Extra<T> {
    /// Not there.
    Kept,
    /// There as `null`.
    Cleared,
    Set(T),
}

impl<T: Clone> Extra<T> {
    fn read(
        members: &Members,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidDestination>,
    ) -> Result<Self, ApiError> {
        match members.optional::<String>(name, TEXT)? {
            Some(text) => parse(&text).map(Self::Set).map_err(|error| invalid(&error)),
            None if members.contains(name) => Ok(Self::Cleared),
            None => Ok(Self::Kept),
        }
    }

    fn over(&self, known: Option<T>) -> Option<T> {
        match self {
            Self::Kept => known,
            Self::Cleared => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

impl RequestBody for TargetBody {
    const MEMBERS: Option<&'static [&'static str]> = None;

    fn read(members: &Members) -> Result<Self, ApiError> {
        let text = |name| members.required::<String>(name, TEXT);
        Ok(Self {
            bucket: BucketName::parse(&text("bucket")?).map_err(|error| invalid(&error))?,
            region: AwsRegion::parse(&text("region")?).map_err(|error| invalid(&error))?,
            role_arn: RoleArn::parse(&text("roleArn")?).map_err(|error| invalid(&error))?,
            enabled: members.optional("enabled", "must be true or false")?.unwrap_or(true),
            prefix: Extra::read(members, "prefix", KeyPrefix::parse)?,
            kms_key: Extra::read(members, "kmsKeyId", KmsKey::parse)?,
        })
    }
}

impl TargetBody {
    /// What this makes of what is configured.
    pub(crate) fn over(
        &self,
        known: Option<&ExportConfig>,
        refused: &RefusedAccount,
    ) -> Result<ExportChange, ApiError> {
        refused.check(&self.role_arn)?;
        let known = known.map(|known| &known.destination);
        let change = ExportChange {
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
            prefix: self.prefix.over(known.map(|known| known.prefix.clone())).unwrap_or_default(),
            kms_key: self.kms_key.over(known.and_then(|known| known.kms_key.clone())),
            enabled: self.enabled,
        };
        Destination::check(&change.role_arn, &change.region, change.kms_key.as_ref())
            .map_err(|error| invalid(&error))?;
        Ok(change)
    }
}

/// The error's own text does not repeat what was sent.
pub(crate) fn invalid(error: &InvalidDestination) -> ApiError {
    ApiError::invalid_member(error.member, error.problem)
}
