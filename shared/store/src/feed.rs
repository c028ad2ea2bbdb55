use std::collections::VecDeque;
use std::panic::resume_unwind;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sporlog_auth::TenantScope;
use sporlog_model::{Day, Instant, OrgId, RecordedEvent};
use tokio::task::{JoinSet, yield_now};

use crate::event_item::parse_feed_row;
use crate::keys::{self, FEED_SHARDS};
use crate::kyc::CaseBatch;
use crate::query::StartKey;
use crate::row::Row;
use crate::{Store, StoreError};

/// Entries of each shard that are read at a time, while as many are worked on. DynamoDB stops at 1 MB by itself, which bounds the
/// memory. What was read and is not wanted any more when a segment is full was read in vain, so it is not more.
const PAGE_ROWS: i32 = 250;

/// Entries of cases that are read ahead, with as many queries at a time. Bounds the memory, and saves an export of many small
/// appends from waiting for each.
const READ_AHEAD_ENTRIES: usize = 100;
const READ_AHEAD_QUERIES: usize = 16;

/// An organization's events of one day in the order in which the log took them, from one instant up to, not including,
/// another: the day's shards, merged, a page of each in memory and the next on its way.
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
    At(StartKey),
    /// The page from this key on is being read.
    Ahead {
        start: StartKey,
        page: JoinSet<Result<Page, StoreError>>,
    },
    ReadAll,
}

#[derive(Debug)]
struct Page {
    rows: Vec<Row>,
    next: StartKey,
}

impl Shard {
    /// The key of the next row.
    fn front(&self) -> Option<&str> {
        self.rows.front().and_then(|row| row.optional_text("sk"))
    }

    fn needs_page(&self) -> bool {
        self.rows.is_empty() && !matches!(self.progress, Progress::ReadAll)
    }

    /// Takes in the next page, and has the one behind it read while this one is worked on.
    async fn read(&mut self, store: &Store, from: Instant, to: Instant) -> Result<(), StoreError> {
        let read_from = |start| store.clone().feed_page(self.partition.clone(), from, to, start);
        let page = match &mut self.progress {
            Progress::At(start) => read_from(start.clone()).await?,
            Progress::Ahead { start, page } => match page.join_next().await {
                Some(Ok(Ok(page))) => page,
                Some(Ok(Err(error))) => {
                    self.progress = Progress::At(start.take());
                    return Err(error);
                }
                Some(Err(error)) => resume_unwind(error.into_panic()),
                None => {
                    self.progress = Progress::At(start.take());
                    return Ok(());
                }
            },
            Progress::ReadAll => return Ok(()),
        };
        self.progress = match page.next {
            None => Progress::ReadAll,
            start => {
                let mut ahead = JoinSet::new();
                ahead.spawn(read_from(start.clone()));
                Progress::Ahead { start, page: ahead }
            }
        };
        self.rows.extend(page.rows);
        Ok(())
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

    /// A page of one shard. Strongly consistent: an index would be late, and the export must not be.
    async fn feed_page(
        self,
        partition: String,
        from: Instant,
        to: Instant,
        start: StartKey,
    ) -> Result<Page, StoreError> {
        // A key is its instant and more, so the bare instants stand just before the first entry that is in, and just before
        // the first that is not.
        let request = self.between(&partition, from.to_string(), to.to_string());
        let page = request.set_exclusive_start_key(start).limit(PAGE_ROWS).send().await?;
        let rows = page.items.unwrap_or_default().into_iter().map(Row).collect();
        Ok(Page { rows, next: page.last_evaluated_key })
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
        // A page may be empty and still not be the last.
        while self.shards.iter().any(Shard::needs_page) {
            let empty = self.shards.iter_mut().filter(|shard| shard.needs_page());
            try_join_all(empty.map(|shard| shard.read(&self.store, self.from, self.to))).await?;
            // Lets the requests for the pages ahead go out before this thread is busy with the rows.
            yield_now().await;
        }
        Ok(())
    }
}
