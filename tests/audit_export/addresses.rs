//! Where an organization's configuration can make Sporlog connect to: AWS, and nowhere else.

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use serde_json::{Value, json};
use sporlog_model::{AwsRegion, BucketName, RoleArn};

use super::{Exports, ORG, admin, path, post, with, with_orgs, working};
use crate::harness::System;

async fn refused(system: &System, member: &str, value: &Value) {
    let body = with(&working(system, ORG).await, &json!({member: value}));
    for operation in ["config", "test-connection"] {
        let answer = post(system, ORG, operation, Some(&body)).await;
        let code = &answer.json()["code"];
        assert_eq!((answer.status, code), (422, &json!("validation_error")), "{operation} {member} {value}");
        // What was sent does not come back: it may be somebody's secret that was pasted into the wrong field.
        let sent = value.as_str().filter(|sent| sent.len() > 11);
        assert!(sent.is_none_or(|sent| !answer.text().contains(sent)), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_of_aws_is_refused_before_anything_connects() {
    let system = with_orgs(&[ORG]).await;
    for region in [
        "eu-north-1.evil.example",
        "eu-north-1.evil.example/",
        "evil.example#eu-north-1",
        "eu-north-1/..",
        "..",
        "../eu-north-1",
        "eu-north-1@evil.example",
        "evil.example",
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "http://evil.example",
        "eu-north-1:80",
        "eu-north-1?",
        "eu-north-1%2eevil",
        "eu-north-1\r\nHost: evil",
        "eu-north-1\0",
        " eu-north-1",
        "EU-NORTH-1",
        "eu-north-１",
        "еu-north-1",
        "eu_north_1",
        "eu-north-",
        "eu-north-12",
        "xx-north-1",
        "us-iso-east-1",
        "aws-global",
        "",
        "fips-us-east-1",
        "us-east-1-fips",
        "local",
    ] {
        refused(&system, "region", &json!(region)).await;
    }
    for bucket in [
        "127.0.0.1",
        "169.254.169.254",
        "http://evil.example/logs",
        "evil.example/logs",
        "logs@evil.example",
        "logs:80",
        "[::1]",
        "a..b",
        ".logs",
        "logs.",
        "-logs",
        "logs?x",
        "logs#x",
        "logs/../other",
        "..",
        "logs%2f",
        "LOGS",
        "lоgs",
        "ｌogs",
        "logs\r\nx",
        "logs\0",
        "arn:aws:s3:::logs",
        "arn:aws:s3:eu-north-1:123456789012:accesspoint/logs",
        "logs--ol-s3",
        "logs.mrap",
        "logs-s3alias",
        "logs--eun1-az1--x-s3",
        "xn--logs",
        "ab",
        "",
    ] {
        refused(&system, "bucket", &json!(bucket)).await;
    }
    for role in [
        "",
        "role/a",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/a",
        "arn:aws:sts::123456789012:assumed-role/a/b",
        "arn:aws:iam:eu-north-1:123456789012:role/a",
        "arn:evil:iam::123456789012:role/a",
        "arn:aws:iam::12345678901２:role/a",
        "arn:aws:iam::123456789012:role/a\r\nb",
        "arn:aws:iam::123456789012:role/*",
        "https://evil.example/role/a",
    ] {
        refused(&system, "roleArn", &json!(role)).await;
    }
    for key in [
        "arn:aws:kms:eu-west-1:123456789012:key/1",
        "arn:aws-cn:kms:eu-north-1:123456789012:key/1",
        "arn:aws:kms:eu-north-1.evil:123456789012:key/1",
        "arn:aws:s3:eu-north-1:123456789012:key/1",
        "arn:aws:kms:eu-north-1::key/1",
        "arn:aws:kms:eu-north-1:123456789012:key/*",
        "arn:aws:kms:eu-north-1:123456789012:key/1/2",
        "alias/a",
        "*",
        "http://evil.example",
        "1\r\nx-amz-acl: public-read",
    ] {
        refused(&system, "kmsKeyId", &json!(key)).await;
    }
    // Nothing was kept of any of it.
    let config = system.call(&admin(ORG), "GET", &path(ORG, "config"), None).await;
    assert_eq!(config.status, 404, "{}", config.text());
    system.stop().await;
}

/// An organization has no word in whose tokens are believed, where keys are fetched, or where AWS is.
#[tokio::test(flavor = "multi_thread")]
async fn no_member_of_a_body_says_where_anything_is() {
    let system = with_orgs(&[ORG]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let more = json!({
        "endpoint": elsewhere, "endpointUrl": elsewhere, "stsEndpoint": elsewhere, "jwksUrl": elsewhere, "issuer": elsewhere,
        "proxy": elsewhere, "callbackUrl": elsewhere, "webhook": elsewhere, "externalId": "mine",
    });
    let body = with(&working(&system, ORG).await, &more);
    let function = Exports::of(&system, &[]);
    assert_eq!(function.call("POST", "config", Some(&body)).await.0, 201);
    let (status, test) = function.call("POST", "test-connection", Some(&body)).await;
    assert_eq!((status, &test["success"]), (200, &json!(true)), "{test}");
    system.finish_runs().await;
    assert!(!system.keys("bucket-of-diku").is_empty());
    let connected = std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_ready()));
    assert!(!connected.await, "somebody asked {elsewhere}");
    system.stop().await;
}

/// Whatever is accepted: the host that the SDK connects to is one of AWS's, and the bucket is in its name or in the path.
#[tokio::test]
async fn what_is_accepted_leads_to_a_host_of_aws() {
    let resolver = DefaultResolver::new();
    let mut resolved = 0;
    for region in
        ["eu-north-1", "eu-evil-9", "us-example-com-1", "cn-north-1", "us-gov-west-1", "ap-localhost-1", "me-s-1"]
    {
        let region = AwsRegion::parse(region).unwrap();
        let Some(partition) = region.partition() else { continue };
        let role = RoleArn::parse(&format!("arn:{partition}:iam::123456789012:role/a")).unwrap();
        assert_eq!(role.partition(), partition);
        for bucket in [
            "logs",
            "evil.example",
            "evil.example.com",
            "s3.amazonaws.com.evil.example",
            "0x7f.1",
            "2130706433",
            "127.1",
            "localhost",
        ] {
            let bucket = BucketName::parse(bucket).unwrap();
            // As the export makes its client: by path, when the name has dots.
            let params = Params::builder()
                .bucket(bucket.as_str())
                .region(region.as_str())
                .force_path_style(bucket.as_str().contains('.'))
                .build()
                .unwrap();
            let endpoint = resolver.resolve_endpoint(&params).await.unwrap();
            let url: reqwest::Url = endpoint.url().parse().unwrap();
            let host = url.host_str().unwrap();
            let suffix = if partition == "aws-cn" { ".amazonaws.com.cn" } else { ".amazonaws.com" };
            assert!(host.ends_with(&format!("s3.{}{suffix}", region.as_str())), "{url}");
            assert_eq!((url.scheme(), url.port(), url.username()), ("https", None, ""), "{url}");
            resolved += 1;
        }
    }
    assert!(resolved >= 40, "{resolved}");
}
