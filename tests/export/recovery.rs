use futures_util::future::join_all;
use serde_json::Value;
use sporlog_model::export::SegmentPlan;
use sporlog_store::RunStatus;

use super::bucket::ids_of_whole_bucket;
use super::{Exporter, LEASE_OVER, MORNING};
use crate::harness::{Fault, Faults, ManualClock, System};

/// The requests of a run that exports one segment, with the reads of the feed as one.
const STEPS: [&str; 10] = [
    "GetItem",            // the state
    "GetItem",            // the configuration
    "TransactWriteItems", // the lease and the run
    "Query",              // the days and shards of the feed
    "AssumeRole",
    "TransactWriteItems", // the plan
    "PutObject",          // the segment
    "PutObject",          // the digest
    "TransactWriteItems", // the commit
    "TransactWriteItems", // the end
];

/// An organization with three settled events, whose export goes through `faults`.
struct Case {
    bucket: String,
    ids: Vec<String>,
    exporter: Exporter,
    direct: Exporter,
    faults: Faults,
}

impl Case {
    async fn of(system: &System, org: &str) -> Self {
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(org).await;
        let faults = Faults::before(&system.stack).await;
        let exporter = Exporter::behind(system, org, &clock, &faults);
        let direct = Exporter::of(system, org, &clock);
        Self { bucket, ids: exporter.record(3).await, exporter, direct, faults }
    }

    /// The next run after the lease of a run that was cut; more events have come meanwhile.
    async fn recover(&mut self, system: &System, name: &str) {
        let plan = self.direct.state().await.plan;
        self.exporter.clock.advance(LEASE_OVER);
        self.ids.extend(self.direct.record(2).await);
        self.direct.run().await;
        assert_eq!(ids_of_whole_bucket(system, &self.bucket, &self.direct.org), self.ids, "{name}");
        let state = self.direct.state().await;
        assert_eq!((state.plan, state.next_seq), (None, 6), "{name}");
        if let Some(plan) = plan {
            assert_finished_exactly(system, &self.bucket, &plan);
        }
    }

    /// How many runs the published list shows as running.
    async fn runs_that_seem_to_run(&self) -> usize {
        self.direct.runs().await.iter().filter(|run| run.status == RunStatus::Running).count()
    }
}

/// What was planned before the crash is what is there after it.
fn assert_finished_exactly(system: &System, bucket: &str, plan: &SegmentPlan) {
    let digest: Value = serde_json::from_slice(&system.object(bucket, &plan.digest_key)).unwrap();
    assert_eq!(digest["object"]["key"], plan.object.as_ref().unwrap().key);
    assert_eq!(digest["windowEnd"], plan.window_end.to_string());
    assert_eq!(digest["eventCount"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asks_for_this_in_this_order() {
    let system = System::start().await;
    let case = Case::of(&system, "diku").await;
    case.exporter.exports(3).await;
    let mut operations = case.faults.operations();
    operations.dedup_by(|next, last| next == last && next == "Query");
    assert_eq!(operations, STEPS);
    system.stop().await;
}

/// How many requests one run makes.
async fn requests_of_a_run(system: &System) -> usize {
    let case = Case::of(system, "counted").await;
    case.exporter.exports(3).await;
    case.faults.operations().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_at_any_request_is_finished_by_the_next() {
    let system = System::start().await;
    let requests = requests_of_a_run(&system).await;
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        for number in 0..requests {
            let name = format!("{fault:?} {number}");
            let mut case = Case::of(&system, &format!("{fault:?}-{number}").to_lowercase()).await;
            case.faults.at(number, fault);
            let end = case.faults.cut(case.exporter.run()).await;
            assert_eq!(end, None, "{name}");
            case.recover(&system, &name).await;
            assert_eq!(case.runs_that_seem_to_run().await, 0, "{name}");
        }
    }
    system.stop().await;
}

/// A run is cut when it has planned, its successor after its request `number`; the third finishes.
async fn cut_twice(system: &System, number: usize) -> Case {
    let name = format!("twice-{number}");
    let mut case = Case::of(system, &name).await;
    case.faults.on("PutObject", [Fault::CutBefore]);
    assert_eq!(case.faults.cut(case.exporter.run()).await, None);
    case.exporter.clock.advance(LEASE_OVER);
    case.faults.at(case.faults.operations().len() + number, Fault::CutAfter);
    assert_eq!(case.faults.cut(case.exporter.run()).await, None, "{name}");
    case.recover(system, &name).await;
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_and_whose_successor_is_cut_is_finished_by_the_third() {
    let system = System::start().await;
    for number in 0..10 {
        cut_twice(&system, number).await;
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_that_was_cut_seems_to_run_for_ever() {
    let system = System::start().await;
    for number in 0..4 {
        assert_eq!(cut_twice(&system, number).await.runs_that_seem_to_run().await, 0, "cut after request {number}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_goes_wrong_once_costs_nothing() {
    let system = System::start().await;
    let requests = requests_of_a_run(&system).await;
    let shared = &system;
    let cases = (0..requests).map(|number| async move {
        let case = Case::of(shared, &format!("lost-{number}")).await;
        case.faults.at(number, Fault::LostAnswer);
        let outcome = case.exporter.run().await;
        let operation = case.faults.operations().swap_remove(number);
        let ids = ids_of_whole_bucket(shared, &case.bucket, &case.exporter.org);
        (ids != case.ids).then(|| format!("answer {number} ({operation}) lost: {outcome:?}, {} exported", ids.len()))
    });
    let wrong: Vec<String> = join_all(cases).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    system.stop().await;
}
