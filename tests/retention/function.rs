use std::time::Duration;

use retention::{Retention, RetentionReport, RetentionRequest};
use serde_json::{Value, json};
use sporlog_model::{EntityType, RetentionGroup};

use super::Keeper;
use crate::harness::{Caller, FolioEvent, System};

const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// A deadline, in milliseconds since 1970, that no test reaches.
const FAR_AHEAD: u64 = 4_102_444_800_000;

impl System {
    async fn orders(&self, org: &str) -> u64 {
        let answer = self.get(&Caller::auditor(org), &format!("/audit-data/acquisition/order/{ORDER}?limit=0")).await;
        answer.json()["totalItems"].as_u64().unwrap()
    }

    pub(crate) async fn keep_orders_for(&self, org: &str, days: i64) {
        let path = "/audit/config/groups/audit.acquisition/settings/records.retention.period";
        let body = json!({"key": "records.retention.period", "value": days, "type": "INTEGER"}).to_string();
        let token = self.token(&Caller::with(org, &["audit.config.all"]));
        let headers = [("x-okapi-tenant", org), ("x-okapi-token", &token), ("content-type", "application/json")];
        let answer = self.send("PUT", path, &headers, Some(body)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Two events of two years ago.
    async fn send_old_events(&self, org: &str) {
        let events = (0..2).map(|n| FolioEvent::nth(EntityType::Order, ORDER, n).in_batch(org)).collect();
        assert_eq!(self.ingest(events).await["stored"], 2);
    }
}

/// Through the API, as an administrator meets it: nobody waits for the night.
#[tokio::test(flavor = "multi_thread")]
async fn a_shortened_period_acts_at_once() {
    let system = System::start().await;
    for org in ["diku", "other"] {
        system.send_old_events(org).await;
    }
    system.keep_orders_for("diku", 10_000).await;
    assert_eq!(system.orders("diku").await, 2);
    system.keep_orders_for("diku", 30).await;
    let gone = async {
        while system.orders("diku").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert_eq!(system.orders("other").await, 2);
    system.stop().await;
}

/// A tick sweeps what is due; then it is due again the next night, until the events are kept for ever.
#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_sweeps_what_is_due_and_nothing_else() {
    let system = System::start().await;
    let keeper = Keeper::of(&system, "diku");
    let retention =
        Retention::from_environment(&system.environment_of("RetentionFunction", &[]), keeper.clock.clock()).unwrap();
    let request = |json: Value| serde_json::from_value::<RetentionRequest>(json).unwrap();
    let tick = async || Box::pin(retention.handle(request(json!({})), FAR_AHEAD)).await.unwrap();
    let report = |finished, deleted_events| RetentionReport { finished, deleted_events, ..RetentionReport::default() };
    system.send_old_events("diku").await;
    system.send_old_events("other").await;
    assert_eq!(tick().await, report(0, 0));
    let one = request(json!({"orgId": "diku", "group": "audit.acquisition"}));
    assert_eq!(Box::pin(retention.handle(one, FAR_AHEAD)).await.unwrap().skipped, 1, "kept for ever");

    keeper.keep(RetentionGroup::Acquisition, 30).await;
    keeper.keep(RetentionGroup::Kyc, 30).await;
    assert_eq!(tick().await, report(2, 2));
    assert_eq!(tick().await, report(0, 0));
    keeper.clock.set("2026-11-21T03:00:00Z");
    assert_eq!(tick().await, report(2, 0));
    keeper.keep(RetentionGroup::Acquisition, -1).await;
    keeper.clock.set("2026-11-22T03:00:00Z");
    let without_period = RetentionReport { skipped: 1, ..report(1, 0) };
    assert_eq!(tick().await, without_period, "it takes itself out");
    keeper.clock.set("2026-11-23T03:00:00Z");
    assert_eq!(tick().await, report(1, 0));
    assert_eq!(system.orders("other").await, 2);
    system.stop().await;
}

/// An invocation whose time is up leaves its sweeps due.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_without_time_goes_on_at_the_next_tick() {
    let system = System::start().await;
    let keeper = Keeper::of(&system, "diku");
    let retention =
        Retention::from_environment(&system.environment_of("RetentionFunction", &[]), keeper.clock.clock()).unwrap();
    system.send_old_events("diku").await;
    keeper.keep(RetentionGroup::Acquisition, 30).await;
    let request = || serde_json::from_value::<RetentionRequest>(json!({})).unwrap();
    let report = Box::pin(retention.handle(request(), 0)).await.unwrap();
    assert_eq!((report.unfinished, report.deleted_events), (1, 0));
    let report = Box::pin(retention.handle(request(), FAR_AHEAD)).await.unwrap();
    assert_eq!((report.finished, report.deleted_events), (1, 2));
    system.stop().await;
}
