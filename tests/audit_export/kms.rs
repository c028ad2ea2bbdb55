//! Exports that are encrypted with a key of the customer's.

use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService};
use sporlog_local::s3::Deny;

use super::{LocalRole, ORG, configure, define, external_id, with, with_orgs, working};

#[tokio::test(flavor = "multi_thread")]
async fn every_object_names_the_configured_key_and_a_refusal_of_it_is_told() {
    let system = with_orgs(&[ORG]).await;
    let key = "arn:aws:kms:eu-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let body = with(&working(&system, ORG).await, &json!({"kmsKeyId": key}));
    let id = external_id(&system, ORG).await;
    let role = |deny| LocalRole { name: "role-of-diku", bucket: "bucket-of-diku", external_id: Some(&id), deny };
    define(&system, &role(Some(Deny::Kms)));
    configure(&system, ORG, &body).await;
    system.finish_runs().await;
    assert_eq!(system.export(ORG).await["errorCode"], "kms_denied");
    assert_eq!(system.keys("bucket-of-diku"), [""; 0]);

    define(&system, &role(None));
    assert_eq!(system.export(ORG).await["outcome"], "succeeded");
    let aws = Aws::from_environment(&system.environment(&[])).unwrap();
    let config = aws_sdk_s3::config::Builder::from(&aws.service(AwsService::S3)).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    let keys = system.keys("bucket-of-diku");
    assert_eq!(keys.len(), 2);
    for object in keys {
        let head = s3.head_object().bucket("bucket-of-diku").key(&object).send().await.unwrap();
        let encryption = head.server_side_encryption().unwrap().as_str();
        assert_eq!(
            (encryption, head.ssekms_key_id(), head.bucket_key_enabled()),
            ("aws:kms", Some(key), Some(true)),
            "{object}"
        );
    }
    // Without a key the bucket decides.
    configure(&system, ORG, &with(&body, &json!({"kmsKeyId": Value::Null, "prefix": "plain"}))).await;
    system.export(ORG).await;
    let plain = system.keys("bucket-of-diku").into_iter().find(|key| key.starts_with("plain/")).unwrap();
    let head = s3.head_object().bucket("bucket-of-diku").key(plain).send().await.unwrap();
    assert_eq!(head.ssekms_key_id(), None);
    system.stop().await;
}
