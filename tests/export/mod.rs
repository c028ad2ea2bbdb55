//! The export, exactly once: through a working bucket, a failing one, crashes at every step, and rivals.

mod backfill;
pub(crate) mod bucket;
mod destinations;
mod dispatch;
mod lease;
mod log;
mod recovery;
mod segments;
mod signing;
mod silence;
mod switched_off;
mod windows;
mod writers;

use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use sporlog_auth::TenantScope;
use sporlog_model::{EntityType, Instant};
use sporlog_store::{ExportState, Run, RunTrigger, Store};
use uuid::Uuid;

use crate::harness::{Faults, FolioEvent, ManualClock, System, org, scope_of, store};

/// Longer than a lease lasts.
const LEASE_OVER: Duration = Duration::from_secs(331);

/// When the tests with a clock of their own begin.
const MORNING: &str = "2026-03-01T08:00:00Z";

/// The export of one organization as its function runs it, with a clock of the test's own.
pub(crate) struct Exporter {
    org: String,
    store: Store,
    scope: TenantScope,
    clock: ManualClock,
    run: ExportRun,
}

impl Exporter {
    fn of(system: &System, org: &str, clock: &ManualClock) -> Self {
        Self::with(system, org, clock, &[])
    }

    /// Everything that the function asks of AWS goes through `faults`; the store that the test itself uses does not.
    fn behind(system: &System, org: &str, clock: &ManualClock, faults: &Faults) -> Self {
        let endpoints = faults.endpoints();
        let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::with(system, org, clock, &endpoints)
    }

    pub(crate) fn with(system: &System, org: &str, clock: &ManualClock, own: &[(&str, &str)]) -> Self {
        let own: Vec<_> = [("SETTLE_SECONDS", "60")].into_iter().chain(own.iter().copied()).collect();
        Self {
            org: org.to_owned(),
            store: store(&system.environment(&[]), clock.clock()),
            scope: scope_of(org),
            clock: clock.clone(),
            run: ExportRun::from_environment(&system.environment_of("ExportRunFunction", &own), clock.clock()).unwrap(),
        }
    }

    /// Records events of different entities, a second apart; answers their ids. They have settled afterwards.
    pub(crate) async fn record(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string());
            self.store.append(&self.scope, &event.event()).await.unwrap();
            self.clock.advance(Duration::from_secs(1));
            ids.push(event.id);
        }
        self.clock.advance(Duration::from_mins(1));
        ids
    }

    /// One run, with all the time it needs.
    pub(crate) async fn run(&self) -> RunOutcome {
        self.run_until(u64::MAX).await
    }

    async fn run_until(&self, deadline_ms: u64) -> RunOutcome {
        let request = RunRequest { org_id: org(&self.org), trigger: RunTrigger::Schedule, run_id: None };
        // Boxed, since it is large.
        Box::pin(self.run.handle(request, deadline_ms)).await.unwrap()
    }

    /// One run that exports this many events.
    pub(crate) async fn exports(&self, count: u64) {
        match self.run().await {
            RunOutcome::Succeeded { event_count, .. } => assert_eq!(event_count, count),
            other => panic!("{other:?}"),
        }
    }

    async fn state(&self) -> ExportState {
        self.store.export_state(&self.scope).await.unwrap().unwrap()
    }

    /// The runs, newest first.
    async fn runs(&self) -> Vec<Run> {
        self.store.runs(&self.scope, None, 100).await.unwrap()
    }

    /// Whether the due index has the organization at `now`.
    async fn is_due(&self, now: Instant) -> bool {
        let mut due = Vec::new();
        for shard in Store::due_shards() {
            due.extend(self.store.due_exports(shard, now).await.unwrap());
        }
        due.iter().any(|due| due.org.as_str() == self.org)
    }
}
