use serde_json::{Value, json};
use sporlog_model::OrgId;

use crate::policies::Place;

/// A template, in YAML, of the role and, unless it is there already, the bucket.
///
/// Values stand in it as JSON, which is YAML as well (YAML 1.2.2 section 1.3): nothing in them can be read as something else.
pub(crate) fn template(org: &OrgId, place: &Place, trust_policy: &Value, permission_policy: &Value) -> String {
    let (bucket, encryption) = (json!(place.bucket), encryption(place));
    let (trust, permissions) = (indented(trust_policy, 8), indented(permission_policy, 12));
    format!(
        r#"AWSTemplateFormatVersion: "2010-09-09"
Description: Lets Sporlog export the audit log of the organization {org} into an S3 bucket.

Parameters:
  CreateBucket:
    Type: String
    Description: Whether to create the bucket; "false" when it is there already.
    Default: "true"
    AllowedValues: ["true", "false"]

Conditions:
  CreatesBucket: !Equals [!Ref CreateBucket, "true"]

Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Condition: CreatesBucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BucketName: {bucket}
      VersioningConfiguration: {{Status: Enabled}}
      OwnershipControls: {{Rules: [{{ObjectOwnership: BucketOwnerEnforced}}]}}
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - {encryption}

  ExportRole:
    Type: AWS::IAM::Role
    Properties:
      Description: Lets Sporlog write the export of its audit log
      AssumeRolePolicyDocument:
        {trust}
      Policies:
        - PolicyName: sporlog-audit-export
          PolicyDocument:
            {permissions}

Outputs:
  RoleArn:
    Description: What to configure as roleArn
    Value: !GetAtt ExportRole.Arn
"#
    )
}

/// How the bucket encrypts what does not say otherwise.
fn encryption(place: &Place) -> Value {
    match &place.kms_key {
        None => json!({"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
        Some(key) => json!({
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
            "BucketKeyEnabled": true,
        }),
    }
}

/// JSON over several lines, the first of which stands where the text has it.
fn indented(value: &Value, spaces: usize) -> String {
    format!("{value:#}").replace('\n', &format!("\n{:spaces$}", ""))
}
