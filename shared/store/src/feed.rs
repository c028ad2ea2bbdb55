use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sporlog_auth::TenantScope;
use sporlog_model::{Day, Instant, OrgId, RecordedEvent};

use crate::event_item::parse_feed_row;
use crate::keys::{self, FEED_SHARDS};
use crate::kyc::CaseBatch;
use crate::row::Row;
use crate::{Store, StoreError};

/// Entries of each shard that are read at a time. DynamoDB stops at 1 MB by itself, which bounds the memory.
const PAGE_ROWS: i32 = 500;

/// Entries of cases that are read ahead, with as many queries at a time. Bounds the memory, and saves an export of many small
/// appends from waiting for each.
const READ_AHEAD_ENTRIES: usize = 100;
const READ_AHEAD_QUERIES: usize = 16;

/// An organization's events of one day in the order in which the log took them, from one instant up to, not including,
/// another: the day's shards, merged, a page of each in memory.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    org: OrgId,
    from: Instant,
    to: Instant,
    shards: Vec<Shard>,
    /// What is left of the append that was met last.
    batch: VecDeque<RecordedEvent>,
}

#[derive(Debug)]
struct Shard {
    partition: String,
    rows: VecDeque<Row>,
    /// What the next of `rows` that stand for an append to the log of a case stand for.
    batches: VecDeque<Vec<RecordedEvent>>,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Pages are left; the key to read on from, none before the first.
    At(Option<HashMap<String, AttributeValue>>),
    ReadAll,
}

impl Shard {
    /// The key of the next row.
    fn front(&self) -> Option<&str> {
        self.rows.front().and_then(|row| row.optional_text("sk"))
    }
}

impl Store {
    /// The days of which the feed has entries, from `from`'s day to `to`'s, in order.
    pub async fn feed_days(&self, scope: &TenantScope, from: Instant, to: Instant) -> Result<Vec<Day>, StoreError> {
        let partition = keys::feed_days_partition(scope.org());
        let request = self.between(&partition, keys::feed_day_sk(from.day()), keys::feed_day_sk(to.day()));
        let rows = self.slice(request, 0, u64::MAX).await?;
        rows.iter().map(|row| row.parse("sk", keys::parse_feed_day)).collect()
    }

    /// The events of `day` recorded from `from` up to, not including, `to`. Both may lie outside the day.
    pub fn feed(&self, scope: &TenantScope, day: Day, from: Instant, to: Instant) -> Feed {
        let shard = |number| Shard {
            partition: keys::feed_partition(scope.org(), day, number),
            rows: VecDeque::new(),
            batches: VecDeque::new(),
            progress: Progress::At(None),
        };
        let shards = (0..FEED_SHARDS).map(shard).collect();
        Feed { store: self.clone(), org: scope.org().clone(), from, to, shards, batch: VecDeque::new() }
    }

    /// The next page of one shard. Strongly consistent: an index would be late, and the export must not be.
    async fn feed_page(&self, shard: &Shard, from: Instant, to: Instant) -> Result<(Vec<Row>, Progress), StoreError> {
        let Progress::At(start) = &shard.progress else {
            return Ok((Vec::new(), Progress::ReadAll));
        };
        // A key is its instant and more, so the bare instants stand just before the first entry that is in, and just before
        // the first that is not.
        let request = self.between(&shard.partition, from.to_string(), to.to_string());
        let request = request.set_exclusive_start_key(start.clone()).limit(PAGE_ROWS);
        let page = request.send().await?;
        let rows = page.items.unwrap_or_default().into_iter().map(Row).collect();
        let progress = page.last_evaluated_key.map_or(Progress::ReadAll, |key| Progress::At(Some(key)));
        Ok((rows, progress))
    }

    /// The entries of the first of these rows that stand for appends to the logs of cases; at least of one, if there is any.
    async fn read_ahead(&self, org: &OrgId, rows: &VecDeque<Row>) -> Result<VecDeque<Vec<RecordedEvent>>, StoreError> {
        let (mut batches, mut entries) = (Vec::new(), 0);
        for row in rows {
            let Some(batch) = CaseBatch::of(row)? else { continue };
            entries += batch.len();
            if entries > READ_AHEAD_ENTRIES && !batches.is_empty() {
                break;
            }
            batches.push(batch);
        }
        let reads = batches.into_iter().map(|batch| async move { self.case_batch(org, &batch).await });
        stream::iter(reads).buffered(READ_AHEAD_QUERIES).try_collect().await
    }
}

impl Feed {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RecordedEvent>, StoreError> {
        while self.batch.is_empty() {
            self.fill().await?;
            let waiting = self.shards.iter_mut().filter(|shard| !shard.rows.is_empty());
            let Some(shard) = waiting.min_by(|a, b| a.front().cmp(&b.front())) else { return Ok(None) };
            let Some(row) = shard.rows.front() else { return Ok(None) };
            if CaseBatch::of(row)?.is_none() {
                let stored = parse_feed_row(row)?;
                shard.rows.pop_front();
                let event = &stored.recorded.event;
                let partition = keys::entity_partition(&self.org, event.entity_type, &event.entity_id);
                return self.store.complete(&partition, stored).await.map(Some);
            }
            if shard.batches.is_empty() {
                shard.batches = self.store.read_ahead(&self.org, &shard.rows).await?;
            }
            shard.rows.pop_front();
            // Empty when retention has deleted all of it.
            self.batch = shard.batches.pop_front().unwrap_or_default().into();
        }
        Ok(self.batch.pop_front())
    }

    /// Reads a page of every shard that has run out, all at once. Only then is the smallest of the front rows the next.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let needs_page = |shard: &Shard| shard.rows.is_empty() && matches!(shard.progress, Progress::At(_));
        // A page may be empty and still not be the last.
        while self.shards.iter().any(needs_page) {
            let (store, from, to) = (&self.store, self.from, self.to);
            let pages =
                try_join_all(self.shards.iter_mut().filter(|shard| needs_page(shard)).map(|shard| async move {
                    let (rows, progress) = store.feed_page(shard, from, to).await?;
                    shard.rows.extend(rows);
                    shard.progress = progress;
                    Ok::<_, StoreError>(())
                }));
            pages.await?;
        }
        Ok(())
    }
}
