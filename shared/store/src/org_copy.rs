//! An organization's rows, from one table into another.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sporlog_auth::TenantScope;
use sporlog_model::{Day, OrgId};

use crate::copy_behind::Behind;
use crate::export_state::TABLE_ID;
use crate::keys::{self, Key};
use crate::query::BATCH_GET_KEYS;
use crate::row::Row;
use crate::table::{Change, text};
use crate::{Store, StoreError, TableId};

/// Rows that are put at the same time.
const PUTS_AT_ONCE: usize = 16;

/// Of the rows that differ, so many are named.
const MOST_NAMED: usize = 1_000;

/// What is done with rows that are absent in the other table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// They are counted.
    Compare,
    /// They are put there, unless an export that goes on there would leave some of them out.
    Write,
    /// The same, and those that it would leave out were exported before they were lost.
    WriteExported,
}

/// What one pass over an organization's rows found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// The organization's rows in the table they come from.
    pub rows: u64,
    /// Of these, such as were in the other table already, byte for byte.
    pub same: u64,
    /// Such as were not; after a pass that writes, they are.
    pub absent: u64,
    /// Such as are there with another content, which is left alone.
    pub different: u64,
    /// Their keys, up to a thousand of them.
    pub different_keys: Vec<String>,
    /// Of those that were absent, events that the other table's export has passed already, and so would never export.
    pub passed: u64,
    /// The first key of these that was met.
    pub first_passed: Option<String>,
}

/// Why rows were not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("both are the same table")]
    SameTable,
    #[error("a run of the organization's export is under way; switch the export off and wait for its end")]
    Running,
    #[error(
        "nothing was written: the export of the other table has passed {count} of these events and would never export \
         them ({first}, …); if they were exported before they were lost, say --already-exported"
    )]
    Passed { count: u64, first: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Compares an organization's rows with those of another table and puts those that are absent there, if so asked. Nothing
    /// is written over, so it may be cut and repeated at any time; the counter of a day's audit ids, which all organizations
    /// of a table share, is only ever raised.
    ///
    /// Reads all of this table, in `segments` (1 to 64) parts at the same time: what belongs to an organization is in
    /// partitions that no index lists. Rows whose `ttl` has passed stay behind.
    ///
    /// The export's state goes along and says which table it is from: no run goes by it there before
    /// [`Store::resume_export`].
    pub async fn copy_org(
        &self,
        scope: &TenantScope,
        to: &Self,
        segments: u16,
        copying: Copying,
    ) -> Result<CopyReport, CopyError> {
        let here = self.table_id().await?;
        if here == to.table_id().await? {
            return Err(CopyError::SameTable);
        }
        if self.standing_export(scope).await?.is_some_and(|export| export.running) {
            return Err(CopyError::Running);
        }
        let behind = to.standing_export(scope).await?.as_ref().and_then(Behind::of);
        let pass = |write| self.copy_pass(scope.org(), &here, to, segments.clamp(1, 64), (write, behind));
        if copying == Copying::Write && behind.is_some() {
            let CopyReport { passed, first_passed, .. } = pass(false).await?;
            if let Some(first) = first_passed {
                return Err(CopyError::Passed { count: passed, first });
            }
        }
        Ok(pass(copying != Copying::Compare).await?)
    }

    /// One pass over the organization's rows.
    async fn copy_pass(
        &self,
        org: &OrgId,
        here: &TableId,
        to: &Self,
        segments: u16,
        (write, behind): (bool, Option<Behind>),
    ) -> Result<CopyReport, StoreError> {
        let part = |segment| self.copy_segment(org, here, to, (segment, segments), (write, behind));
        let parts = (0..segments).map(part);
        let found: Vec<_> = stream::iter(parts).buffer_unordered(usize::from(segments)).try_collect().await?;
        let mut report = CopyReport::default();
        let mut counters = BTreeMap::new();
        for (part, of_part) in found {
            report.add(part);
            for (day, number) in of_part {
                let highest = counters.entry(day).or_insert(number);
                *highest = number.max(*highest);
            }
        }
        if write {
            for (day, number) in counters {
                to.raise_audit_counter(day, number).await?;
            }
        }
        report.different_keys.sort();
        Ok(report)
    }

    /// Says in the organization's export state that it goes on in another table, so that no run exports from this one any more;
    /// once everything is there. [`CopyError::Running`] when a run is under way.
    pub async fn hand_over_export(&self, scope: &TenantScope, to: &Self) -> Result<(), CopyError> {
        let there = to.table_id().await?;
        if self.table_id().await? == there {
            return Err(CopyError::SameTable);
        }
        let state = keys::export_state(scope.org());
        if self.get(state.clone()).await?.is_none() {
            return Ok(());
        }
        let elsewhere = Change::new(format!("SET {TABLE_ID} = :table"))
            .only_if("attribute_exists(pk) AND (attribute_not_exists(lease_until) OR lease_until < :now)")
            .text(":table", there.as_str())
            .text(":now", self.clock.now().to_string());
        // A transaction, of one item, for its request token: a repeat that is late must not undo what was done since.
        match self.transact(vec![self.update(state, elsewhere)]).await {
            Err(StoreError::Conflict) => Err(CopyError::Running),
            done => Ok(done?),
        }
    }

    /// One part of the table: what was found, and the highest number of an audit id of each day.
    async fn copy_segment(
        &self,
        org: &OrgId,
        here: &TableId,
        to: &Self,
        (segment, segments): (u16, u16),
        (write, behind): (bool, Option<Behind>),
    ) -> Result<(CopyReport, BTreeMap<Day, u64>), StoreError> {
        let scan = self.rows_of(org).segment(segment.into()).total_segments(segments.into());
        let (mut report, mut counters) = (CopyReport::default(), BTreeMap::new());
        let mut start = None;
        loop {
            let page = scan.clone().set_exclusive_start_key(start).send().await?;
            let now = self.clock.now().epoch_seconds();
            let rows = page.items.unwrap_or_default().into_iter().map(Row).filter(|row| !has_expired(row, now));
            let rows: Vec<(Key, Row)> = rows.map(|row| keyed(org, here, row)).collect::<Result<_, _>>()?;
            for (key, _) in &rows {
                if let Some(id) = keys::parse_audit_id(&key.pk) {
                    let highest = counters.entry(id.day()).or_insert(0);
                    *highest = id.number().max(*highest);
                }
            }
            for rows in rows.chunks(BATCH_GET_KEYS) {
                report.add(to.take_in(org, rows, write, behind).await?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok((report, counters));
            }
        }
    }

    /// Everything that is the organization's, in its own partitions and outside.
    fn rows_of(&self, org: &OrgId) -> ScanFluentBuilder {
        let (own, within) = keys::org_partitions(org);
        let filter = "pk = :own OR begins_with(pk, :within) OR \
                      (#org = :org AND (begins_with(pk, :keys) OR begins_with(pk, :audits)))";
        self.client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression(filter)
            .expression_attribute_names("#org", "org")
            .expression_attribute_values(":own", text(own))
            .expression_attribute_values(":within", text(within))
            .expression_attribute_values(":org", text(org.as_str()))
            .expression_attribute_values(":keys", text(keys::API_KEY_PREFIX))
            .expression_attribute_values(":audits", text(keys::AUDIT_ID_PREFIX))
    }

    async fn take_in(
        &self,
        org: &OrgId,
        rows: &[(Key, Row)],
        write: bool,
        behind: Option<Behind>,
    ) -> Result<CopyReport, StoreError> {
        let there = self.batch_get(rows.iter().map(|(key, _)| key.clone())).await?;
        let mut report = CopyReport { rows: rows.len() as u64, ..CopyReport::default() };
        let mut absent = Vec::new();
        for (key, row) in rows {
            match there.get(key) {
                None => {
                    if behind.is_some_and(|behind| behind.has_passed(org, key)) {
                        report.passed += 1;
                        report.first_passed.get_or_insert_with(|| format!("{} {}", key.pk, key.sk));
                    }
                    absent.push(row);
                }
                Some(known) if known.0 == row.0 => report.same += 1,
                Some(_) => report.name_different(format!("{} {}", key.pk, key.sk)),
            }
        }
        report.absent = absent.len() as u64;
        if write {
            let puts = absent.into_iter().map(|row| self.put_if_absent(row.clone()));
            stream::iter(puts).buffer_unordered(PUTS_AT_ONCE).try_collect::<()>().await?;
        }
        Ok(report)
    }

    /// What somebody else put in this moment stays; the comparison at the end finds it.
    async fn put_if_absent(&self, row: Row) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row.0));
        match put.condition_expression("attribute_not_exists(pk)").send().await.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next audit id of `day` must be none of those that came along.
    async fn raise_audit_counter(&self, day: Day, number: u64) -> Result<(), StoreError> {
        let raise = Change::new("SET last_number = :number")
            .only_if("attribute_not_exists(last_number) OR last_number < :number")
            .number(":number", number);
        match self.write(keys::audit_counter(day), raise).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl CopyReport {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.same += other.same;
        self.absent += other.absent;
        self.different += other.different;
        self.passed += other.passed;
        self.first_passed = self.first_passed.take().or(other.first_passed);
        let room = MOST_NAMED.saturating_sub(self.different_keys.len());
        self.different_keys.extend(other.different_keys.into_iter().take(room));
    }

    fn name_different(&mut self, key: String) {
        self.different += 1;
        if self.different_keys.len() < MOST_NAMED {
            self.different_keys.push(key);
        }
    }
}

/// A row with its key, as it is to be in another table.
fn keyed(org: &OrgId, here: &TableId, row: Row) -> Result<(Key, Row), StoreError> {
    let key = row.key()?;
    // Also when it does not say so yet, or was itself restored from elsewhere.
    let row = if key == keys::export_state(org) { row.with_text(TABLE_ID, here.as_str()) } else { row };
    Ok((key, row))
}

/// DynamoDB deletes such a row sooner or later; whoever reads it knows that it counts no more.
fn has_expired(row: &Row, now_seconds: i64) -> bool {
    let ttl = row.0.get("ttl").and_then(|value| AttributeValue::as_n(value).ok());
    ttl.and_then(|seconds| seconds.parse::<i64>().ok()).is_some_and(|ttl| ttl <= now_seconds)
}
