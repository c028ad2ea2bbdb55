//! The test of a connection, stage by stage.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService};
use sporlog_export::{BucketClients, Probe};
use sporlog_model::AwsRegion;

use super::export::with;
use super::{BUCKET, Opinion};
use crate::audit_export::connection::stages;
use crate::audit_export::{ORG, stored};
use crate::harness::org;

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_is_told_as_the_embedded_engine_tells_it() {
    let (opinion, works) = Opinion::with_customer().await;
    let trust = opinion.setup(BUCKET).await["trustPolicy"].clone();
    let without_condition = |operator: &str| {
        let mut trust = trust.clone();
        let condition = trust["Statement"][0]["Condition"]["StringEquals"].clone();
        trust["Statement"][0]["Condition"] = match operator {
            "" => json!({}),
            operator => json!({operator: condition}),
        };
        trust
    };
    let both = &["s3:PutObject", "s3:DeleteObject"][..];
    let role = |name: &str, trust: &Value, actions: &[&str]| {
        let arn = opinion.customers_role(name, trust, actions, &format!("arn:aws:s3:::{BUCKET}/*"));
        with(&works, "roleArn", &arn)
    };
    let mut another_id = trust.clone();
    another_id["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = json!("another");
    let mut any_id = trust.clone();
    any_id["Statement"][0]["Condition"] = json!({"StringLike": {"sts:ExternalId": "*"}});
    let green = ["assume_role", "external_id_enforced", "put_object", "delete_object"];
    let open = ["assume_role", "external_id_enforced external_id_not_enforced", "put_object", "delete_object"];
    let cases = [
        (works.clone(), &green[..]),
        (role("another-id", &another_id, both), &["assume_role assume_role_denied"]),
        (role("open", &without_condition(""), both), &open),
        (role("any-id", &any_id, both), &open),
        // Lets in who sends the right id, and who sends none.
        (role("id-if-any", &without_condition("StringEqualsIfExists"), both), &open),
        (
            role("no-put", &trust, &["s3:DeleteObject"]),
            &["assume_role", "external_id_enforced", "put_object put_denied"],
        ),
        (
            role("no-delete", &trust, &["s3:PutObject"]),
            &["assume_role", "external_id_enforced", "put_object", "delete_object delete_denied"],
        ),
        (
            with(&works, "bucket", "no-bucket-of-that-name"),
            &["assume_role", "external_id_enforced", "put_object bucket_not_found"],
        ),
    ];
    for (body, expected) in cases {
        let (status, test) = opinion.exports().call("POST", "test-connection", Some(&body)).await;
        assert_eq!((status, stages(&test)), (200, expected.iter().map(ToString::to_string).collect()), "{test}");
    }
    // What was written is gone, but where it may not be deleted.
    let left = opinion.objects(BUCKET).await;
    assert!(left.len() == 1 && left.keys().all(|key| key.starts_with("org_id=diku/connection-tests/")), "{left:?}");
    opinion.system.stop().await;
}

/// Every name is this machine.
#[derive(Debug, Clone)]
struct Loopback;

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))
    }
}

/// As S3 itself, `MiniStack` tells Regions apart by the name it is called by, `s3.REGION.…`: an address has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_another_region_is_told() {
    let (opinion, works) = Opinion::with_customer().await;
    opinion.configure(&works).await;
    let port = opinion.ministack.endpoint.rsplit(':').next().unwrap();
    let mut destination = stored(&opinion.system, ORG).await.destination;
    for (region, expected) in [("eu-north-1", None), ("eu-west-1", Some("wrong_region"))] {
        destination.region = AwsRegion::parse(region).unwrap();
        let aws = Aws::from_environment(&opinion.environment(&opinion.audit_export)).unwrap();
        let tls = Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_with_resolver(Loopback);
        let s3 = aws.service(AwsService::S3).into_builder().http_client(http);
        let s3 = s3.endpoint_url(format!("http://s3.{region}.ministack.test:{port}")).build();
        let clients = BucketClients::new(&aws.service(AwsService::Sts), s3);
        let time = Duration::from_secs(17);
        let outcomes = Probe { clients: &clients, destination: &destination, org: &org(ORG), time }.run().await;
        let failed = outcomes.iter().find_map(|outcome| outcome.result.as_ref().err());
        assert_eq!(failed.map(|error| error.code), expected);
        assert_eq!(failed.and_then(|error| error.aws_code()), expected.map(|_| "PermanentRedirect"));
    }
    opinion.system.stop().await;
}
