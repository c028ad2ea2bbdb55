use serde_json::{Value, json};
use sporlog_export::CONNECTION_TESTS;
use sporlog_model::{AwsRegion, BucketName, ExternalId, KmsKey};

/// Where a role is to write.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) partition: String,
    pub(crate) bucket: BucketName,
    /// What every key begins with, without the slash that follows.
    pub(crate) root: String,
    pub(crate) region: Option<AwsRegion>,
    pub(crate) kms_key: Option<KmsKey>,
}

/// Who may assume the role: Sporlog's own roles, for this organization only (IAM User Guide, "The confused deputy problem").
pub(crate) fn trust_policy(principals: &[String], external_id: &ExternalId) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "LetSporlogInForThisOrganization",
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }],
    })
}

/// What the role may do: write what an export writes, and remove what a test of the connection wrote.
pub(crate) fn permission_policy(place: &Place) -> Value {
    let objects = format!("arn:{}:s3:::{}/{}", place.partition, place.bucket.as_str(), place.root);
    let mut statements = vec![
        json!({
            "Sid": "WriteTheExport",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": format!("{objects}/*"),
        }),
        json!({
            "Sid": "RemoveTestsOfTheConnection",
            "Effect": "Allow",
            "Action": "s3:DeleteObject",
            "Resource": format!("{objects}/{CONNECTION_TESTS}/*"),
        }),
    ];
    if let Some(key) = &place.kms_key {
        let region = place.region.as_ref().map_or("*", AwsRegion::as_str);
        // Any account: whose the role is, the answers do not tell.
        let (resource, alias) = key.policy_resource(&place.partition, region, "*");
        let mut statement = json!({
            "Sid": "EncryptTheExport",
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": resource,
        });
        if let Some(alias) = alias {
            statement["Condition"] = json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}});
        }
        statements.push(statement);
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}
