use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use sporlog_model::{EntityType, RetentionGroup};
use sporlog_store::{RunTrigger, SweepOutcome, SwitchedOff};

use super::{Keeper, NOW};
use crate::harness::{Fault, Faults, FolioEvent, ManualClock, System, org};

const EVENTS: usize = 5;

/// An organization that keeps its events for ten days and has five older ones.
async fn keeper(system: &System, org: &str, faults: Option<&Faults>) -> Keeper {
    let endpoints = faults.map(Faults::endpoints).unwrap_or_default();
    let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let keeper = Keeper::through(&system.environment(&endpoints), org, &ManualClock::at(NOW));
    keeper.keep(RetentionGroup::Acquisition, 10).await;
    for n in 0..EVENTS {
        let order = FolioEvent::of(EntityType::Order, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9");
        keeper.record(&FolioEvent { action_date: format!("2026-11-0{}T10:00:00Z", n + 1), ..order }).await;
    }
    keeper
}

/// How many of the events, not of what else is in the log, are in a bucket.
fn exported(system: &System, bucket: &str) -> usize {
    system.exported_lines(bucket).iter().filter(|line| line["source"] == "acquisition").count()
}

impl Keeper {
    fn exporter(&self, system: &System, faults: Option<&Faults>) -> ExportRun {
        let endpoints = faults.map(Faults::endpoints).unwrap_or_default();
        let own: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own: Vec<_> = [("SETTLE_SECONDS", "60")].into_iter().chain(own).collect();
        ExportRun::from_environment(&system.environment_of("ExportRunFunction", &own), self.clock.clock()).unwrap()
    }

    async fn run(&self, exporter: &ExportRun) -> RunOutcome {
        let request = RunRequest { org_id: org(&self.org), trigger: RunTrigger::Manual, run_id: None };
        Box::pin(exporter.handle(request, u64::MAX)).await.unwrap()
    }

    async fn switch_export(&self, enabled: bool) {
        self.configure_export(enabled, None).await;
    }

    async fn configure_export(&self, enabled: bool, switched_off: Option<SwitchedOff>) {
        let mut config = self.store.export_config(&self.scope).await.unwrap().unwrap();
        (config.enabled, config.switched_off) = (enabled, switched_off);
        config.updated_at = self.clock.now();
        self.store.put_export_config(&self.scope, &config).await.unwrap();
        self.clock.advance(Duration::from_secs(1));
    }

    async fn removes(&self, count: usize) {
        let swept = self.sweep(RetentionGroup::Acquisition).await;
        assert_eq!(swept, SweepOutcome::Finished { removed: count as u64 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_enabled_export_has_not_delivered_stays() {
    let system = System::start().await;
    let keeper = keeper(&system, "diku", None).await;
    let bucket = system.enable_export("diku").await;
    keeper.removes(0).await;
    let exporter = keeper.exporter(&system, None);
    assert!(matches!(keeper.run(&exporter).await, RunOutcome::Succeeded { .. }));
    keeper.removes(EVENTS).await;
    assert_eq!(exported(&system, &bucket), EVENTS);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_off_export_holds_up_only_what_it_has_planned() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let keeper = keeper(&system, "diku", None).await;
    let bucket = system.enable_export("diku").await;
    // A run ends between its plan and its first object, and then somebody switches the export off.
    faults.on("PutObject", [Fault::CutBefore]);
    let exporter = keeper.exporter(&system, Some(&faults));
    assert!(faults.cut(keeper.run(&exporter)).await.is_none());
    keeper.switch_export(false).await;
    keeper.removes(0).await;
    // Switched on again, it finishes what it planned.
    keeper.switch_export(true).await;
    keeper.clock.advance(Duration::from_secs(331));
    assert!(matches!(keeper.run(&keeper.exporter(&system, None)).await, RunOutcome::Succeeded { .. }));
    assert_eq!(exported(&system, &bucket), EVENTS);
    keeper.switch_export(false).await;
    keeper.removes(EVENTS).await;

    // Without a plan a switched-off export holds up nothing.
    let never = self::keeper(&system, "never", None).await;
    system.enable_export("never").await;
    never.switch_export(false).await;
    never.removes(EVENTS).await;
    system.stop().await;
}

/// It is to go on when its destination is mended, and then nothing may be missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_sporlog_switched_off_still_gets_everything() {
    let system = System::start().await;
    let keeper = keeper(&system, "diku", None).await;
    let bucket = system.enable_export("diku").await;
    let off = SwitchedOff { code: "assume_role_denied".to_owned(), at: keeper.clock.now() };
    keeper.configure_export(false, Some(off)).await;
    keeper.removes(0).await;
    keeper.switch_export(true).await;
    assert!(matches!(keeper.run(&keeper.exporter(&system, None)).await, RunOutcome::Succeeded { .. }));
    assert_eq!(exported(&system, &bucket), EVENTS);
    keeper.removes(EVENTS).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_switched_on_during_a_sweep_loses_nothing() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let keeper = keeper(&system, "diku", Some(&faults)).await;
    let bucket = system.enable_export("diku").await;
    keeper.switch_export(false).await;
    // The sweep has decided what to delete, and its transaction is on the way.
    faults.on("TransactWriteItems", [Fault::Pass, Fault::Hold]);
    let meanwhile = async {
        let cut = Faults::before(&system.stack).await;
        cut.on("PutObject", [Fault::CutBefore]);
        let rival = Keeper::through(&system.environment(&[]), "diku", &keeper.clock);
        rival.switch_export(true).await;
        let exporter = rival.exporter(&system, Some(&cut));
        assert!(cut.cut(rival.run(&exporter)).await.is_none());
    };
    let (swept, held) = faults.hold(keeper.sweep(RetentionGroup::Acquisition), meanwhile).await;
    assert!(held);
    assert_eq!(swept, SweepOutcome::Finished { removed: 0 });
    keeper.clock.advance(Duration::from_secs(331));
    assert!(matches!(keeper.run(&keeper.exporter(&system, None)).await, RunOutcome::Succeeded { .. }));
    assert_eq!(exported(&system, &bucket), EVENTS);
    keeper.removes(EVENTS).await;
    system.stop().await;
}
