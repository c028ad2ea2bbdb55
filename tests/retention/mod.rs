//! What a retention period deletes and what it leaves, whatever cuts it.

mod acquisition;
mod export;
mod function;
mod kyc;
mod period;

use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_boot::Environment;
use sporlog_model::settings::{RETENTION_PERIOD, SettingDefinition, SettingValue};
use sporlog_model::{Actor, EntityId, EntityType, Instant, RecordedEvent, RetentionGroup};
use sporlog_store::{DescriptionChange, HistoryQuery, SettingChange, SortField, SortOrder, Store, SweepOutcome};

use crate::harness::{Faults, FolioEvent, ManualClock, System, scope_of, store};

/// When the sweeps are.
const NOW: &str = "2026-11-20T12:00:00Z";

/// An organization with a store whose clock the test sets.
struct Keeper {
    org: String,
    scope: TenantScope,
    clock: ManualClock,
    store: Store,
}

impl Keeper {
    fn of(system: &System, org: &str) -> Self {
        Self::through(&system.environment(&[]), org, &ManualClock::at(NOW))
    }

    /// Everything that its store asks for goes through `faults`.
    fn behind(system: &System, org: &str, clock: &ManualClock, faults: &Faults) -> Self {
        let endpoints = faults.endpoints();
        let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::through(&system.environment(&endpoints), org, clock)
    }

    fn through(environment: &Environment, org: &str, clock: &ManualClock) -> Self {
        let store = store(environment, clock.clock());
        Self { org: org.to_owned(), scope: scope_of(org), clock: clock.clone(), store }
    }

    /// Keeps events of a group for so many days.
    async fn keep(&self, group: RetentionGroup, days: i64) {
        let definition = SettingDefinition::find(group.settings(), RETENTION_PERIOD).unwrap();
        let change = SettingChange { value: SettingValue::Integer(days), description: DescriptionChange::Keep };
        self.store.put_setting(&self.scope, definition, &change, &Actor::default()).await.unwrap();
    }

    /// Records an event when it happens.
    async fn record(&self, event: &FolioEvent) {
        self.clock.set(&event.action_date);
        self.record_late(event).await;
        self.clock.set(NOW);
    }

    /// Records an event now, whenever it happened.
    async fn record_late(&self, event: &FolioEvent) {
        self.store.append(&self.scope, &event.event()).await.unwrap();
    }

    async fn sweep(&self, group: RetentionGroup) -> SweepOutcome {
        let deadline = self.clock.now().plus(Duration::from_mins(10));
        // Boxed, since it is large.
        Box::pin(self.store.sweep(&self.scope, group, deadline)).await.unwrap()
    }

    async fn history(&self, entity_type: EntityType, entity_id: &str, sort: SortField) -> Vec<RecordedEvent> {
        let query =
            HistoryQuery { sort, order: SortOrder::Ascending, offset: 0, limit: 100_000, max_body_bytes: usize::MAX };
        let id = EntityId::parse(entity_id).unwrap();
        let page = self.store.history(&self.scope, entity_type, &id, query).await.unwrap();
        assert_eq!(page.total, page.events.len() as u64, "the count is that of the rows");
        page.events
    }

    /// The feed, without what the test has set.
    async fn feed(&self) -> Vec<RecordedEvent> {
        let mut events = Vec::new();
        for day in self.store.feed_days(&self.scope, Instant::MIN, Instant::MAX).await.unwrap() {
            let mut feed = self.store.feed(&self.scope, day, Instant::MIN, Instant::MAX);
            while let Some(recorded) = feed.next().await.unwrap() {
                if recorded.event.entity_type != EntityType::Setting {
                    events.push(recorded);
                }
            }
        }
        events
    }

    /// What sweeps said they deleted, in all.
    async fn reported(&self) -> Vec<u64> {
        let feed = self.feed().await;
        let reports = feed.iter().filter(|recorded| recorded.event.entity_type == EntityType::Retention);
        let report = |recorded: &RecordedEvent| -> serde_json::Value {
            serde_json::from_str(recorded.event.data.as_ref().unwrap().as_str()).unwrap()
        };
        reports.map(|recorded| report(recorded)["deletedEvents"].as_u64().unwrap()).collect()
    }
}
