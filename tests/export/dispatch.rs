use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use export_dispatch::ExportDispatch;
use serde_json::{Value, json};
use sporlog_local::s3::Deny;
use sporlog_store::RunStatus;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::bucket::ids_of_whole_bucket;
use super::{Exporter, MORNING};
use crate::harness::{FolioEvent, ManualClock, System, scope_of};

/// A Lambda service that only notes whom it should start; it does not find the run of `refused`.
#[derive(Clone, Default)]
pub(super) struct Lambda {
    started: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<Option<String>>>,
}

impl Lambda {
    /// Dispatches at the clock's time; answers what came of it and who was started, in alphabetical order.
    pub(super) async fn dispatch(&self, system: &System, clock: &ManualClock) -> (Result<usize, String>, Vec<String>) {
        self.dispatch_with(system, clock, &[]).await
    }

    /// The same, with variables of the test's own.
    pub(super) async fn dispatch_with(
        &self,
        system: &System,
        clock: &ManualClock,
        own: &[(&str, &str)],
    ) -> (Result<usize, String>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(invoke).with_state(self.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let names = [("AWS_ENDPOINT_URL_LAMBDA", url.as_str()), ("EXPORT_RUN_FUNCTION", "ExportRunFunction")];
        let own: Vec<_> = names.into_iter().chain(own.iter().copied()).collect();
        let dispatch =
            ExportDispatch::from_environment(&system.environment_of("ExportDispatchFunction", &own), clock.clock())
                .unwrap();
        let outcome = dispatch.handle().await;
        server.abort();
        let mut started = std::mem::take(&mut *self.started.lock().unwrap());
        started.sort_unstable();
        (outcome.map(|dispatched| dispatched.started).map_err(|error| error.error_type), started)
    }
}

async fn invoke(State(lambda): State<Lambda>, uri: Uri, headers: HeaderMap, body: String) -> (StatusCode, String) {
    assert_eq!(uri.path(), "/2015-03-31/functions/ExportRunFunction/invocations");
    assert_eq!(headers["x-amz-invocation-type"], "Event");
    let payload: Value = serde_json::from_str(&body).unwrap();
    let org = payload["orgId"].as_str().unwrap().to_owned();
    assert_eq!(payload, json!({"orgId": org, "trigger": "schedule"}));
    if lambda.refused.lock().unwrap().as_ref() == Some(&org) {
        return (StatusCode::NOT_FOUND, r#"{"Type":"User","Message":"Function not found"}"#.to_owned());
    }
    lambda.started.lock().unwrap().push(org);
    (StatusCode::ACCEPTED, String::new())
}

/// Enables an export at the clock's time.
pub(super) async fn enable(system: &System, org: &str, clock: &ManualClock) -> Exporter {
    system.enable_export(org).await;
    let exporter = Exporter::of(system, org, clock);
    exporter.set_enabled(true).await;
    exporter
}

#[tokio::test(flavor = "multi_thread")]
async fn just_those_who_are_due_are_started() {
    let system = System::start().await;
    let (lambda, clock) = (Lambda::default(), ManualClock::at(MORNING));
    assert_eq!(lambda.dispatch(&system, &clock).await, (Ok(0), vec![]));
    let (a, b) = (enable(&system, "a", &clock).await, enable(&system, "b", &clock).await);
    clock.advance(Duration::from_micros(1));
    enable(&system, "later", &clock).await;
    clock.set(MORNING);
    assert_eq!(lambda.dispatch(&system, &clock).await.1, ["a", "b"]);
    clock.advance(Duration::from_mins(5));
    assert_eq!(lambda.dispatch(&system, &clock).await.1, ["a", "b", "later"]);

    b.set_enabled(false).await;
    assert_eq!(lambda.dispatch(&system, &clock).await.1, ["a", "later"]);
    b.set_enabled(true).await;
    a.record(1).await;
    a.exports(1).await;
    assert_eq!(lambda.dispatch(&system, &clock).await, (Ok(3), ["a", "b", "later"].map(str::to_owned).to_vec()));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_export_is_left_alone_until_its_next_attempt() {
    let system = System::start().await;
    let (lambda, clock) = (Lambda::default(), ManualClock::at(MORNING));
    enable(&system, "works", &clock).await;
    let failing = enable(&system, "fails", &clock).await;
    failing.deny(&system, Some(Deny::Assume)).await;
    failing.record(1).await;
    for _ in 0..4 {
        failing.run().await;
        let next = failing.runs().await[0].next_attempt_at.unwrap();
        assert_eq!(lambda.dispatch(&system, &clock).await.1, ["works"]);
        clock.set(&next.minus(Duration::from_micros(1)).to_string());
        assert_eq!(lambda.dispatch(&system, &clock).await.1, ["works"]);
        clock.set(&next.to_string());
        assert_eq!(lambda.dispatch(&system, &clock).await.1, ["fails", "works"]);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_started_holds_up_nobody_and_is_told() {
    let system = System::start().await;
    let (lambda, clock) = (Lambda::default(), ManualClock::at(MORNING));
    for org in ["a", "b", "c"] {
        enable(&system, org, &clock).await;
    }
    *lambda.refused.lock().unwrap() = Some("b".to_owned());
    let (outcome, started) = lambda.dispatch(&system, &clock).await;
    assert_eq!((outcome, started), (Err("NotDispatched".to_owned()), vec!["a".to_owned(), "c".to_owned()]));
    system.stop().await;
}

/// Ends when an organization has a run that succeeded.
async fn succeeded(system: &System, org: &str) {
    loop {
        let runs = system.stack.store.runs(&scope_of(org), None, 10).await.unwrap();
        if runs.iter().any(|run| run.status == RunStatus::Succeeded) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_exports_forty_organizations() {
    let system = System::start().await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let org = format!("org-{number}");
        let bucket = system.enable_export(&org).await;
        let event = FolioEvent::of(sporlog_model::EntityType::Order, &uuid::Uuid::new_v4().to_string());
        system.ingest(vec![event.in_batch(&org)]).await;
        expected.push((org, bucket, event.id));
    }
    assert_eq!(system.invoke("ExportDispatchFunction", &json!({})).await, json!({"started": 40}));
    // A second tick right behind it, which finds most of them busy or done.
    system.invoke("ExportDispatchFunction", &json!({})).await;
    for (org, bucket, id) in expected {
        timeout(Duration::from_secs(30), succeeded(&system, &org)).await.expect("a run that succeeds");
        assert_eq!(ids_of_whole_bucket(&system, &bucket, &org), [id]);
    }
    system.stop().await;
}
