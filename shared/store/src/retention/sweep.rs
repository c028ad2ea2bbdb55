use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use serde_json::json;
use sporlog_auth::TenantScope;
use sporlog_model::{Actor, EntityId, EntityType, Instant, RetentionDays, RetentionGroup, RunId};

use super::due::next_night;
use super::floor::Floor;
use crate::keys;
use crate::org::own_event;
use crate::row::Row;
use crate::table::Change;
use crate::{Store, StoreError};

/// Longer than an invocation may take, so that a sweep which is alive is never taken for dead.
pub(super) const LEASE: Duration = Duration::from_mins(16);

/// A sweep that the export held up looks again this soon.
const HELD_UP: Duration = Duration::from_hours(1);

/// How often in a row a transaction may be refused before that is an error and not bad luck.
const MAX_CONFLICTS: u32 = 5;

/// What came of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepOutcome {
    /// The group keeps its events for ever.
    NoPeriod,
    /// Another sweep is at it.
    Busy,
    /// Everything that may go is gone; so many events in all, with those that sweeps before this one deleted and were cut.
    Finished { removed: u64 },
    /// Time is up. The sweep stays due and the next one goes on here.
    Unfinished,
}

/// What came of one look at the period.
enum Swept {
    As(SweepOutcome),
    /// So many events are gone by the period that was; there is another one now.
    PeriodChanged {
        removed: u64,
    },
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    OutOfTime,
}

/// One sweep: the period, how far it may go, and the right to do it.
pub(super) struct Sweep<'a> {
    pub(super) store: &'a Store,
    pub(super) scope: &'a TenantScope,
    pub(super) group: RetentionGroup,
    /// Older than this goes.
    pub(super) cutoff: Instant,
    pub(super) floor: Floor,
    pub(super) lease: String,
    days: RetentionDays,
    deadline: Instant,
    /// Up to here the feed holds nothing of this group that may go.
    pub(super) swept_to: Instant,
    /// When the sweep was due, as the index has it.
    due: Option<String>,
    conflicts: u32,
}

impl Store {
    /// Deletes the events of `group` that are older than its period, until none is left or `deadline` has come; records what
    /// it did as an event of the organization. Safe to repeat and to cut at any point.
    pub async fn sweep(
        &self,
        scope: &TenantScope,
        group: RetentionGroup,
        deadline: Instant,
    ) -> Result<SweepOutcome, StoreError> {
        let mut removed = 0;
        loop {
            match self.sweep_once(scope, group, deadline).await? {
                Swept::As(SweepOutcome::Finished { removed: last }) => {
                    return Ok(SweepOutcome::Finished { removed: removed + last });
                }
                Swept::As(outcome) => return Ok(outcome),
                // Whoever changed the period met this sweep's lease and left the rest to it.
                Swept::PeriodChanged { removed: before } => removed += before,
            }
        }
    }

    async fn sweep_once(
        &self,
        scope: &TenantScope,
        group: RetentionGroup,
        deadline: Instant,
    ) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        let lease = RunId::random().to_string();
        let take = Change::new("SET lease = :lease, lease_until = :until")
            .only_if("attribute_not_exists(lease_until) OR lease_until < :now")
            .text(":lease", &lease)
            .text(":until", now.plus(LEASE).to_string())
            .text(":now", now.to_string());
        // A transaction, of one item, for its request token: without one, a lost answer would make this sweep take itself for
        // another.
        match self.transact(vec![self.update(keys::retention(scope.org(), group), take)]).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Ok(Swept::As(SweepOutcome::Busy)),
            Err(error) => return Err(error),
        }
        let key = keys::retention(scope.org(), group);
        let state = self.get(key.clone()).await?.ok_or_else(|| key.missing())?;
        let Some(days) = self.retention_days(scope, group).await? else {
            // What a sweep deleted before the period was taken away is told all the same.
            let forget = Change::new("REMOVE lease, lease_until, removed, gsi1pk, gsi1sk").only_if("lease = :lease");
            let forget = self.update(key, forget.text(":lease", lease));
            return match self.tell(scope, group, state.count("removed")?, None, forget).await {
                Ok(()) | Err(StoreError::Conflict) => Ok(Swept::As(SweepOutcome::NoPeriod)),
                Err(error) => Err(error),
            };
        };
        let mut sweep = Sweep {
            store: self,
            scope,
            group,
            cutoff: days.cutoff(now),
            floor: self.floor(scope).await?,
            lease,
            days,
            deadline,
            swept_to: state.parse_optional("swept_to", |text| Instant::parse(text).ok())?.unwrap_or(Instant::MIN),
            due: state.optional_text("gsi1sk").map(str::to_owned),
            conflicts: 0,
        };
        sweep.run().await
    }
}

impl Sweep<'_> {
    async fn run(&mut self) -> Result<Swept, StoreError> {
        loop {
            match self.pass().await {
                Ok(Progress::Done) => return self.finish().await,
                Ok(Progress::OutOfTime) => {
                    self.release(None, None).await?;
                    return Ok(Swept::As(SweepOutcome::Unfinished));
                }
                // An answer was lost, the export was switched on, or another sweep took over after a long silence: what is
                // there now tells. A pass begins with what the one before left.
                Err(StoreError::Conflict) if self.conflicts < MAX_CONFLICTS => {
                    self.conflicts += 1;
                    if !self.holds_lease().await? {
                        return Ok(Swept::As(SweepOutcome::Busy));
                    }
                    self.floor = self.store.floor(self.scope).await?;
                }
                Err(error) => {
                    // What this sweep has looked through, the next one need not. If that cannot be said, it looks again.
                    let _ = self.release(None, None).await;
                    return Err(error);
                }
            }
        }
    }

    /// Sends one transaction of deletions, with the proof that this sweep may do it and the count of what it deletes.
    pub(super) async fn delete(&mut self, events: usize, items: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let count = Change::new("ADD removed :events").only_if("lease = :lease");
        let count = count.number(":events", events).text(":lease", &self.lease);
        let mut all = vec![self.store.update(keys::retention(self.scope.org(), self.group), count)];
        all.extend(self.store.floor_holds(self.scope, self.floor));
        all.extend(items);
        self.store.transact(all).await?;
        self.conflicts = 0;
        Ok(())
    }

    pub(super) fn out_of_time(&self) -> bool {
        self.store.clock.now() >= self.deadline
    }

    async fn state(&self) -> Result<Row, StoreError> {
        let key = keys::retention(self.scope.org(), self.group);
        self.store.get(key.clone()).await?.ok_or_else(|| key.missing())
    }

    async fn holds_lease(&self) -> Result<bool, StoreError> {
        Ok(self.state().await?.optional_text("lease") == Some(self.lease.as_str()))
    }

    /// Records what was deleted since the last record, in the transaction that forgets the count.
    async fn finish(&mut self) -> Result<Swept, StoreError> {
        let removed = self.state().await?.count("removed")?;
        let now = self.store.clock.now();
        let held_up = self.floor.cap(self.cutoff) < self.cutoff;
        let due_at = if held_up { now.plus(HELD_UP) } else { next_night(self.scope.org(), now) };
        match self.release(Some(removed), Some(due_at)).await {
            Ok(()) => Ok(Swept::As(SweepOutcome::Finished { removed })),
            // Due at another time than when this began, so the period was changed meanwhile.
            Err(StoreError::Conflict) => {
                self.release(Some(removed), None).await?;
                Ok(Swept::PeriodChanged { removed })
            }
            Err(error) => Err(error),
        }
    }

    /// Gives the lease back. With `removed`, that count is recorded; with `due_at`, the sweep is due again then.
    async fn release(&self, removed: Option<u64>, due_at: Option<Instant>) -> Result<(), StoreError> {
        let mut set = "SET swept_to = :swept_to".to_owned();
        let mut condition = "lease = :lease".to_owned();
        let mut change_values = Vec::new();
        if let Some(due_at) = due_at {
            let (partition, sort) = keys::retention_due(self.scope.org(), self.group, due_at);
            set.push_str(", gsi1pk = :due_pk, gsi1sk = :due_sk");
            change_values.extend([(":due_pk", partition), (":due_sk", sort)]);
            match &self.due {
                None => condition.push_str(" AND attribute_not_exists(gsi1sk)"),
                Some(due) => {
                    condition.push_str(" AND gsi1sk = :due");
                    change_values.push((":due", due.clone()));
                }
            }
        }
        let forget = if removed.is_some() { ", removed" } else { "" };
        let mut change = Change::new(format!("{set} REMOVE lease, lease_until{forget}"))
            .only_if(condition)
            .text(":lease", &self.lease)
            .text(":swept_to", self.swept_to.to_string());
        for (placeholder, value) in change_values {
            change = change.text(placeholder, value);
        }
        let update = self.store.update(keys::retention(self.scope.org(), self.group), change);
        let period = Some((self.days, self.cutoff));
        self.store.tell(self.scope, self.group, removed.unwrap_or(0), period, update).await
    }
}

impl Store {
    /// Sends `update`; if events were deleted, together with the event that says how many, and by which period as far as that
    /// is known.
    async fn tell(
        &self,
        scope: &TenantScope,
        group: RetentionGroup,
        removed: u64,
        period: Option<(RetentionDays, Instant)>,
        update: TransactWriteItem,
    ) -> Result<(), StoreError> {
        if removed == 0 {
            // A transaction, of one item, for its request token: who gives the lease back does not hold it any more.
            return self.transact(vec![update]).await;
        }
        let name = group.name();
        let entity_id = EntityId::parse(name).map_err(|error| StoreError::Refused(Box::new(error)))?;
        let by = Actor::sporlog();
        let report = json!({
            "group": name,
            "retentionPeriodDays": period.map(|(days, _)| days.get()),
            "olderThan": period.map(|(_, cutoff)| cutoff.to_string()),
            "deletedEvents": removed,
        });
        let event = own_event(EntityType::Retention, entity_id, self.clock.now(), "Delete", &by, None, report)?;
        self.append_with(scope, &event, vec![update]).await.map(|_| ())
    }
}
