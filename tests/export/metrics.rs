//! What runs count for the alarms.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use sporlog_local::s3::Deny;

use super::dispatch::enable;
use super::{Exporter, MORNING};
use crate::harness::{Captured, Fault, Faults, ManualClock, System, dynamodb, soon};

/// How often each of the metrics was counted by what `work` did.
fn counted(captured: &Captured) -> [u64; 5] {
    let text = captured.text();
    ["ExportRunFailed", "ExportRunFault", "ExportPlanMismatch", "ExportSwitchedOff", "EventsExported"].map(|name| {
        let value = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let metrics: serde_json::Value = serde_json::from_str(line["emf"].as_str()?).unwrap();
            metrics[name].as_u64()
        };
        text.lines().filter_map(value).sum()
    })
}

#[tokio::test]
async fn a_run_counts_what_it_exports_and_a_failed_one_who_can_mend_it() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    enable(&system, "diku", &clock).await;
    let faults = Faults::before(&system.stack).await;
    let exporter = Exporter::behind(&system, "diku", &clock, &faults);
    let captured = Captured::start();
    exporter.run().await;
    assert_eq!(counted(&captured), [0; 5]);
    exporter.record(3).await;
    exporter.exports(3).await;
    assert_eq!(counted(&captured), [0, 0, 0, 0, 3]);

    exporter.record(1).await;
    exporter.deny(&system, Some(Deny::Assume)).await;
    exporter.fails("assume_role_denied").await;
    assert_eq!(counted(&captured), [1, 0, 0, 0, 0], "the customer's");
    exporter.deny(&system, None).await;
    faults.on("AssumeRole", [Fault::Sts(403, "SignatureDoesNotMatch"); 4]);
    exporter.fails("own_credentials").await;
    faults.clear();
    assert_eq!(counted(&captured), [1, 1, 0, 0, 0], "ours");

    exporter.deny(&system, Some(Deny::Put)).await;
    exporter.fails("put_denied").await;
    clock.advance(Duration::from_hours(25));
    exporter.fails("put_denied").await;
    assert_eq!(counted(&captured), [2, 0, 0, 1, 0]);
    system.stop().await;
}

#[tokio::test]
async fn a_log_that_was_changed_behind_a_plan_is_counted_each_time() {
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    let exporter = enable(&system, "diku", &clock).await;
    exporter.record(2).await;
    exporter.deny(&system, Some(Deny::Put)).await;
    exporter.fails("put_denied").await;
    exporter.deny(&system, None).await;

    // Somebody removes an entry of the feed by hand.
    let client = dynamodb(&system.environment(&[]), soon());
    let rows = client.scan().table_name("Table").send().await.unwrap().items.unwrap();
    let text = |row: &std::collections::HashMap<String, AttributeValue>, name: &str| row[name].as_s().unwrap().clone();
    let entry = rows.iter().find(|row| text(row, "pk").starts_with("ORG#diku#FEED#")).unwrap();
    let delete = client.delete_item().table_name("Table").key("pk", entry["pk"].clone());
    delete.key("sk", entry["sk"].clone()).send().await.unwrap();

    let captured = Captured::start();
    for _ in 0..2 {
        exporter.fails("plan_mismatch").await;
        assert_eq!(counted(&captured), [1, 1, 1, 0, 0]);
    }
    system.stop().await;
}
