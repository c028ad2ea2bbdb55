//! What a changed retention period sets off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use sporlog_model::Clock;
use sporlog_model::settings::{RETENTION_PERIOD, SettingDefinition, SettingGroup};
use tokio::net::TcpListener;

use super::Configuring;
use crate::harness::{ManualClock, NOBODY, System, dynamodb, soon};

fn period(group: SettingGroup) -> &'static SettingDefinition {
    SettingDefinition::find(group, RETENTION_PERIOD).unwrap()
}

/// Everything in the index that is about retention, as `org group` and due instant.
async fn due(system: &System) -> HashMap<String, String> {
    let client = dynamodb(&system.environment(&[]), soon());
    let scan = client.scan().table_name("Table").index_name("gsi1").send().await.unwrap();
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let entries = scan.items().iter().map(|item| (text(item, "gsi1pk"), text(item, "gsi1sk"), text(item, "sk")));
    let entries = entries.filter(|(partition, _, _)| partition.starts_with("RETENTION#"));
    entries
        .map(|(partition, sort, sk)| {
            let shard: u8 = partition.strip_prefix("RETENTION#").unwrap().parse().unwrap();
            assert!(shard < 16 && partition.len() == "RETENTION#00".len(), "{partition}");
            let [at, org, group] = sort.split('#').collect::<Vec<_>>()[..] else { panic!("{sort}") };
            assert_eq!(sk, format!("RETENTION#{group}"));
            (format!("{org} {group}"), at.to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_due_at_once_when_its_period_is_shortened() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-11-20T00:00:00Z");
    let function = Configuring::of(&system, clock.clock(), &[]);
    for group in [SettingGroup::Acquisition, SettingGroup::Kyc] {
        let name = format!("diku {group}");
        // The first, one that is longer, one that is shorter, the same, none (a sweep takes it out), none, shorter than none.
        for (day, days, expected) in [
            (1, 30, Some(1)),
            (2, 60, Some(1)),
            (3, 59, Some(3)),
            (4, 59, Some(3)),
            (5, -1, Some(3)),
            (6, -1, Some(3)),
            (7, 36_500, Some(7)),
        ] {
            clock.set(&format!("2026-11-{day:02}T00:00:00Z"));
            assert_eq!(function.put(period(group), json!(days)).await, 204);
            let expected = expected.map(|day| format!("2026-11-{day:02}T00:00:00.000000Z"));
            assert_eq!(due(&system).await.get(&name), expected.as_ref(), "{group} {days}");
        }
    }
    // Sporlog has no such events, so nothing to delete.
    for group in [SettingGroup::Authority, SettingGroup::Inventory, SettingGroup::User] {
        assert_eq!(function.put(period(group), json!(1)).await, 204);
    }
    let enabled = SettingDefinition::find(SettingGroup::Kyc, "enabled").unwrap();
    assert_eq!(function.put(enabled, json!(false)).await, 204);
    assert_eq!(due(&system).await.len(), 2);
    system.stop().await;
}

/// Stands in for Lambda and keeps what it is asked for.
async fn lambda() -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    type Asked = Arc<Mutex<Vec<(String, Value)>>>;
    async fn take(State(asked): State<Asked>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
        let name = format!("{} {}", uri.path(), headers["x-amz-invocation-type"].to_str().unwrap());
        asked.lock().unwrap().push((name, serde_json::from_slice(&body).unwrap()));
        StatusCode::ACCEPTED
    }
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(take).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (endpoint, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_started_when_a_period_is_shortened_and_only_then() {
    let system = System::start().await;
    let (endpoint, asked) = lambda().await;
    let function = Configuring::of(&system, Clock::system(), &[("AWS_ENDPOINT_URL_LAMBDA", &endpoint)]);
    for (group, days, started) in [
        (SettingGroup::Acquisition, 30, true),
        (SettingGroup::Acquisition, 30, false),
        (SettingGroup::Acquisition, 31, false),
        (SettingGroup::Acquisition, 30, true),
        (SettingGroup::Acquisition, -1, false),
        (SettingGroup::Kyc, 36_500, true),
        (SettingGroup::User, 1, false),
    ] {
        assert_eq!(function.put(period(group), json!(days)).await, 204);
        let path = "/2015-03-31/functions/RetentionFunction/invocations Event".to_owned();
        let expected = if started { vec![(path, json!({"orgId": "diku", "group": group}))] } else { vec![] };
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), expected, "{group} {days}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retention_that_cannot_be_started_is_left_to_the_schedule() {
    let system = System::start().await;
    let function = Configuring::of(&system, Clock::system(), &[("AWS_ENDPOINT_URL_LAMBDA", NOBODY)]);
    assert_eq!(function.put(period(SettingGroup::Acquisition), json!(7)).await, 204);
    assert!(due(&system).await.contains_key("diku audit.acquisition"));
    system.stop().await;
}
