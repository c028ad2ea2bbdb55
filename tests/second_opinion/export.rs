//! Whole runs, and what they may not do.

use std::time::Duration;

use bytes::Bytes;
use export_run::RunOutcome;
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService};
use sporlog_export::{Bucket, BucketClients};
use sporlog_model::{Clock, ExternalId, RunId};

use super::{BUCKET, CUSTOMER, Opinion, SPORLOG};
use crate::audit_export::{ORG, stored};
use crate::harness::{ManualClock, org, scope_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_arrives_in_the_bucket_of_another_account() {
    let (opinion, body) = Opinion::with_customer().await;
    opinion.configure(&body).await;
    let clock = from_now();
    let exporter = opinion.signing_exporter(&clock);
    // A segment is of one day.
    for _ in 0..3 {
        exporter.record(2).await;
        clock.advance(Duration::from_hours(24));
    }
    // Among them what was configured.
    let first = exported(exporter.run().await);
    assert_eq!(opinion.verified(BUCKET).await.events, first);
    let objects = opinion.objects(BUCKET).await;
    let segments = objects.keys().filter(|key| key.ends_with(".jsonl.gz")).count();
    assert!(first >= 6 && segments >= 3, "{first} {:?}", objects.keys());

    // Only what is new; what is there stays as it was.
    exporter.record(1).await;
    exporter.exports(1).await;
    let report = opinion.verified(BUCKET).await;
    assert_eq!((report.events, report.signed, report.signers.len()), (first + 1, report.digests, 1));
    let after = opinion.objects(BUCKET).await;
    assert_eq!(after.len(), objects.len() + 2);
    assert!(objects.iter().all(|(key, bytes)| after[key] == *bytes));
    opinion.system.stop().await;
}

/// The clock of the exporter, which begins with that of the function that configures it.
fn from_now() -> ManualClock {
    ManualClock::at(&Clock::system().now().to_string())
}

fn exported(outcome: RunOutcome) -> u64 {
    match outcome {
        RunOutcome::Succeeded { event_count, .. } => event_count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refuses_is_told_as_the_embedded_engine_tells_it() {
    let (opinion, works) = Opinion::with_customer().await;
    let trust = opinion.setup(BUCKET).await["trustPolicy"].clone();
    let mut other_id = trust.clone();
    other_id["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = json!(ExternalId::random());
    let mut other_account = trust.clone();
    other_account["Statement"][0]["Principal"]["AWS"] = json!(format!("arn:aws:iam::{SPORLOG}:role/Another"));
    let write = &["s3:PutObject"][..];
    let everywhere = "arn:aws:s3:::*";
    opinion.create_bucket(SPORLOG, "of-another-account");
    let bucket = |name: &str| with(&works, "bucket", name);
    let role = |arn: &str| with(&works, "roleArn", arn);
    let wide = opinion.customers_role("wide", &trust, write, everywhere);
    let cases = [
        ("assume_role_denied", role(&opinion.customers_role("other-id", &other_id, write, everywhere))),
        ("assume_role_denied", role(&opinion.customers_role("other-principal", &other_account, write, everywhere))),
        ("assume_role_denied", role(&format!("arn:aws:iam::{CUSTOMER}:role/absent"))),
        ("assume_role_denied", role("arn:aws:iam::999999999999:role/absent")),
        ("put_denied", role(&opinion.customers_role("reader", &trust, &["s3:GetObject"], everywhere))),
        ("put_denied", role(&opinion.customers_role("elsewhere", &trust, write, "arn:aws:s3:::another-bucket/*"))),
        ("bucket_not_found", bucket("no-bucket-of-that-name")),
        ("put_denied", with(&role(&wide), "bucket", "of-another-account")),
    ];
    let exporter = opinion.exporter(&from_now());
    for (number, (code, body)) in cases.into_iter().enumerate() {
        opinion.configure(&body).await;
        exporter.record(1).await;
        let outcome = exporter.run().await;
        let failed = matches!(outcome, RunOutcome::Failed { error_code, .. } if error_code == code);
        assert!(failed, "{code} ({number}): {outcome:?}");
    }

    // Nothing is lost, once it works. What was begun in the first bucket is there from the first run that could write to it.
    opinion.configure(&works).await;
    exported(exporter.run().await);
    let state = opinion.system.stack.store.export_state(&scope_of(ORG)).await.unwrap().unwrap();
    assert_eq!(opinion.verified(BUCKET).await.events, state.next_seq - 1);
    assert!(state.next_seq > 8);
    opinion.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_writes_for_its_own_organization_and_over_nothing() {
    let (opinion, works) = Opinion::with_customer().await;
    let trust = opinion.setup(BUCKET).await["trustPolicy"].clone();
    // A customer who was generous: the role may do everything everywhere.
    let generous = opinion.customers_role("generous", &trust, &["*"], "*");
    opinion.configure(&with(&works, "roleArn", &generous)).await;
    let destination = stored(&opinion.system, ORG).await.destination;
    assert_eq!(destination.external_id, opinion.system.stack.store.export_external_id(&scope_of(ORG)).await.unwrap());
    let aws = Aws::from_environment(&opinion.environment(&opinion.export_run)).unwrap();
    let clients = BucketClients::new(&aws.service(AwsService::Sts), aws.service(AwsService::S3));
    let bucket = Bucket::assume(&clients, &destination, &org(ORG), RunId::random()).await.unwrap();

    let put = async |key: &str, text: &'static str| {
        let put = bucket.put_new(key, "text/plain", Bytes::from_static(text.as_bytes())).await;
        put.map_err(|error| error.code)
    };
    assert_eq!(put("org_id=another/a", "x").await, Err("put_denied"));
    assert_eq!(put("a", "x").await, Err("put_denied"));
    assert_eq!(put("org_id=diku-2/a", "x").await, Err("put_denied"));
    assert_eq!(put("org_id=diku/a", "first").await, Ok(()));
    // A key that is taken is success, and not written over.
    assert_eq!(put("org_id=diku/a", "second").await, Ok(()));
    let objects = opinion.objects(BUCKET).await;
    assert_eq!(objects, [("org_id=diku/a".to_owned(), b"first".to_vec())].into());
    opinion.system.stop().await;
}

pub(super) fn with(body: &Value, member: &str, value: &str) -> Value {
    let mut body = body.clone();
    body[member] = json!(value);
    body
}
