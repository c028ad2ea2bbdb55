use std::time::Duration;

use sporlog_model::{Day, Instant, RetentionGroup};

use super::sweep::{LEASE, Progress, Sweep};
use crate::append::LATE;
use crate::keys::{self, FEED_SHARDS};
use crate::query::StartKey;
use crate::row::Row;
use crate::table::Change;
use crate::{SortOrder, StoreError};

/// Rows of a feed or of the late ones that are read at a time.
const PAGE_ROWS: i32 = 500;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What came of a part of the feed.
enum Window {
    /// Looked through. `stays`: something is left in it.
    Done {
        stays: bool,
    },
    /// It has more than a page, so it is better taken in smaller parts: a sweep goes on at the start of one.
    Large,
    OutOfTime,
}

impl Sweep<'_> {
    /// Looks once at everything that may be too old.
    pub(super) async fn pass(&mut self) -> Result<Progress, StoreError> {
        let horizon = self.floor.cap(self.cutoff.plus(LATE));
        if horizon > self.swept_to {
            for day in self.store.feed_days(self.scope, self.swept_to, horizon).await? {
                if self.sweep_day(day, horizon).await? == Progress::OutOfTime {
                    return Ok(Progress::OutOfTime);
                }
            }
        }
        for shard in 0..FEED_SHARDS {
            if self.sweep_late(shard).await? == Progress::OutOfTime {
                return Ok(Progress::OutOfTime);
            }
        }
        Ok(Progress::Done)
    }

    async fn sweep_day(&mut self, day: Day, horizon: Instant) -> Result<Progress, StoreError> {
        let end = day.start().plus(DAY);
        let (from, to) = (self.swept_to.max(day.start()), horizon.min(end));
        let mut emptied = match self.sweep_window(day, from, to, Some(PAGE_ROWS)).await? {
            Window::Done { stays } => !stays,
            Window::OutOfTime => return Ok(Progress::OutOfTime),
            Window::Large => {
                let (mut hour, mut emptied) = (from, true);
                while hour < to {
                    let next = to.min(hour.plus(HOUR));
                    match self.sweep_window(day, hour, next, None).await? {
                        Window::Done { stays } => emptied &= !stays,
                        Window::Large | Window::OutOfTime => return Ok(Progress::OutOfTime),
                    }
                    self.advance(next);
                    hour = next;
                }
                emptied
            }
        };
        self.advance(to);
        emptied &= to == end && end <= self.cutoff;
        if emptied && self.is_empty(day).await? {
            self.unlist(day).await?;
        }
        Ok(Progress::Done)
    }

    /// What is younger than the cutoff is looked at again when it is older.
    fn advance(&mut self, to: Instant) {
        self.swept_to = self.swept_to.max(self.floor.cap(self.cutoff).min(to));
    }

    /// Looks through a part of one day. With `most`, not beyond so many rows of a shard.
    async fn sweep_window(
        &mut self,
        day: Day,
        from: Instant,
        to: Instant,
        most: Option<i32>,
    ) -> Result<Window, StoreError> {
        let mut stays = false;
        for shard in 0..FEED_SHARDS {
            let partition = keys::feed_partition(self.scope.org(), day, shard);
            // A key is its instant and more, so both bare instants stand just before the first entry of theirs.
            let request = self.store.between(&partition, from.to_string(), to.to_string());
            let mut start: StartKey = None;
            loop {
                if self.out_of_time() {
                    return Ok(Window::OutOfTime);
                }
                let page = request.clone().set_exclusive_start_key(start).limit(PAGE_ROWS).send().await?;
                let rows: Vec<Row> = page.items.unwrap_or_default().into_iter().map(Row).collect();
                let swept = match self.group {
                    RetentionGroup::Acquisition => self.sweep_acquisition_feed(&rows).await?,
                    RetentionGroup::Kyc => self.sweep_kyc_feed(&rows).await?,
                };
                let Some(left) = swept else { return Ok(Window::OutOfTime) };
                stays |= left;
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
                if most.is_some() {
                    return Ok(Window::Large);
                }
            }
        }
        Ok(Window::Done { stays })
    }

    /// Whether nothing at all is left of a day; parts of it were swept in other nights.
    async fn is_empty(&self, day: Day) -> Result<bool, StoreError> {
        for shard in 0..FEED_SHARDS {
            let partition = keys::feed_partition(self.scope.org(), day, shard);
            let request = self.store.range(&partition, "", SortOrder::Ascending);
            if !self.store.slice(request, 0, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The day is over and empty: nothing will be recorded in it any more, and the export need not look.
    async fn unlist(&self, day: Day) -> Result<(), StoreError> {
        let held = Change::new("SET lease_until = :until")
            .only_if("lease = :lease")
            .text(":lease", &self.lease)
            .text(":until", self.store.clock.now().plus(LEASE).to_string());
        let key = keys::retention(self.scope.org(), self.group);
        let unlist = self.store.discard(keys::feed_day(self.scope.org(), day));
        self.store.transact(vec![self.store.update(key, held), unlist]).await
    }

    async fn sweep_late(&mut self, shard: u8) -> Result<Progress, StoreError> {
        let partition = keys::late_partition(self.scope.org(), self.group, shard);
        let request = self.store.between(&partition, Instant::MIN.to_string(), self.cutoff.to_string());
        let mut start: StartKey = None;
        loop {
            if self.out_of_time() {
                return Ok(Progress::OutOfTime);
            }
            let page = request.clone().set_exclusive_start_key(start).limit(PAGE_ROWS).send().await?;
            let mut rows = Vec::new();
            for row in page.items.unwrap_or_default().into_iter().map(Row) {
                if self.floor.allows(row.parse("recorded_at", |text| Instant::parse(text).ok())?) {
                    rows.push(row);
                }
            }
            let progress = match self.group {
                RetentionGroup::Acquisition => self.sweep_acquisition_late(&rows).await?,
                RetentionGroup::Kyc => self.sweep_kyc_late(&rows).await?,
            };
            start = page.last_evaluated_key;
            if progress == Progress::OutOfTime || start.is_none() {
                return Ok(progress);
            }
        }
    }
}
