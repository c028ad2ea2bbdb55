//! What is to be set up in AWS, and that it is enough and no more.

use std::fs;
use std::path::Path;

use aws_sdk_s3::error::ProvideErrorMetadata;
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService};

use super::{Exports, LocalRole, ORG, assert_error, configure, define, external_id, get, with, with_orgs, working};
use crate::harness::System;
use crate::structure::{root, template};

const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

#[tokio::test(flavor = "multi_thread")]
async fn the_trust_policy_lets_the_two_functions_in_with_the_external_id() {
    let system = with_orgs(&[ORG]).await;
    let setup = get(&system, ORG, "setup?bucket=logs").await.json();
    let id = external_id(&system, ORG).await;
    let principals = json!([
        "arn:aws:iam::000000000000:role/ExportRunFunctionRole",
        "arn:aws:iam::000000000000:role/AuditExportFunctionRole"
    ]);
    assert_eq!((&setup["externalId"], &setup["principals"]), (&json!(id), &principals));
    assert_eq!(setup["sporlogAccount"], "000000000000");
    let expected = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "LetSporlogInForThisOrganization", "Effect": "Allow", "Principal": {"AWS": principals},
        "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": id}},
    }]});
    assert_eq!(setup["trustPolicy"], expected);
    // The roles are those of the functions that assume roles.
    for function in ["ExportRunFunction", "AuditExportFunction"] {
        assert!(template().functions.iter().any(|known| known.logical_id == function));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_are_about_what_is_configured_or_asked_for() {
    let system = with_orgs(&[ORG]).await;
    let nothing = get(&system, ORG, "setup").await;
    assert_error(&nothing, 422, "validation_error", "bucket is required while nothing is configured");
    for (query, member) in [
        ("bucket=B", "bucket"),
        ("bucket=abc&region=x", "region"),
        ("bucket=abc&region=us-iso-east-1", "region"),
        ("bucket=abc&prefix=/a", "prefix"),
        ("bucket=abc&kmsKeyId=alias/a", "kmsKeyId"),
        ("bucket=abc&region=eu-west-1&kmsKeyId=arn:aws:kms:eu-north-1:123456789012:key/1", "kmsKeyId"),
    ] {
        let answer = get(&system, ORG, &format!("setup?{query}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")), "{query}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with(member), "{query}");
    }
    let resources = async |query: &str| {
        let setup = get(&system, ORG, &format!("setup{query}")).await.json();
        let statements = setup["permissionPolicy"]["Statement"].as_array().unwrap().clone();
        statements.iter().map(|statement| statement["Resource"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        resources("?bucket=abc&region=us-gov-west-1&prefix=p/q").await,
        ["arn:aws-us-gov:s3:::abc/p/q/org_id=diku/*", "arn:aws-us-gov:s3:::abc/p/q/org_id=diku/connection-tests/*"]
    );
    assert_eq!(resources(&format!("?bucket=abc&kmsKeyId={KEY_ID}")).await[2], format!("arn:aws:kms:*:*:key/{KEY_ID}"));
    let body = with(&working(&system, ORG).await, &json!({"enabled": false, "prefix": "logs", "kmsKeyId": KEY_ID}));
    configure(&system, ORG, &body).await;
    let configured = [
        "arn:aws:s3:::bucket-of-diku/logs/org_id=diku/*".to_owned(),
        "arn:aws:s3:::bucket-of-diku/logs/org_id=diku/connection-tests/*".to_owned(),
        format!("arn:aws:kms:eu-north-1:*:key/{KEY_ID}"),
    ];
    assert_eq!(resources("").await, configured);
    assert_eq!(resources("?bucket=abc").await[0], "arn:aws:s3:::abc/logs/org_id=diku/*");
    system.stop().await;
}

/// The permission policy as the only right of a session of a role that may do more.
async fn session(system: &System, policy: &Value, bucket: &str) -> aws_sdk_s3::Client {
    let role = define(system, &LocalRole { name: "wide", bucket, external_id: None, deny: None });
    let aws = Aws::from_environment(&system.environment(&[])).unwrap();
    let sts = aws_sdk_sts::Client::new(&aws.service(AwsService::Sts));
    let assumed = sts.assume_role().role_arn(role).role_session_name("test").policy(policy.to_string()).send().await;
    let session = assumed.unwrap().credentials.unwrap();
    let credentials = aws_sdk_s3::config::Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        None,
        "AssumeRole",
    );
    let config = aws_sdk_s3::config::Builder::from(&aws.service(AwsService::S3)).credentials_provider(credentials);
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permission_policy_is_enough_and_no_more() {
    let system = with_orgs(&[ORG]).await;
    let setup = get(&system, ORG, "setup?bucket=logs&prefix=p").await.json();
    let s3 = session(&system, &setup["permissionPolicy"], "logs").await;
    for (method, key, allowed) in [
        ("PUT", "p/org_id=diku/date=2026-11-20/a.jsonl.gz", true),
        ("PUT", "p/org_id=diku/connection-tests/a.json", true),
        ("PUT", "p/org_id=diku2/a", false),
        ("PUT", "org_id=diku/a", false),
        ("GET", "p/org_id=diku/connection-tests/a.json", false),
        ("DELETE", "p/org_id=diku/date=2026-11-20/a.jsonl.gz", false),
        ("DELETE", "p/org_id=diku/connection-tests/a.json", true),
    ] {
        let code = match method {
            "PUT" => {
                s3.put_object().bucket("logs").key(key).send().await.err().and_then(|e| e.code().map(str::to_owned))
            }
            "GET" => {
                s3.get_object().bucket("logs").key(key).send().await.err().and_then(|e| e.code().map(str::to_owned))
            }
            _ => {
                s3.delete_object().bucket("logs").key(key).send().await.err().and_then(|e| e.code().map(str::to_owned))
            }
        };
        assert_eq!(code.as_deref(), (!allowed).then_some("AccessDenied"), "{method} {key}");
    }
    system.stop().await;
}

/// The file is there for cfn-lint, which the gate runs over it.
#[tokio::test(flavor = "multi_thread")]
async fn the_template_holds_both_policies_and_is_the_one_that_is_linted() {
    let system = with_orgs(&[ORG]).await;
    let roles = "arn:aws:iam::123456789012:role/ExportRun,arn:aws:iam::123456789012:role/AuditExport";
    let function = Exports::of(&system, &[("SPORLOG_ROLE_ARNS", roles)]);
    let alias = "arn:aws:kms:eu-north-1:210987654321:alias/logs";
    let mut event: Value = serde_json::from_str(include_str!("../../events/audit-export.json")).unwrap();
    event["rawQueryString"] =
        json!(format!("bucket=diku-audit-logs&region=eu-north-1&prefix=sporlog&kmsKeyId={alias}"));
    let (status, setup) = function.send(event, "GET", "setup", None).await;
    assert_eq!(status, 200, "{setup}");
    let id = setup["externalId"].as_str().unwrap();
    let text = setup["cloudFormation"].as_str().unwrap().replace(id, "sporlog-example");
    let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let role = &yaml["Resources"]["ExportRole"]["Properties"];
    let read = |value: &serde_yaml_ng::Value| serde_json::to_value(value).unwrap();
    let trust = setup["trustPolicy"].to_string().replace(id, "sporlog-example");
    assert_eq!(read(&role["AssumeRolePolicyDocument"]), serde_json::from_str::<Value>(&trust).unwrap());
    assert_eq!(read(&role["Policies"][0]["PolicyDocument"]), setup["permissionPolicy"]);
    assert_eq!(yaml["Resources"]["Bucket"]["Properties"]["BucketName"], "diku-audit-logs");

    let file = root().join("docs/examples/audit-export.yaml");
    if fs::read_to_string(&file).is_ok_and(|known| known == text) {
        system.stop().await;
        return;
    }
    let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-export.yaml");
    fs::write(&renewed, text).unwrap();
    panic!("the template has changed; renew its example with: cp {} {}", renewed.display(), file.display());
}
