//! The test of a connection, against roles and buckets that refuse each stage.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService};
use sporlog_export::{BucketClients, Probe};
use sporlog_local::s3::Deny;

use super::{Exports, LocalRole, ORG, configure, define, external_id, get, tested, with, with_orgs, working};
use crate::harness::{Fault, Faults, System, org};

const KEY: &str = "arn:aws:kms:eu-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A bucket and a role of that name with this fault.
async fn refusing(system: &System, name: &str, deny: Option<Deny>) -> Value {
    let id = external_id(system, ORG).await;
    let role_arn = define(system, &LocalRole { name, bucket: name, external_id: Some(&id), deny });
    json!({"bucket": name, "region": "eu-north-1", "roleArn": role_arn, "kmsKeyId": KEY})
}

/// The names of the stages, with the code of those that failed.
pub(crate) fn stages(test: &Value) -> Vec<String> {
    let stages = test["stages"].as_array().unwrap();
    let told = stages.iter().map(|stage| match stage["code"].as_str() {
        None => {
            assert_eq!(stage, &json!({"name": stage["name"], "ok": true}));
            stage["name"].as_str().unwrap().to_owned()
        }
        Some(code) => {
            assert_eq!(stage["ok"], false);
            assert!(stage["message"].as_str().unwrap().ends_with('.'), "{stage}");
            format!("{} {code}", stage["name"].as_str().unwrap())
        }
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_that_is_refused_is_told() {
    let system = with_orgs(&[ORG]).await;
    let whole = refusing(&system, "works", None).await;
    system.stack.storage.create_bucket("elsewhere", "eu-west-1").unwrap();
    let open = LocalRole { name: "open", bucket: "works", external_id: None, deny: None };
    let open = with(&whole, &json!({"roleArn": define(&system, &open)}));
    let unknown = with(&whole, &json!({"roleArn": "arn:aws:iam::000000000000:role/unknown"}));
    let to = async |bucket: &str| {
        system.stack.storage.create_bucket("elsewhere", "eu-west-1").unwrap();
        let role = format!("to-{bucket}");
        let id = external_id(&system, ORG).await;
        let role = LocalRole { name: &role, bucket: "works", external_id: Some(&id), deny: None };
        with(&whole, &json!({"roleArn": define(&system, &role), "bucket": bucket}))
    };
    for (body, expected, aws_code) in [
        (whole.clone(), &["assume_role", "external_id_enforced", "put_object", "delete_object"][..], ""),
        (refusing(&system, "no-assume", Some(Deny::Assume)).await, &["assume_role assume_role_denied"], "AccessDenied"),
        (unknown, &["assume_role assume_role_denied"], "AccessDenied"),
        (
            open,
            &["assume_role", "external_id_enforced external_id_not_enforced", "put_object", "delete_object"],
            "sts:ExternalId",
        ),
        (
            refusing(&system, "no-put", Some(Deny::Put)).await,
            &["assume_role", "external_id_enforced", "put_object put_denied"],
            "(AccessDenied).",
        ),
        (
            refusing(&system, "no-kms", Some(Deny::Kms)).await,
            &["assume_role", "external_id_enforced", "put_object kms_denied"],
            "(AccessDenied).",
        ),
        (
            to("nowhere").await,
            &["assume_role", "external_id_enforced", "put_object bucket_not_found"],
            "(NoSuchBucket).",
        ),
        (
            to("elsewhere").await,
            &["assume_role", "external_id_enforced", "put_object wrong_region"],
            "(PermanentRedirect).",
        ),
        (
            with(&whole, &json!({"region": "eu-west-1", "kmsKeyId": null})),
            &["assume_role", "external_id_enforced", "put_object wrong_region"],
            "(AuthorizationHeaderMalformed).",
        ),
        (
            refusing(&system, "no-delete", Some(Deny::Delete)).await,
            &["assume_role", "external_id_enforced", "put_object", "delete_object delete_denied"],
            "",
        ),
    ] {
        let test = tested(&system, ORG, Some(&body)).await;
        assert_eq!(stages(&test), expected);
        let works = aws_code.is_empty();
        assert_eq!((&test["success"], test["error"].is_null()), (&json!(works), works), "{test}");
        if !works {
            assert!(test["error"].as_str().unwrap().contains(aws_code), "{test}");
        }
        for secret in ["arn:", "sporlog-", "role/"] {
            assert!(!test.to_string().contains(secret), "{test}");
        }
    }
    // What was written is gone again, but where it may not be deleted.
    assert_eq!(system.keys("works"), [""; 0]);
    let left = system.keys("no-delete");
    assert!(left.len() == 1 && left[0].starts_with("org_id=diku/connection-tests/"), "{left:?}");
    // None of these was what is configured: nothing is.
    assert_eq!(get(&system, ORG, "config").await.status, 404);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_what_is_configured_is_noted() {
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    configure(&system, ORG, &body).await;
    let noted = async || {
        let config = get(&system, ORG, "config").await.json();
        (config["lastTestedAt"].clone(), config["lastTestOk"].clone(), config["lastError"].clone())
    };
    let another = with(&body, &json!({"bucket": "another-bucket"}));
    assert_eq!(tested(&system, ORG, Some(&another)).await["success"], false);
    assert_eq!(noted().await, (Value::Null, Value::Null, Value::Null));
    assert_eq!(tested(&system, ORG, Some(&body)).await["success"], true);
    let (first, ok, error) = noted().await;
    assert_eq!((first.is_string(), ok, error), (true, json!(true), Value::Null));

    let id = external_id(&system, ORG).await;
    let role =
        LocalRole { name: "role-of-diku", bucket: "bucket-of-diku", external_id: Some(&id), deny: Some(Deny::Put) };
    define(&system, &role);
    let failed = tested(&system, ORG, None).await;
    let (second, ok, error) = noted().await;
    assert!(second.as_str() > first.as_str());
    assert_eq!((ok, &error), (json!(false), &failed["error"]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_that_is_slow_or_busy_is_told() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let faults = Faults::before(&system.stack).await;
    let endpoints = faults.endpoints();
    let own: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let function = Exports::of(&system, &own);
    faults.on("PutObject", [Fault::SlowDown; 4]);
    let (status, test) = function.call("POST", "test-connection", Some(&body)).await;
    assert_eq!(
        (status, stages(&test).join(", ")),
        (200, "assume_role, external_id_enforced, put_object slow_down".to_owned())
    );
    system.stop().await;
}

/// Of the 20 s that are promised, the function gives a test 17; here it has less.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_ends_in_time_and_says_where_it_was() {
    const TIME: Duration = Duration::from_millis(600);
    assert!(audit_export::TEST_TIME < Duration::from_secs(20));
    let system = with_orgs(&[ORG]).await;
    let body = with(&working(&system, ORG).await, &json!({"enabled": false}));
    configure(&system, ORG, &body).await;
    let destination = super::stored(&system, ORG).await.destination;
    for (operation, passed, expected) in [
        ("AssumeRole", 0, "AssumeRole timed_out"),
        ("AssumeRole", 1, "ExternalIdEnforced timed_out"),
        ("PutObject", 0, "PutObject timed_out"),
        ("DeleteObject", 0, "DeleteObject timed_out"),
    ] {
        let faults = Faults::before(&system.stack).await;
        let endpoints = faults.endpoints();
        let own: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let aws = Aws::from_environment(&system.environment_of("AuditExportFunction", &own)).unwrap();
        let clients = BucketClients::new(&aws.service(AwsService::Sts), aws.service(AwsService::S3));
        let held = std::iter::repeat_n(Fault::Pass, passed).chain([Fault::Hold; 4]);
        faults.on(operation, held);
        let started = Instant::now();
        let probe = Probe { clients: &clients, destination: &destination, org: &org(ORG), time: TIME };
        let outcomes = probe.run().await;
        assert!(started.elapsed() < TIME * 3, "{expected}: {:?}", started.elapsed());
        let failed = outcomes.iter().find_map(|outcome| Some((outcome.stage, outcome.result.as_ref().err()?)));
        let (stage, error) = failed.unwrap();
        assert_eq!(format!("{stage:?} {}", error.code), expected);
    }
    system.stop().await;
}
