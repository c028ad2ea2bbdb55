use sporlog_export::{ExportError, FaultKind};
use sporlog_store::StoreError;

use crate::segment::SegmentError;

/// The log no longer holds what was planned: the one failure that waits for a person.
pub(crate) const PLAN_MISMATCH: &str = "plan_mismatch";

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Store(StoreError),
    /// Another run has the lease now, and with it the only right to write.
    #[error("the lease was lost")]
    LeaseLost,
}

impl Stopped {
    /// The state is that of another table, so it may be behind the bucket: going on from there would give out numbers again.
    pub(crate) fn restored_table() -> Self {
        let sentence =
            "Sporlog's log was restored or moved, and its operator has not yet confirmed where this export goes on.";
        Self::Export(ExportError::internal("restored_table", sentence))
    }

    /// For the run's record: a code for programs and a sentence for the customer.
    pub(crate) fn told(&self) -> (&'static str, &'static str) {
        match self {
            Self::Export(error) => (error.code, error.sentence),
            Self::Store(_) | Self::LeaseLost => ("store_unavailable", "Sporlog could not read its own log."),
        }
    }

    /// Whether neither the customer can mend it nor time.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Export(error) => error.kind == FaultKind::Internal,
            Self::Store(_) => true,
            Self::LeaseLost => false,
        }
    }

    /// Whether the customer's role, bucket or region is the reason.
    pub(crate) fn is_of_the_configuration(&self) -> bool {
        matches!(self, Self::Export(ExportError { kind: FaultKind::Configuration, .. }))
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        // Every change of the state is conditional on the lease.
        if matches!(error, StoreError::Conflict) { Self::LeaseLost } else { Self::Store(error) }
    }
}

impl From<SegmentError> for Stopped {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Store(error) => Self::Store(error),
            SegmentError::Line(_) => {
                Self::Export(ExportError::internal("line_failed", "An event could not be written as a line."))
            }
        }
    }
}
