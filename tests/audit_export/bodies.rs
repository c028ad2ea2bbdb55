//! What a configuration is, and what is wrong with one.

use serde_json::{Value, json};

use super::{ORG, admin, assert_error, configure, get, path, post, with, with_orgs, working};
use crate::harness::{Caller, System};

async fn raw(system: &System, content_type: &str, body: &str) -> crate::harness::Answer {
    system.call_with(&admin(ORG), "POST", &path(ORG, "config"), content_type, body.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_answered_member_for_member() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false, "unknown": 1}));
    let created = configure(&system, ORG, &body).await;
    let at = &created["createdAt"];
    let expected = json!({
        "id": created["id"], "orgId": ORG, "bucket": "bucket-of-diku", "region": "eu-north-1",
        "roleArnMasked": "arn:aws:iam::********0000:role/****", "enabled": false, "lastTestedAt": null,
        "lastTestOk": null, "lastError": null, "lastExportedAt": null, "createdAt": at, "updatedAt": at,
        "externalId": created["externalId"], "prefix": "", "kmsKeyId": null, "consecutiveFailures": 0,
        "nextAttemptAt": null,
    });
    assert_eq!(created, expected);
    let read = get(&system, ORG, "config").await;
    assert_eq!((read.status, read.json(), &read.headers["etag"]), (200, created.clone(), &"\"1\"".parse().unwrap()));

    let key = "arn:aws:kms:eu-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let more = json!({"enabled": null, "prefix": "audit/logs/", "kmsKeyId": key});
    let changed = configure(&system, ORG, &with(&body, &more)).await;
    assert!(changed["updatedAt"].as_str() >= created["updatedAt"].as_str());
    let mut expected = with(&created, &json!({"enabled": true, "prefix": "audit/logs", "kmsKeyId": key}));
    expected["updatedAt"] = changed["updatedAt"].clone();
    assert_eq!(changed, expected);
    // Who does not know what is beyond the published document leaves it as it is; null takes it away.
    let kept = configure(&system, ORG, &body).await;
    assert_eq!((&kept["prefix"], &kept["kmsKeyId"]), (&json!("audit/logs"), &json!(key)));
    let cleared = configure(&system, ORG, &with(&body, &json!({"prefix": null, "kmsKeyId": null}))).await;
    assert_eq!((&cleared["prefix"], &cleared["kmsKeyId"]), (&json!(""), &Value::Null));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let bucket = "bucket must follow the S3 bucket naming rules: 3 to 63 lower-case letters, digits, dots and hyphens";
    let region = "region must be the name of an AWS Region, such as eu-north-1";
    let partition = "region must be a Region of the partition that the role is in";
    let role = "roleArn must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/audit-export";
    let prefix = "prefix must be at most 512 letters, digits or ! - _ . ' ( ) = / without a leading slash, empty segments or '..'";
    let key = "kmsKeyId must be the ARN of a KMS key or of an alias, or the id of a key";
    let elsewhere = "kmsKeyId must be a key in the bucket's Region";
    for (member, value, message) in [
        ("bucket", json!(null), "bucket is required"),
        ("bucket", json!(1), "bucket must be a text"),
        ("bucket", json!("Bucket"), bucket),
        ("region", json!("Stockholm"), region),
        ("region", json!("us-gov-west-1"), partition),
        ("region", json!("cn-north-1"), partition),
        ("region", json!("us-iso-east-1"), partition),
        ("roleArn", json!("arn:aws:iam::12345:role/a"), role),
        ("roleArn", json!("arn:aws:iam::123456789012:user/a"), role),
        ("roleArn", json!("arn:aws-us-gov:iam::123456789012:role/a"), partition),
        ("enabled", json!("yes"), "enabled must be true or false"),
        ("prefix", json!("/a"), prefix),
        ("prefix", json!("a/../b"), prefix),
        ("prefix", json!("x".repeat(513)), prefix),
        ("kmsKeyId", json!("alias/mine"), key),
        ("kmsKeyId", json!("arn:aws:kms:eu-west-1:123456789012:key/1"), elsewhere),
    ] {
        let body = with(&body, &json!({member: value}));
        for operation in ["config", "test-connection"] {
            let answer = post(&system, ORG, operation, Some(&body)).await;
            assert_error(&answer, 422, "validation_error", message);
        }
    }
    assert_error(&raw(&system, "application/json", "{").await, 400, "malformed_body", "The body is not JSON");
    assert_error(&raw(&system, "application/json", "").await, 400, "malformed_body", "The body is not JSON");
    assert_error(
        &raw(&system, "application/json", "[]").await,
        422,
        "validation_error",
        "The body must be a JSON object",
    );
    let kind = "The content type must be application/json";
    assert_error(&raw(&system, "text/plain", "{}").await, 415, "unsupported_media_type", kind);
    let large = format!("{{\"bucket\":\"{}\"}}", "x".repeat(1_048_576));
    assert_error(
        &raw(&system, "application/json", &large).await,
        413,
        "body_too_large",
        "The body is larger than 1 MB",
    );
    assert_error(&get(&system, ORG, "config").await, 404, "not_configured", "The export is not configured");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_kept_must_be_where_the_new_bucket_is() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let key = json!({"kmsKeyId": "arn:aws:kms:eu-north-1:123456789012:alias/logs", "enabled": false});
    configure(&system, ORG, &with(&body, &key)).await;
    let answer = post(&system, ORG, "config", Some(&with(&body, &json!({"region": "eu-west-1"})))).await;
    assert_error(&answer, 422, "validation_error", "kmsKeyId must be a key in the bucket's Region");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_organization_that_there_is_not_has_no_export() {
    let system = with_orgs(&[ORG]).await;
    let body = json!({"bucket": "abc", "region": "eu-north-1", "roleArn": "arn:aws:iam::123456789012:role/a"});
    for org in ["unregistered", ORG, "x%FF"] {
        // Of the organization itself, and of another one.
        let caller = if org == ORG { admin("other") } else { admin("unregistered") };
        for (method, rest, body) in [
            ("GET", "config", None),
            ("POST", "config", Some(&body)),
            ("POST", "test-connection", Some(&body)),
            ("POST", "test-connection", None),
            ("GET", "runs", None),
            ("GET", "runs?limit=x", None),
            ("POST", "runs", None),
            ("GET", "setup?bucket=abc", None),
            ("GET", "setup", None),
        ] {
            let answer = system.call(&caller, method, &path(org, rest), body).await;
            assert_error(&answer, 404, "org_not_found", "There is no such organization");
        }
    }
    for (method, rest) in [("GET", "config"), ("POST", "test-connection"), ("POST", "runs")] {
        let answer = system.call(&admin(ORG), method, &path(ORG, rest), None).await;
        assert_error(&answer, 404, "not_configured", "The export is not configured");
    }
    // What is wrong with a body is nobody's business who may not send one.
    let member = Caller::of_role(ORG, sporlog_auth::Role::Member);
    let answer = system.call_with(&member, "POST", &path(ORG, "config"), "text/plain", "{".to_owned()).await;
    assert_error(&answer, 403, "forbidden", "One of the roles admin, owner is required");
    system.stop().await;
}
