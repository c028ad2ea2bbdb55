use sporlog_model::{Instant, OrgId};

use crate::keys::{self, Key};
use crate::{Backfill, StandingExport};

/// What an export that goes by a table's own state has behind it: a row that is put there later is never exported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    exported_to: Instant,
    /// What is still to come of the history.
    left: Option<Backfill>,
}

impl Behind {
    /// `None` while nothing is exported from that table by itself.
    pub(crate) fn of(export: &StandingExport) -> Option<Self> {
        let exported_to = export.state.exported_to.filter(|_| export.of_this_table)?;
        Some(Self { exported_to, left: export.state.backfill })
    }

    /// Whether this is the place of an event in the feed that the export has passed.
    pub(crate) fn has_passed(&self, org: &OrgId, key: &Key) -> bool {
        let Some(place) = keys::parse_feed_key(org, key) else { return false };
        let at = place.recorded_at;
        at < self.exported_to && !self.left.is_some_and(|left| (left.from..left.to).contains(&at))
    }
}
