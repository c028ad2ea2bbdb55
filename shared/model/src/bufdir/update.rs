use std::time::Duration;

use super::{AuditStatus, ExportAudit, FileUrl, Remark};
use crate::Instant;

/// A status with what can only be said together with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewStatus {
    Queued,
    Processing,
    Completed,
    Failed { error_message: Option<Remark> },
    Cancelled { reason: Option<Remark> },
}

/// What a worker says of an export's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    pub status: NewStatus,
    /// When it came about, by the worker's clock; `None` for the server's.
    pub updated_at: Option<Instant>,
    pub activity_count: Option<u64>,
}

/// Where the file of an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    pub url: FileUrl,
    /// `None` when the producer does not say.
    pub size_bytes: Option<u64>,
}

/// What is to be done about an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it was said before.
    Unchanged,
    /// This is the record from now on.
    Changed(Box<ExportAudit>),
}

/// How far a worker's clock may be ahead.
const CLOCK_ERROR: Duration = Duration::from_mins(5);

/// Why an update cannot be made to a record as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateRefused {
    /// The state machine has no such move.
    NoSuchMove { from: AuditStatus, to: AuditStatus },
    /// `updated_at` is before the record's own, which is this.
    BeforeLastUpdate(Instant),
    /// `updated_at` is more than 5 minutes ahead of the server's clock: it would refuse every honest update after it.
    InTheFuture,
    /// No file is attached in this status.
    NoFileWhile(AuditStatus),
}

impl NewStatus {
    /// The status alone.
    pub const fn status(&self) -> AuditStatus {
        match self {
            Self::Queued => AuditStatus::Queued,
            Self::Processing => AuditStatus::Processing,
            Self::Completed => AuditStatus::Completed,
            Self::Failed { .. } => AuditStatus::Failed,
            Self::Cancelled { .. } => AuditStatus::Cancelled,
        }
    }
}

impl ExportAudit {
    /// Decides a status update that comes in at `now`.
    ///
    /// Callers are shown whole seconds: who sends back what was shown is neither early nor saying something new. The record
    /// itself is never moved back, not even by a part of a second.
    pub fn with_status(&self, update: &StatusUpdate, now: Instant) -> Result<Decision, UpdateRefused> {
        let (from, to) = (self.status, update.status.status());
        let last = self.updated_at;
        let says_nothing_new = |at: Instant| at == last || at == last.whole_seconds();
        if from == to && update.updated_at.is_some_and(says_nothing_new) {
            return Ok(Decision::Unchanged);
        }
        // First the move: of two workers the slower one is told that the other was there, whatever their clocks say.
        if !from.may_become(to) {
            return Err(UpdateRefused::NoSuchMove { from, to });
        }
        if update.updated_at.is_some_and(|at| at.epoch_seconds() < last.epoch_seconds()) {
            return Err(UpdateRefused::BeforeLastUpdate(last));
        }
        if update.updated_at.is_some_and(|at| at > now.max(last).plus(CLOCK_ERROR)) {
            return Err(UpdateRefused::InTheFuture);
        }
        let mut next = self.clone();
        next.status = to;
        next.updated_at = update.updated_at.unwrap_or(now).max(last);
        if to == AuditStatus::Queued {
            // A retry starts over: what the failed attempt left behind is in the log.
            (next.file_url, next.file_size_bytes, next.activity_count) = (None, None, None);
        }
        next.activity_count = update.activity_count.or(next.activity_count);
        (next.error_message, next.reason) = match &update.status {
            NewStatus::Failed { error_message } => (error_message.clone(), None),
            NewStatus::Cancelled { reason } => (None, reason.clone()),
            NewStatus::Queued | NewStatus::Processing | NewStatus::Completed => (None, None),
        };
        Ok(Decision::Changed(Box::new(next)))
    }

    /// Decides whether a file is attached at `now`. A later one takes the place of an earlier one.
    pub fn with_file(&self, file: &AttachedFile, now: Instant) -> Result<Decision, UpdateRefused> {
        if !self.status.takes_file() {
            return Err(UpdateRefused::NoFileWhile(self.status));
        }
        if self.file_url.as_ref() == Some(&file.url) && self.file_size_bytes == file.size_bytes {
            return Ok(Decision::Unchanged);
        }
        let mut next = self.clone();
        (next.file_url, next.file_size_bytes) = (Some(file.url.clone()), file.size_bytes);
        next.updated_at = now.max(self.updated_at);
        Ok(Decision::Changed(Box::new(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AuditId, ExportFormat, ExportId, NewExportAudit, Period, UserId};
    use super::*;
    use crate::Day;

    const CREATED: &str = "2026-03-26T10:00:00.500000Z";

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn remark(text: &str) -> Remark {
        Remark::parse(text).unwrap()
    }

    fn record(status: AuditStatus) -> ExportAudit {
        let new = NewExportAudit {
            export_id: ExportId::parse("exp-1").unwrap(),
            triggered_by: UserId::parse("usr-1").unwrap(),
            format: ExportFormat::Pdf,
            period: Period::new(day("2025-01-01"), day("2025-12-31")).unwrap(),
            activity_types: None,
        };
        let queued = new.queued(AuditId::parse("aud-20260326-001").unwrap(), at(CREATED));
        ExportAudit { status, ..queued }
    }

    fn to(status: AuditStatus) -> NewStatus {
        match status {
            AuditStatus::Queued => NewStatus::Queued,
            AuditStatus::Processing => NewStatus::Processing,
            AuditStatus::Completed => NewStatus::Completed,
            AuditStatus::Failed => NewStatus::Failed { error_message: None },
            AuditStatus::Cancelled => NewStatus::Cancelled { reason: None },
        }
    }

    fn update(status: NewStatus, updated_at: Option<&str>) -> StatusUpdate {
        StatusUpdate { status, updated_at: updated_at.map(at), activity_count: None }
    }

    fn changed(decision: Result<Decision, UpdateRefused>) -> ExportAudit {
        match decision {
            Ok(Decision::Changed(record)) => *record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_period_does_not_end_before_it_begins() {
        assert!(Period::new(day("2025-01-01"), day("2025-01-01")).is_some());
        assert!(Period::new(day("2025-01-02"), day("2025-01-01")).is_none());
    }

    #[test]
    fn every_pair_of_statuses_is_decided() {
        for from in AuditStatus::ALL {
            for next in AuditStatus::ALL {
                let (record, later) = (record(from), Some("2026-03-26T10:00:10Z"));
                let decided = record.with_status(&update(to(next), later), at("2026-03-26T11:00:00Z"));
                if from.may_become(next) {
                    let changed = changed(decided);
                    assert_eq!((changed.status, changed.updated_at), (next, at("2026-03-26T10:00:10Z")));
                } else {
                    assert_eq!(decided, Err(UpdateRefused::NoSuchMove { from, to: next }));
                }
                // The same status at the instant that was shown, which has no fraction.
                let again = record.with_status(&update(to(next), Some("2026-03-26T10:00:00Z")), at(CREATED));
                assert_eq!(again == Ok(Decision::Unchanged), from == next, "{from} {next}");
                // Without an instant nobody can tell a repeat from a second worker.
                let unsaid = record.with_status(&update(to(next), None), at(CREATED));
                assert_eq!(unsaid.is_ok(), from.may_become(next), "{from} {next}");
            }
        }
    }

    #[test]
    fn instants_are_compared_as_they_are_shown() {
        let queued = record(AuditStatus::Queued);
        let moved = |updated_at| queued.with_status(&update(NewStatus::Processing, updated_at), at(CREATED));
        let early = Err(UpdateRefused::BeforeLastUpdate(at(CREATED)));
        assert_eq!(moved(Some("2026-03-26T09:59:59.999999Z")), early);
        // Echoes what was shown: taken, and the record is not moved back.
        assert_eq!(changed(moved(Some("2026-03-26T10:00:00Z"))).updated_at, at(CREATED));
        assert_eq!(changed(moved(Some("2026-03-26T10:00:00.6Z"))).updated_at, at("2026-03-26T10:00:00.6Z"));
        assert_eq!(changed(moved(None)).updated_at, at(CREATED));
        assert!(moved(Some("2026-03-26T10:05:00.5Z")).is_ok());
        assert_eq!(moved(Some("2026-03-26T10:05:00.500001Z")), Err(UpdateRefused::InTheFuture));
        // A server whose clock is behind moves nothing back either.
        let behind = queued.with_status(&update(NewStatus::Processing, None), at("2026-03-26T09:00:00Z"));
        assert_eq!(changed(behind).updated_at, at(CREATED));
    }

    #[test]
    fn two_workers_of_the_same_second_are_two() {
        let at_of = |text| update(NewStatus::Processing, Some(text));
        let now = at("2026-03-26T10:01:00Z");
        let first = changed(record(AuditStatus::Queued).with_status(&at_of("2026-03-26T10:00:10.1Z"), now));
        let refused = Err(UpdateRefused::NoSuchMove { from: AuditStatus::Processing, to: AuditStatus::Processing });
        assert_eq!(first.with_status(&at_of("2026-03-26T10:00:10.7Z"), now), refused);
        for same in ["2026-03-26T10:00:10.1Z", "2026-03-26T11:00:10.100+01:00", "2026-03-26T10:00:10Z"] {
            assert_eq!(first.with_status(&at_of(same), now), Ok(Decision::Unchanged), "{same}");
        }
    }

    #[test]
    fn remarks_stay_as_long_as_their_status() {
        let now = at("2026-03-26T10:01:00Z");
        let failed = NewStatus::Failed { error_message: Some(remark("disk full")) };
        let failed = StatusUpdate { activity_count: Some(7), ..update(failed, None) };
        let failed = changed(record(AuditStatus::Processing).with_status(&failed, now));
        assert_eq!((&failed.error_message, failed.activity_count), (&Some(remark("disk full")), Some(7)));
        let queued = changed(failed.with_status(&update(NewStatus::Queued, None), now));
        assert_eq!((&queued.error_message, queued.activity_count), (&None, None));
        let cancelled = NewStatus::Cancelled { reason: Some(remark("not needed")) };
        let cancelled = changed(queued.with_status(&update(cancelled, None), now));
        assert_eq!((cancelled.reason, cancelled.error_message), (Some(remark("not needed")), None));
    }

    #[test]
    fn files_are_attached_to_what_is_being_made_or_is_made() {
        let now = at("2026-03-26T10:02:45Z");
        let file = |url| AttachedFile { url: FileUrl::parse(url).unwrap(), size_bytes: Some(1) };
        for status in AuditStatus::ALL {
            let decided = record(status).with_file(&file("https://a/b"), now);
            if !status.takes_file() {
                assert_eq!(decided, Err(UpdateRefused::NoFileWhile(status)));
                continue;
            }
            let attached = changed(decided);
            assert_eq!((attached.status, attached.updated_at, attached.file_size_bytes), (status, now, Some(1)));
            assert_eq!(attached.with_file(&file("https://a/b"), at("2027-01-01")), Ok(Decision::Unchanged));
            let other = changed(attached.with_file(&file("https://a/c"), at("2020-01-01")));
            assert_eq!((other.file_url, other.updated_at), (Some(file("https://a/c").url), now));
        }
    }

    #[test]
    fn a_retry_has_no_file_yet() {
        let failed = ExportAudit {
            file_url: Some(FileUrl::parse("https://a/b").unwrap()),
            file_size_bytes: Some(1),
            ..record(AuditStatus::Failed)
        };
        let queued = changed(failed.with_status(&update(NewStatus::Queued, None), at(CREATED)));
        assert_eq!((queued.file_url, queued.file_size_bytes), (None, None));
    }
}
