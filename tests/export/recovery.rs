use std::sync::Arc;
use std::time::Duration;

use export_run::RunOutcome;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use sporlog_local::kms::SigningKey;
use sporlog_model::export::SegmentPlan;
use sporlog_store::RunStatus;
use sporlog_verify::Options;

use super::bucket::{chain, ids_of_whole_bucket, verified};
use super::{Exporter, LEASE_OVER, MORNING};
use crate::harness::{Fault, Faults, ManualClock, System};

/// Cases at the same time: the machine's cores, and a little for what waits.
pub(crate) const AT_ONCE: usize = 4;

/// What a run has before it, that is cut at each of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scene {
    /// Three events and the first run of all.
    First,
    /// All that one run can have to do: live events of a past day, a silence of more than a day after them, history, and its
    /// end to be closed.
    Everything,
}

/// An organization whose export goes through `faults` and is signed.
pub(crate) struct Case {
    pub(crate) bucket: String,
    pub(crate) ids: Vec<String>,
    pub(crate) exporter: Exporter,
    pub(crate) direct: Exporter,
    pub(crate) faults: Faults,
}

impl Case {
    pub(crate) async fn of(system: &System, org: &str, scene: Scene) -> Self {
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export(org).await;
        let faults = Faults::before(&system.stack).await;
        let arn = SigningKey::arn();
        let endpoints = faults.endpoints();
        let own: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own: Vec<_> = own.into_iter().chain([("SIGNING_KEY_ID", arn.as_str())]).collect();
        let exporter = Exporter::with(system, org, &clock, &own);
        let direct = Exporter::with(system, org, &clock, &[("SIGNING_KEY_ID", &arn)]);
        let mut case = Self { bucket, ids: direct.record(3).await, exporter, direct, faults };
        if let Scene::Everything = scene {
            case.begin().await;
        }
        case
    }

    pub(crate) fn clock(&self) -> ManualClock {
        self.exporter.clock.clone()
    }

    /// The first run comes two days later and gets no further than to say where the live stream begins.
    async fn begin(&mut self) {
        let clock = self.exporter.clock.clone();
        clock.advance(Duration::from_hours(48));
        self.faults.on("AssumeRole", [Fault::CutBefore]);
        assert_eq!(self.faults.cut(self.exporter.run()).await, None);
        clock.advance(LEASE_OVER);
        self.ids.extend(self.direct.record(2).await);
        clock.advance(Duration::from_hours(60));
        self.faults.forget();
    }

    /// The next run after the lease of a run that was cut; more events have come meanwhile.
    async fn recover(&mut self, system: &System, name: &str) {
        let plan = self.direct.state().await.plan;
        self.exporter.clock.advance(LEASE_OVER);
        self.ids.extend(self.direct.record(2).await);
        self.direct.run().await;
        self.assert_whole(system, name);
        let state = self.direct.state().await;
        let after = self.ids.len() as u64 + 1;
        assert_eq!((state.plan, state.backfill, state.next_seq), (None, None, after), "{name}");
        if let Some(plan) = plan {
            assert_finished_exactly(system, &self.bucket, &plan);
        }
    }

    /// Every event is in exactly one object, and the export verifies, with all its signatures.
    pub(crate) fn assert_whole(&self, system: &System, name: &str) {
        let mut exported = ids_of_whole_bucket(system, &self.bucket, &self.direct.org);
        exported.sort_unstable();
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        assert_eq!(exported, ids, "{name}");
        let options = Options { require_signature: true, ..Options::default() };
        let report = verified(system, &[&self.bucket], &self.direct.org, &options);
        assert_eq!((report.signed, report.signers.len()), (report.digests, 1), "{name}");
    }

    /// How many runs the published list shows as running.
    async fn runs_that_seem_to_run(&self) -> usize {
        self.direct.runs().await.iter().filter(|run| run.status == RunStatus::Running).count()
    }
}

/// What was planned before the crash is what is there after it, byte for byte: a signature made again would be another.
fn assert_finished_exactly(system: &System, bucket: &str, plan: &SegmentPlan) {
    assert_eq!(system.object(bucket, &plan.digest_key), plan.digest.as_bytes());
    let digest: Value = serde_json::from_str(&plan.digest).unwrap();
    assert_eq!(digest["windowEnd"], plan.window_end.to_string());
}

/// The requests of one run that nothing disturbs.
pub(crate) async fn requests(system: &System, scene: Scene) -> Vec<String> {
    let case = Case::of(system, &format!("{scene:?}-counted").to_lowercase(), scene).await;
    let outcome = case.exporter.run().await;
    assert!(matches!(outcome, RunOutcome::Succeeded { .. }), "{outcome:?}");
    case.assert_whole(system, "undisturbed");
    case.faults.operations()
}

/// Where to cut: every request, but of reads in a row only the first and the last, since nothing changes between them.
async fn points(system: &System, scene: Scene) -> Vec<usize> {
    let requests = requests(system, scene).await;
    let is_read = |number: usize| requests.get(number).is_some_and(|operation| operation == "Query");
    let between = |number: usize| number > 0 && is_read(number - 1) && is_read(number) && is_read(number + 1);
    (0..requests.len()).filter(|number| !between(*number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asks_for_this_in_this_order() {
    let system = System::start().await;
    let mut operations = requests(&system, Scene::First).await;
    operations.dedup_by(|next, last| next == last && next == "Query");
    let steps = [
        "GetItem",            // the state
        "GetItem",            // the configuration
        "DescribeTable",      // which table this is
        "TransactWriteItems", // the lease and the run
        "Query",              // the days of the feed
        "TransactWriteItems", // where the live stream begins
        "Query",              // the days and shards of the feed
        "AssumeRole",
        "GetPublicKey",
        "Sign",
        "TransactWriteItems", // the plan
        "PutObject",          // the segment
        "PutObject",          // the digest
        "TransactWriteItems", // the commit
        "TransactWriteItems", // the end
    ];
    assert_eq!(operations, steps);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_can_have_everything_to_do() {
    let system = System::start().await;
    let case = Case::of(&system, "diku", Scene::Everything).await;
    case.exporter.exports(5).await;
    case.assert_whole(&system, "everything");
    let digests = chain(&system, &case.bucket, "org_id=diku");
    let told = |(_, digest): &(String, Value)| {
        let window = ["windowStart", "windowEnd"].map(|name| digest[name].as_str().unwrap()[5..16].to_owned());
        (digest["stream"].as_str().unwrap().to_owned(), window.join(" "), digest["eventCount"].as_u64().unwrap())
    };
    let expected = [
        ("live", "03-03T08:00 03-04T00:00", 2),
        ("live", "03-04T00:00 03-05T20:06", 0),
        ("backfill", "03-01T00:00 03-02T00:00", 3),
        ("backfill", "03-02T00:00 03-03T08:00", 0),
    ];
    let expected = expected.map(|(stream, window, count)| (stream.to_owned(), window.to_owned(), count));
    assert_eq!(digests.iter().map(told).collect::<Vec<_>>(), expected);
    system.stop().await;
}

async fn cut_everywhere(scene: Scene) {
    let system = Arc::new(System::start().await);
    let points = points(&system, scene).await;
    let cases =
        [Fault::CutBefore, Fault::CutAfter].into_iter().flat_map(|fault| points.iter().map(move |at| (fault, *at)));
    let cuts = stream::iter(cases).map(|(fault, number)| {
        let system = Arc::clone(&system);
        tokio::spawn(async move {
            let name = format!("{fault:?}-{number}");
            let mut case = Case::of(&system, &name.to_lowercase(), scene).await;
            case.faults.at(number, fault);
            let end = case.faults.cut(case.exporter.run()).await;
            assert_eq!(end, None, "{name}");
            case.recover(&system, &name).await;
            assert_eq!(case.runs_that_seem_to_run().await, 0, "{name}");
        })
    });
    cuts.buffer_unordered(AT_ONCE).for_each(async |case| case.unwrap()).await;
    Arc::into_inner(system).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_that_is_cut_at_any_request_is_finished_by_the_next() {
    cut_everywhere(Scene::First).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_everything_to_do_that_is_cut_at_any_request_is_finished_by_the_next() {
    cut_everywhere(Scene::Everything).await;
}

/// A run is cut when it has planned, its successor after its request `number`; the third finishes.
async fn cut_twice(system: &System, number: usize) -> Case {
    let name = format!("twice-{number}");
    let mut case = Case::of(system, &name, Scene::First).await;
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
        let case = cut_twice(&system, number).await;
        assert_eq!(case.runs_that_seem_to_run().await, 0, "cut after request {number}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_no_time_left_for_the_write_says_so_and_the_next_finishes_it() {
    let system = System::start().await;
    let mut case = Case::of(&system, "diku", Scene::First).await;
    case.faults.on("PutObject", [Fault::CutBefore]);
    assert_eq!(case.faults.cut(case.exporter.run()).await, None);
    // S3 does not answer at all.
    case.faults.on("PutObject", [Fault::CutBefore]);
    case.exporter.clock.advance(LEASE_OVER);
    let end = case.exporter.clock.now().plus(Duration::from_secs(10));
    let outcome = case.exporter.run_until(u64::try_from(end.epoch_seconds()).unwrap() * 1_000).await;
    assert!(matches!(outcome, RunOutcome::Failed { error_code: "out_of_time", .. }), "{outcome:?}");
    assert!(system.keys(&case.bucket).is_empty());
    case.recover(&system, "after a run without time").await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_goes_wrong_once_costs_nothing() {
    for scene in [Scene::First, Scene::Everything] {
        let system = Arc::new(System::start().await);
        let points = points(&system, scene).await;
        let lost = stream::iter(points).map(|number| {
            let system = Arc::clone(&system);
            tokio::spawn(async move {
                let case = Case::of(&system, &format!("lost-{number}"), scene).await;
                case.faults.at(number, Fault::LostAnswer);
                let outcome = case.exporter.run().await;
                let operation = case.faults.operations().swap_remove(number);
                let name = format!("{scene:?}: answer {number} ({operation}) lost: {outcome:?}");
                assert!(matches!(outcome, RunOutcome::Succeeded { .. }), "{name}");
                case.assert_whole(&system, &name);
            })
        });
        lost.buffer_unordered(AT_ONCE).for_each(async |case| case.unwrap()).await;
        Arc::into_inner(system).unwrap().stop().await;
    }
}
