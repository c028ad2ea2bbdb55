use std::fmt;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditStatus {
    /// Asked for.
    Queued,
    /// A worker has it.
    Processing,
    /// Done, for good.
    Completed,
    /// Given up; it may be queued again.
    Failed,
    /// Called off, for good.
    Cancelled,
}

/// What kind of file an export makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    Excel,
    Csv,
    Pdf,
}

impl AuditStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Processing, Self::Completed, Self::Failed, Self::Cancelled];

    /// The name in requests and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`AuditStatus::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether `next` may follow: the whole state machine. A status does not follow itself.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Processing | Self::Failed | Self::Cancelled),
            Self::Processing => matches!(next, Self::Completed | Self::Failed | Self::Cancelled),
            // A retry.
            Self::Failed => matches!(next, Self::Queued),
            Self::Completed | Self::Cancelled => false,
        }
    }

    /// Whether a file may be attached: not before a worker has begun, and not to what came to nothing.
    pub const fn takes_file(self) -> bool {
        matches!(self, Self::Processing | Self::Completed)
    }
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Excel, Self::Csv, Self::Pdf];

    /// The name in requests and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excel => "excel",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }

    /// Reads [`ExportFormat::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for AuditStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_is_in_the_table() {
        // Rows: from; columns: to; in the order of `ALL`.
        let table = [
            ("queued", [false, true, false, true, true]),
            ("processing", [false, false, true, true, true]),
            ("completed", [false; 5]),
            ("failed", [true, false, false, false, false]),
            ("cancelled", [false; 5]),
        ];
        assert_eq!(table.map(|(name, _)| AuditStatus::from_name(name).unwrap()), AuditStatus::ALL);
        for (from, moves) in table {
            let from = AuditStatus::from_name(from).unwrap();
            assert_eq!(AuditStatus::ALL.map(|to| from.may_become(to)), moves, "{from}");
        }
    }

    #[test]
    fn files_belong_to_what_is_being_made_or_is_made() {
        assert_eq!(AuditStatus::ALL.map(AuditStatus::takes_file), [false, true, true, false, false]);
    }

    #[test]
    fn names_read_back() {
        for format in ExportFormat::ALL {
            assert_eq!(ExportFormat::from_name(format.name()), Some(format));
        }
        for other in ["", "Queued", "canceled", "xlsx"] {
            assert_eq!((AuditStatus::from_name(other), ExportFormat::from_name(other)), (None, None));
        }
    }
}
