//! What `docs/operations.md` has an operator do where the log no longer holds what was planned.

use std::fs;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use sporlog_local::s3::Deny;
use sporlog_model::RunId;
use sporlog_store::{LeaseAttempt, RunTrigger};
use sporlog_verify::Options;

use super::Scene;
use super::bucket::verified;
use crate::harness::{dynamodb, soon};
use crate::structure::root;

/// As the page has them.
const REMOVE: &str = "REMOVE #plan, plan_uri";
const CONDITION: &str = "plan_uri = :uri AND attribute_not_exists(lease_until)";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_an_operator_takes_out_is_made_again_from_what_there_is() {
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    assert!(page.contains(&format!("'{REMOVE}'")) && page.contains(&format!("'{CONDITION}'")));

    let Scene { system, bucket, faults: _faults, exporter, .. } = Scene::set().await;
    exporter.run().await;
    exporter.record(2).await;
    exporter.deny(&system, Some(Deny::Put)).await;
    exporter.fails("put_denied").await;
    exporter.deny(&system, None).await;
    // Somebody removes an entry of the feed by hand.
    let client = dynamodb(&system.environment(&[]), soon());
    let entries =
        client.scan().table_name("Table").filter_expression("begins_with(pk, :feed) AND begins_with(sk, :day)");
    let entries = entries.expression_attribute_values(":feed", text("ORG#diku#FEED#"));
    let entries = entries.expression_attribute_values(":day", text("2026-03-01T")).send().await.unwrap().items.unwrap();
    assert_eq!(entries.len(), 2);
    let [pk, sk] = ["pk", "sk"].map(|name| entries[0][name].clone());
    client.delete_item().table_name("Table").key("pk", pk).key("sk", sk).send().await.unwrap();
    exporter.fails("plan_mismatch").await;

    let key = ["ORG#diku#EXPORT", "STATE"].map(text);
    let state = client.get_item().table_name("Table").key("pk", key[0].clone()).key("sk", key[1].clone());
    let uri = state.send().await.unwrap().item.unwrap()["plan_uri"].clone();
    let take_out = |uri: &AttributeValue| {
        let change = client.update_item().table_name("Table").key("pk", key[0].clone()).key("sk", key[1].clone());
        let change = change.update_expression(REMOVE).condition_expression(CONDITION);
        change.expression_attribute_names("#plan", "plan").expression_attribute_values(":uri", uri.clone()).send()
    };
    // Not another plan than the one that was looked for, and not under a run.
    let refused = |result: Result<_, SdkError<UpdateItemError>>| {
        result.unwrap_err().into_service_error().is_conditional_check_failed_exception()
    };
    assert!(refused(take_out(&text("s3://another/plan")).await));
    let held = exporter.store.acquire_lease(&exporter.scope, RunId::random(), RunTrigger::Schedule).await.unwrap();
    assert!(matches!(held, LeaseAttempt::Held { .. }), "{held:?}");
    assert!(refused(take_out(&uri).await));
    exporter.clock.advance(super::LEASE_OVER);
    exporter.fails("plan_mismatch").await;
    take_out(&uri).await.unwrap();
    exporter.exports(1).await;
    verified(&system, &[&bucket], "diku", &Options::default());
    system.stop().await;
}
