//! A flood: many organizations, one of them a hundred times busier, on one machine with everything that serves them.
//!
//! First a closed loop finds what the machine holds. Then the quiet organizations are measured alone, and then beside the busy one, at
//! the same rate of their own. A request has its instant, and what it waits for an earlier one of its lane counts as well.

mod figures;
mod tenant;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use sporlog_local::stack::Options;
use tempfile::tempdir;
use tokio::time::{MissedTickBehavior, interval_at};

use self::figures::{Latencies, Memory};
use self::tenant::Tenant;
use super::size::{FLOOD, SEED};
use crate::harness::System;

/// How many times busier the busy organization is than a quiet one.
const TIMES_BUSIER: u32 = 100;
/// Requests at the same time while the machine is tried out.
const AT_ONCE: u64 = 8;
/// Lanes of the quiet organizations and of the busy one, each with one request at a time.
const QUIET_LANES: u32 = 16;
const BUSY_LANES: u32 = 8;
/// The part of what the machine holds that is sent, in percent: an open loop at all of it would queue without end.
const LOAD_PERCENT: f64 = 60.0;
/// Memory at the end may be so much more than in the second quarter, and so much in MB: caches of `SQLite` and of connections, and what
/// the allocator keeps.
const MEMORY_FACTOR: f64 = 1.1;
const MEMORY_ALLOWANCE_MB: f64 = 16.0;
/// How much later the quiet organizations may be answered beside the busy one.
const LATENCY_FACTOR: f64 = 2.0;

struct Flood {
    system: System,
    http: reqwest::Client,
    busy: Tenant,
    quiet: Vec<Tenant>,
}

/// A sequence of requests.
#[derive(Debug, Clone, Copy)]
struct Lane {
    seed: u64,
    is_busy: bool,
    begin: Duration,
    interval: Duration,
}

impl Lane {
    /// So many lanes with this many requests per second in all, none at the instants of another.
    fn many(count: u32, is_busy: bool, rate: f64) -> Vec<Self> {
        let interval = Duration::from_secs_f64(f64::from(count) / rate);
        let lane = |n| Self {
            seed: SEED + 1_000 * u64::from(is_busy) + u64::from(n),
            is_busy,
            begin: interval * n / count,
            interval,
        };
        (0..count).map(lane).collect()
    }
}

impl Flood {
    async fn of(orgs: u32, directory: &std::path::Path) -> Self {
        // On disk: memory must not grow with what is stored.
        let options = Options { data_dir: Some(directory.to_owned()), ..Options::default() };
        let system = System::with(options).await;
        let busy = Tenant::of(&system, "busy".to_owned()).await;
        let quiet = stream::iter(0..orgs).map(|n| Tenant::of(&system, format!("quiet-{n}")));
        let quiet = quiet.buffered(4).collect().await;
        Self { system, http: reqwest::Client::new(), busy, quiet }
    }

    /// A quiet organization, or the busy one as often as a hundred of those.
    fn anybody(&self, random: &mut fastrand::Rng) -> &Tenant {
        let number = random.usize(0..self.quiet.len() + TIMES_BUSIER as usize);
        self.quiet.get(number).unwrap_or(&self.busy)
    }

    /// Requests per second in a closed loop: what the machine holds.
    async fn capacity(self: &Arc<Self>, time: Duration) -> f64 {
        let began = Instant::now();
        let loops = (0..AT_ONCE).map(|number| {
            let flood = Arc::clone(self);
            tokio::spawn(async move {
                let (mut random, mut count) = (fastrand::Rng::with_seed(SEED + number), 0_u32);
                while began.elapsed() < time {
                    flood.anybody(&mut random).request(&flood.system, &flood.http, &mut random).await;
                    count += 1;
                }
                count
            })
        });
        let count: u32 = join_all(loops).await.into_iter().map(Result::unwrap).sum();
        f64::from(count) / began.elapsed().as_secs_f64()
    }

    /// Requests, one at a time, at this interval.
    async fn lane(self: Arc<Self>, lane: Lane, time: Duration) -> Latencies {
        let mut random = fastrand::Rng::with_seed(lane.seed);
        let mut ticks = interval_at(tokio::time::Instant::now() + lane.begin, lane.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (began, mut latencies) = (Instant::now(), Latencies::default());
        while began.elapsed() < time {
            let due = ticks.tick().await;
            let tenant = if lane.is_busy { &self.busy } else { &self.quiet[random.usize(0..self.quiet.len())] };
            tenant.request(&self.system, &self.http, &mut random).await;
            latencies.push(due.elapsed());
        }
        latencies
    }

    /// Requests in these lanes: their latencies.
    async fn lanes(self: &Arc<Self>, lanes: Vec<Lane>, time: Duration) -> Latencies {
        let tasks: Vec<_> = lanes.into_iter().map(|lane| tokio::spawn(Arc::clone(self).lane(lane, time))).collect();
        Latencies::merge(join_all(tasks).await.into_iter().map(Result::unwrap))
    }

    /// Everything that was acknowledged is there, once. Answers how much that is.
    async fn check(&self) -> u64 {
        let mut all = self.busy.check(&self.system, &self.http).await;
        for tenant in &self.quiet {
            all += tenant.check(&self.system, &self.http).await;
        }
        all
    }
}

/// Samples memory while `work` goes on.
async fn watched<T>(work: impl Future<Output = T>) -> (T, Memory) {
    let (mut memory, mut ticks) = (Memory::default(), tokio::time::interval(Duration::from_millis(500)));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return (done, memory),
            _ = ticks.tick() => memory.sample(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quiet_are_served_beside_the_busy_and_nothing_is_lost() {
    let directory = tempdir().unwrap();
    let flood = Arc::new(Flood::of(FLOOD.quiet_orgs, directory.path()).await);
    let capacity = flood.capacity(FLOOD.calibration).await;
    let total = capacity * LOAD_PERCENT / 100.0;
    let quiet = f64::from(FLOOD.quiet_orgs);
    let one = total / (quiet + f64::from(TIMES_BUSIER));
    let (quiet, busy) = (one * quiet, one * f64::from(TIMES_BUSIER));
    let quiet_lanes = || Lane::many(QUIET_LANES, false, quiet);

    let alone = flood.lanes(quiet_lanes(), FLOOD.alone).await;
    let busy_lanes = flood.lanes(Lane::many(BUSY_LANES, true, busy), FLOOD.flood);
    let both = async { tokio::join!(flood.lanes(quiet_lanes(), FLOOD.flood), busy_lanes) };
    let ((beside, busy_itself), memory) = watched(both).await;
    let stored = flood.check().await;
    let [early, late] = [1, 3].map(|quarter| memory.of_quarter(quarter));
    let [p99_alone, p99_beside] = [&alone, &beside].map(|latencies| latencies.percentile_ms(99));
    println!(
        "hostile::flood, {} quiet organizations and one {TIMES_BUSIER} times busier: closed loop {capacity:.0}/s; paced \
         {:.0}/s + {:.0}/s for {:.0} s, {} requests, 0 errors; quiet alone p50 {:.1} p99 {p99_alone:.1} ms, beside the busy one p50 \
         {:.1} p99 {p99_beside:.1} ms, the busy one p50 {:.1} p99 {:.1} ms; memory {early:.0} MB in the second quarter, {late:.0} MB in \
         the last; {stored} writes acknowledged, lost 0, doubled 0",
        FLOOD.quiet_orgs,
        quiet,
        busy,
        FLOOD.flood.as_secs_f64(),
        beside.count() + busy_itself.count(),
        alone.percentile_ms(50),
        beside.percentile_ms(50),
        busy_itself.percentile_ms(50),
        busy_itself.percentile_ms(99),
    );
    if FLOOD.is_judged {
        assert!(late <= early * MEMORY_FACTOR + MEMORY_ALLOWANCE_MB, "memory grows: {early:.0} MB, then {late:.0} MB");
        assert!(
            p99_beside <= p99_alone * LATENCY_FACTOR,
            "{p99_beside:.1} ms beside the busy one, {p99_alone:.1} alone"
        );
    }
    Arc::into_inner(flood).unwrap().system.stop().await;
}
