use super::{ActivityType, AuditId, AuditStatus, ExportFormat, ExportId, FileUrl, Remark, UserId};
use crate::{Day, Instant};

/// The days that an export covers, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Day,
    to: Day,
}

/// What is to be recorded when an export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExportAudit {
    pub export_id: ExportId,
    pub triggered_by: UserId,
    pub format: ExportFormat,
    pub period: Period,
    /// The kinds of activity that it covers; `None` when the producer does not say. At most [`super::MAX_ACTIVITY_TYPES`].
    pub activity_types: Option<Vec<ActivityType>>,
}

/// The record of one export to Bufdir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportAudit {
    pub id: AuditId,
    pub export: NewExportAudit,
    pub status: AuditStatus,
    pub file_url: Option<FileUrl>,
    /// Of the file, in bytes.
    pub file_size_bytes: Option<u64>,
    /// How many activities the export holds, once a worker has said so.
    pub activity_count: Option<u64>,
    /// Why it failed; only while it has.
    pub error_message: Option<Remark>,
    /// Why it was cancelled; only when it was.
    pub reason: Option<Remark>,
    pub created_at: Instant,
    /// Never before `created_at`, and never moved back.
    pub updated_at: Instant,
}

impl Period {
    /// `None` when it would end before it begins.
    pub fn new(from: Day, to: Day) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// The first day.
    pub fn from(self) -> Day {
        self.from
    }

    /// The last day.
    pub fn to(self) -> Day {
        self.to
    }
}

impl NewExportAudit {
    /// The record as it begins.
    pub fn queued(self, id: AuditId, created_at: Instant) -> ExportAudit {
        ExportAudit {
            id,
            export: self,
            status: AuditStatus::Queued,
            file_url: None,
            file_size_bytes: None,
            activity_count: None,
            error_message: None,
            reason: None,
            created_at,
            updated_at: created_at,
        }
    }
}
