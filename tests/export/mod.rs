//! The export, exactly once: through a working bucket, a failing one, crashes at every step, and rivals.

mod age;
mod backfill;
pub(crate) mod bucket;
mod destinations;
mod dispatch;
mod lease;
mod log;
mod metrics;
mod plan_by_hand;
mod read_ahead;
pub(crate) mod recovery;
mod segments;
mod signing;
mod silence;
mod switched_off;
mod windows;
mod writers;

use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use sporlog_auth::TenantScope;
use sporlog_local::s3::{Deny, RoleDefinition};
use sporlog_model::{EntityType, Instant};
use sporlog_store::{ExportConfig, ExportState, Run, RunTrigger, Store};
use uuid::Uuid;

use crate::harness::{Faults, FolioEvent, ManualClock, System, org, scope_of, store_of};

/// Longer than a lease lasts.
pub(crate) const LEASE_OVER: Duration = Duration::from_secs(331);

/// When the tests with a clock of their own begin.
pub(crate) const MORNING: &str = "2026-03-01T08:00:00Z";

/// The export of one organization as its function runs it, with a clock of the test's own.
pub(crate) struct Exporter {
    org: String,
    pub(crate) store: Store,
    pub(crate) scope: TenantScope,
    clock: ManualClock,
    run: ExportRun,
}

/// One organization with an export that works, and faults between its function and AWS.
struct Scene {
    system: System,
    clock: ManualClock,
    bucket: String,
    faults: Faults,
    exporter: Exporter,
}

impl Scene {
    async fn set() -> Self {
        let system = System::start().await;
        let clock = ManualClock::at(MORNING);
        let bucket = system.enable_export("diku").await;
        let faults = Faults::before(&system.stack).await;
        let exporter = Exporter::behind(&system, "diku", &clock, &faults);
        Self { system, clock, bucket, faults, exporter }
    }
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
        Self::in_table(system, org, clock, "Table", own)
    }

    /// The same in another table.
    pub(crate) fn in_table(system: &System, org: &str, clock: &ManualClock, table: &str, own: &[(&str, &str)]) -> Self {
        let own: Vec<_> =
            [("SETTLE_SECONDS", "60"), ("TABLE_NAME", table)].into_iter().chain(own.iter().copied()).collect();
        // The function's policies are about this stack's table; another one stands for a stack with policies of its own.
        let environment =
            if table == "Table" { system.environment_of("ExportRunFunction", &own) } else { system.environment(&own) };
        Self {
            org: org.to_owned(),
            store: store_of(&system.environment(&[]), table, clock.clock()),
            scope: scope_of(org),
            clock: clock.clone(),
            run: ExportRun::from_environment(&environment, clock.clock()).unwrap(),
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

    pub(crate) async fn state(&self) -> ExportState {
        self.store.export_state(&self.scope).await.unwrap().unwrap()
    }

    /// The runs, newest first.
    pub(crate) async fn runs(&self) -> Vec<Run> {
        self.store.runs(&self.scope, None, 100).await.unwrap()
    }

    async fn set_enabled(&self, enabled: bool) {
        let config = self.store.export_config(&self.scope).await.unwrap().unwrap();
        let config = ExportConfig { enabled, updated_at: self.clock.now(), ..config };
        self.store.put_export_config(&self.scope, &config).await.unwrap();
    }

    /// Changes what the organization's role refuses.
    async fn deny(&self, system: &System, deny: Option<Deny>) {
        let destination = self.store.export_config(&self.scope).await.unwrap().unwrap().destination;
        let role = RoleDefinition {
            name: destination.role_arn.as_str().rsplit('/').next().unwrap().to_owned(),
            bucket: destination.bucket.as_str().to_owned(),
            external_id: Some(destination.external_id.as_str().to_owned()),
            deny,
        };
        system.stack.storage.define_role(&role).unwrap();
    }

    async fn fails(&self, code: &str) {
        let outcome = self.run().await;
        assert!(matches!(outcome, RunOutcome::Failed { error_code, .. } if error_code == code), "{outcome:?}");
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
