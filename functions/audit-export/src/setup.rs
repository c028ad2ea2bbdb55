use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, QueryParameters};
use sporlog_model::{AwsRegion, BucketName, ExternalId, InvalidDestination, KeyPrefix, KmsKey, OrgId};

use crate::path::PathOrg;
use crate::policies::{Place, permission_policy, trust_policy};
use crate::target::invalid;
use crate::{AuditExport, cloud_formation};

/// What to set up in AWS.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetupView {
    external_id: ExternalId,
    /// The account that Sporlog is in.
    sporlog_account: String,
    /// The roles that the trust policy lets in.
    principals: Vec<String>,
    trust_policy: Value,
    permission_policy: Value,
    /// A template in YAML.
    cloud_formation: String,
}

/// `GET /orgs/{orgId}/audit-export/setup`: the role and the bucket as an export wants them. Bucket, prefix and key are the
/// configured ones, unless the query names others.
pub(crate) async fn read_export_setup(
    State(state): State<AuditExport>,
    caller: Caller,
    org: PathOrg,
    query: QueryParameters,
) -> Result<JsonBody<SetupView>, ApiError> {
    let scope = caller.scope(Action::ReadExportSetup, org.id()?)?;
    let config = state.config(&scope).await?;
    let known = config.as_ref().map(|config| &config.destination);
    let bucket = given(&query, "bucket", BucketName::parse)?.or_else(|| known.map(|known| known.bucket.clone()));
    let bucket = bucket.ok_or_else(|| ApiError::invalid_member("bucket", "is required while nothing is configured"))?;
    let region = given(&query, "region", AwsRegion::parse)?.or_else(|| known.map(|known| known.region.clone()));
    let prefix = given(&query, "prefix", KeyPrefix::parse)?.or_else(|| known.map(|known| known.prefix.clone()));
    let kms_key = given(&query, "kmsKeyId", KmsKey::parse)?.or_else(|| known.and_then(|known| known.kms_key.clone()));
    let place = place(&state, scope.org(), &bucket, region, &prefix.unwrap_or_default(), kms_key)?;

    let external_id = state.store.export_external_id(&scope).await.map_err(ApiError::of)?;
    let principals: Vec<String> = state.roles.arns().into_iter().map(str::to_owned).collect();
    let trust_policy = trust_policy(&principals, &external_id);
    let permission_policy = permission_policy(&place);
    let cloud_formation = cloud_formation::template(scope.org(), &place, &trust_policy, &permission_policy);
    let sporlog_account = state.roles.account().to_owned();
    Ok(JsonBody(SetupView {
        external_id,
        sporlog_account,
        principals,
        trust_policy,
        permission_policy,
        cloud_formation,
    }))
}

fn given<T>(
    query: &QueryParameters,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, InvalidDestination>,
) -> Result<Option<T>, ApiError> {
    query.get(name).map(parse).transpose().map_err(|error| invalid(&error))
}

/// Where the role is to write.
fn place(
    state: &AuditExport,
    org: &OrgId,
    bucket: &BucketName,
    region: Option<AwsRegion>,
    prefix: &KeyPrefix,
    kms_key: Option<KmsKey>,
) -> Result<Place, ApiError> {
    let partition = match &region {
        Some(region) => region.partition().ok_or_else(|| {
            ApiError::invalid_member("region", "must be a Region of the partitions aws, aws-cn or aws-us-gov")
        })?,
        None => state.roles.partition(),
    };
    if let (Some(key), Some(region)) = (&kms_key, &region)
        && !key.is_in(partition, region)
    {
        return Err(ApiError::invalid_member("kmsKeyId", "must be a key in the bucket's Region"));
    }
    Ok(Place { partition: partition.to_owned(), bucket: bucket.clone(), root: prefix.root(org), region, kms_key })
}
