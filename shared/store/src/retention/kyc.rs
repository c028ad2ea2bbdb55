use std::collections::BTreeMap;
use std::fmt::Write;

use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_model::{CaseAction, EntityId, EntityType, Instant, RetentionGroup, aged_from};

use super::sweep::{Progress, Sweep};
use crate::StoreError;
use crate::keys::{self, LatePlace};
use crate::kyc::{CaseHead, removed_of};
use crate::query::page_size;
use crate::row::Row;
use crate::table::Change;

/// Entries deleted by one transaction: two rows each, of the 100 items that it takes.
const ENTRIES_AT_ONCE: u64 = 45;

/// Rows of appends that go or move at once.
const MAX_ITEMS: usize = 90;

/// A case from which everything is gone that may go.
struct SweptCase {
    /// The newest number that is gone.
    removed: u64,
    /// How old the first entry that stays is, if it stays because it is young.
    stays_from: Option<Instant>,
}

impl Sweep<'_> {
    /// Sweeps the cases that a page of the feed tells of, then deletes the feed's entries of which nothing is left. Answers
    /// whether something stays there; `None` when time is up.
    pub(super) async fn sweep_kyc_feed(&mut self, rows: &[Row]) -> Result<Option<bool>, StoreError> {
        let (mut appends, mut stays) = (Vec::new(), false);
        for row in rows {
            let place = row.parse("sk", keys::parse_feed)?;
            if RetentionGroup::of(place.entity_type) == Some(RetentionGroup::Kyc) {
                appends.push(row);
            } else {
                stays = true;
            }
        }
        Ok(self.sweep_appends(appends).await?.map(|left| left || stays))
    }

    /// The same for rows of appends that came late. One of which something stays moves to the age at which that can go, so that
    /// it is not read every night until then.
    pub(super) async fn sweep_kyc_late(&mut self, rows: &[Row]) -> Result<Progress, StoreError> {
        let swept = self.sweep_appends(rows.iter().collect()).await?;
        Ok(if swept.is_some() { Progress::Done } else { Progress::OutOfTime })
    }

    /// Sweeps the cases of these appends, each row of which names its case and the last number it gave there.
    async fn sweep_appends(&mut self, rows: Vec<&Row>) -> Result<Option<bool>, StoreError> {
        let mut cases: BTreeMap<EntityId, SweptCase> = BTreeMap::new();
        let (mut items, mut left) = (Vec::new(), false);
        for row in rows {
            let case: EntityId = row.parse("entity_id", |text| EntityId::parse(text).ok())?;
            if !cases.contains_key(&case) {
                let Some(swept) = self.sweep_case(&case).await? else { return Ok(None) };
                cases.insert(case.clone(), swept);
            }
            let swept = &cases[&case];
            let key = row.key()?;
            if swept.removed >= row.count("last")? {
                items.push(self.store.discard(key));
                continue;
            }
            left = true;
            if let (Some(late), Some(stays_from)) = (keys::parse_late_key(&key), swept.stays_from) {
                let later = LatePlace { occurred_at: stays_from, ..late };
                let moved = keys::late(self.scope.org(), self.group, &case, &later);
                if moved.sk > key.sk {
                    items.push(self.store.replace(row.clone().moved_to(moved)));
                    items.push(self.store.discard(key));
                }
            }
        }
        for items in items.chunks(MAX_ITEMS) {
            // They name what is gone and count nothing, so it does not matter when they go.
            self.delete(0, items.to_vec()).await?;
        }
        Ok(Some(left))
    }

    /// Deletes the oldest entries of a case, up to the first that stays: numbers are contiguous, so that a page is a range. An
    /// entry that is old but stands behind a younger one waits for that; at the latest, until its own recording is as old.
    /// `None` when time is up.
    async fn sweep_case(&mut self, case: &EntityId) -> Result<Option<SweptCase>, StoreError> {
        let partition = keys::entity_partition(self.scope.org(), EntityType::KycCase, case);
        loop {
            if self.out_of_time() {
                return Ok(None);
            }
            let key = keys::head(&partition);
            let head = self.store.case_head(&partition).await?.ok_or_else(|| key.missing())?;
            let from = head.removed() + 1;
            let request = self.store.between(
                &partition,
                keys::case_entry(&partition, from).sk,
                keys::case_entry(&partition, head.last().max(from)).sk,
            );
            let request = request.scan_index_forward(true).limit(page_size(ENTRIES_AT_ONCE));
            let rows: Vec<Row> = request.send().await?.items.unwrap_or_default().into_iter().map(Row).collect();
            let (mut aged, mut stays_from) = (Vec::new(), None);
            for row in &rows {
                let instant = |name| row.parse(name, |text| Instant::parse(text).ok());
                let (occurred_at, recorded_at) = (instant("occurred_at")?, instant("recorded_at")?);
                let age = aged_from(occurred_at, recorded_at);
                if age >= self.cutoff || !self.floor.allows(recorded_at) {
                    stays_from = Some(age).filter(|age| *age >= self.cutoff);
                    break;
                }
                let action = row.parse("action", CaseAction::parse)?;
                aged.push((row.parse("sk", keys::parse_case_entry)?, action, row.count("action_number")?));
            }
            let Some((newest, _, _)) = aged.last() else {
                return Ok(Some(SweptCase { removed: head.removed(), stays_from }));
            };
            let (newest, count) = (*newest, aged.len());
            self.delete(count, self.case_deletions(&partition, &head, &aged, newest)).await?;
        }
    }

    fn case_deletions(
        &self,
        partition: &str,
        head: &CaseHead,
        aged: &[(u64, CaseAction, u64)],
        newest: u64,
    ) -> Vec<TransactWriteItem> {
        let mut of_actions: BTreeMap<&CaseAction, u64> = BTreeMap::new();
        for (_, action, number) in aged {
            of_actions.insert(action, *number);
        }
        let mut set = "SET removed = :newest".to_owned();
        for n in 0..of_actions.len() {
            // Writing to a string cannot fail.
            let _ = write!(set, ", #a{n} = :a{n}");
        }
        let known = if head.removed() == 0 { "attribute_not_exists(removed)" } else { "removed = :before" };
        let mut change = Change::new(set).only_if(known).number(":newest", newest);
        if head.removed() > 0 {
            change = change.number(":before", head.removed());
        }
        for (n, (action, number)) in of_actions.into_iter().enumerate() {
            change = change.name(&format!("#a{n}"), removed_of(action)).number(&format!(":a{n}"), number);
        }
        let mut items = vec![self.store.update(keys::head(partition), change)];
        for (number, action, of_action) in aged {
            items.push(self.store.remove(keys::case_entry(partition, *number)));
            items.push(self.store.discard(keys::case_action_entry(partition, action, *of_action)));
        }
        items
    }
}
