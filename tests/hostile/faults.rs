//! Faults by chance, while clients use everything at once.

use std::collections::BTreeSet;
use std::time::Duration;

use export_run::RunOutcome;
use futures_util::future::join_all;
use retention::{Retention, RetentionRequest};
use serde_json::{Value, json};
use sporlog_local::kms::SigningKey;
use sporlog_model::{Clock, Instant};

use super::clerks::bufdir::Bufdir;
use super::clerks::cases::Cases;
use super::clerks::deliveries::Deliveries;
use super::clerks::exports::Exports;
use super::clerks::keys::Keys;
use super::clerks::schedule::Schedule;
use super::clerks::settings::Settings;
use super::size::{FaultsSize, SEED};
use super::world::World;
use crate::export::Exporter;
use crate::export::bucket::lines_of_whole_bucket;
use crate::harness::{Caller, Chance, ManualClock};

/// An organization that keeps its orders for 30 days only, and gets older ones.
const FORGETFUL: &str = "forgetful";

/// More events of one entity than two pages of the feed hold (250 each): the first export of one organization reads pages ahead.
const LONG_PAST: usize = 520;

/// Longer than a lease of an export or of a sweep that was cut.
const LEASES_OVER: Duration = Duration::from_mins(20);

/// A deadline, in milliseconds since 1970, that no test reaches.
const FAR_AHEAD: u64 = 4_102_444_800_000;

/// The clients of one organization.
struct Office<'a> {
    org: String,
    cases: Cases<'a>,
    deliveries: Deliveries<'a>,
    bufdir: Bufdir<'a>,
    settings: Settings<'a>,
    keys: Keys<'a>,
    exports: Exports<'a>,
}

impl<'a> Office<'a> {
    /// Set up in calm. So many events of one entity there are before its first export.
    async fn of(world: &'a World, org: String, past: usize) -> Self {
        let key = world.system.api_key(&org, &["kyc:read", "kyc:write"]).await;
        world.system.enable_export(&org).await;
        Self {
            cases: Cases::of(world, &org, key),
            deliveries: Deliveries::of(world, &org).with_past(past).await,
            bufdir: Bufdir::of(world, &org),
            settings: Settings::of(world, &org),
            keys: Keys::of(world, &org),
            exports: Exports::of(world, &org).await,
            org,
        }
    }

    /// Each client at its own pace, all at the same time.
    async fn work(self, rounds: usize) -> Self {
        let Self { org, cases, deliveries, bufdir, settings, keys, exports } = self;
        let (cases, deliveries, bufdir, settings, keys, exports) = tokio::join!(
            Box::pin(cases.work(rounds)),
            Box::pin(deliveries.work(rounds)),
            Box::pin(bufdir.work(rounds.div_ceil(2))),
            Box::pin(settings.work(rounds)),
            Box::pin(keys.work(rounds.div_ceil(2))),
            Box::pin(exports.work(rounds.div_ceil(3))),
        );
        Self { org, cases, deliveries, bufdir, settings, keys, exports }
    }

    /// Answers how many events were exported.
    async fn check(self, world: &World) -> usize {
        let lines = exported(world, &self.org).await;
        let mut checked = self.cases.check(&lines).await;
        checked += self.deliveries.check(&lines).await;
        checked += self.bufdir.check(&lines).await;
        checked += self.settings.check(&lines);
        checked += self.keys.check(&lines).await;
        checked += self.exports.check(&lines).await;
        assert!(checked > 0 && checked <= lines.len());
        lines.len()
    }
}

/// The export of an organization, finished without faults and verified. It is the organization's log: the same ids, once each. The
/// lines are in the order of time.
async fn exported(world: &World, org: &str) -> Vec<Value> {
    let clock = ManualClock::at(&Clock::system().now().plus(LEASES_OVER).to_string());
    let exporter = Exporter::with(&world.system, org, &clock, &[("SIGNING_KEY_ID", &SigningKey::arn())]);
    loop {
        match exporter.run().await {
            RunOutcome::Succeeded { .. } => {}
            RunOutcome::Empty { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    let mut lines = lines_of_whole_bucket(&world.system, &format!("bucket-of-{org}"), "", org);
    let ids: BTreeSet<String> = lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), lines.len(), "exported twice");
    let mut log = BTreeSet::new();
    for day in exporter.store.feed_days(&exporter.scope, Instant::MIN, Instant::MAX).await.unwrap() {
        let mut feed = exporter.store.feed(&exporter.scope, day, Instant::MIN, Instant::MAX);
        while let Some(recorded) = feed.next().await.unwrap() {
            assert!(log.insert(recorded.event.id.to_string()), "twice in the log");
        }
    }
    assert!(log.is_subset(&ids), "lost in the export");
    // What is too old is deleted when it is exported.
    assert!(org == FORGETFUL || log == ids, "exported and not in the log");
    // What was recorded before the first run comes behind what is live then.
    lines.sort_by_key(|line| line["recordedAt"].as_str().unwrap().to_owned());
    lines
}

/// Orders of the forgetful are kept for 30 days from now on.
async fn forget_orders(world: &World) {
    let token = world.system.token(&Caller::with(FORGETFUL, &["audit.config.all"]));
    let headers = [("x-okapi-tenant", FORGETFUL), ("x-okapi-token", &token), ("content-type", "application/json")];
    let path = "/audit/config/groups/audit.acquisition/settings/records.retention.period";
    let body = json!({"key": "records.retention.period", "value": 30, "type": "INTEGER"});
    let (answer, _) = world.send("PUT", path, &headers, Some(&body)).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// What was too old is gone when the export has it, and only then.
async fn check_forgotten(world: &World, deliveries: &Deliveries<'_>) -> usize {
    let lines = exported(world, FORGETFUL).await;
    deliveries.check_export(&lines);
    let clock = ManualClock::at(&Clock::system().now().plus(LEASES_OVER).to_string());
    let environment = world.system.environment_of("RetentionFunction", &[]);
    let retention = Retention::from_environment(&environment, clock.clock()).unwrap();
    let group = json!({"orgId": FORGETFUL, "group": "audit.acquisition"});
    let request: RetentionRequest = serde_json::from_value(group).unwrap();
    Box::pin(retention.handle(request, FAR_AHEAD)).await.unwrap();
    deliveries.check_forgotten().await;
    lines.len()
}

async fn survives(percent: u32) {
    let began = std::time::Instant::now();
    let size = FaultsSize::of(percent);
    let world = World::start().await;
    let orgs: Vec<String> = (0..size.orgs).map(|n| format!("org-{n}")).collect();
    let mut offices = Vec::new();
    for (number, org) in orgs.iter().enumerate() {
        let past = if number == 0 { LONG_PAST } else { 0 };
        offices.push(Box::pin(Office::of(&world, org.clone(), past)).await);
    }
    world.system.enable_export(FORGETFUL).await;
    let mut forgetful = Deliveries::of(&world, FORGETFUL);

    world.faults.by_chance(Chance::of(percent, size.late_one_in, SEED + u64::from(percent)));
    let forget = async {
        for source in 0..3 {
            forgetful.deliver(source).await;
        }
        forget_orders(&world).await;
    };
    let everybody = [&orgs[..], &[FORGETFUL.to_owned()]].concat();
    let schedule = Schedule::of(&world, &everybody).work(size.rounds.div_ceil(2));
    let offices = join_all(offices.into_iter().map(|office| Box::pin(office.work(size.rounds))));
    let (offices, schedule, ()) = tokio::join!(offices, Box::pin(schedule), forget);
    let met = world.faults.calm();
    world.system.finish_runs().await;

    let mut events = 0;
    for office in offices {
        events += Box::pin(office.check(&world)).await;
    }
    events += check_forgotten(&world, &forgetful).await;
    let (good, bad) = schedule.invoked;
    let tally = world.tally().to_string();
    // What is asserted above, as the page of the documentation tells it.
    println!(
        "hostile::faults {percent} % (seed {SEED}): {met}; {tally}; {good} invocations by schedule and {bad} failed; \
         {events} events exported and verified; lost 0, doubled 0, wrong 0; {:.0} s",
        began.elapsed().as_secs_f64()
    );
    assert!(met.faults() * 100 > met.requests * percent as usize / 2, "{met}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_in_a_hundred_fails() {
    survives(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_in_twenty_fails() {
    survives(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_in_five_fails() {
    survives(20).await;
}
