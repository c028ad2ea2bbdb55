//! Which organizations' exports are behind, and since when.
//!
//! The due index cannot tell: whoever failed is not due before the next attempt, hours away, and whoever is idle has exported
//! nothing for a day and owes nothing. So a run that did not bring its organization up to date leaves an entry, `BEHIND`, and
//! the one that does takes it out of the index. Costs nothing while exports work.

use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_model::{Instant, OrgId};

use crate::row::Row;
use crate::table::Change;
use crate::{Store, StoreError, keys};

/// How far a run has brought the live stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveStream {
    /// Everything that had settled when the run looked is exported.
    UpToDate,
    /// Everything before this instant is; whether there is more the run has not found out, or could not export it.
    ExportedTo(Instant),
}

/// Since when an organization waits for its export, by its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// As its entry says; `None` when it has none that counts.
    behind_since: Option<Instant>,
    /// When it was due.
    due_since: Option<Instant>,
}

impl Waiting {
    pub(crate) fn of(state: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            behind_since: state.parse_optional("behind_since", |text| Instant::parse(text).ok())?,
            due_since: state.parse_optional("gsi1sk", keys::parse_due_at)?,
        })
    }

    /// Whether it has an entry among those that are behind.
    pub(crate) fn is_behind(self) -> bool {
        self.behind_since.is_some()
    }

    /// Up to where everything is exported after a run that exported up to `exported_to`. Where nothing is recorded, that lies
    /// further back than what the last good run had seen.
    pub(crate) fn after(self, exported_to: Instant) -> Instant {
        self.behind_since.or(self.due_since).unwrap_or(exported_to).max(exported_to)
    }
}

impl Store {
    /// Part of the transaction that ends a run: the organization is behind. Beside it, the state's `behind_since` is set.
    pub(crate) fn enter_behind_index(&self, org: &OrgId, since: Instant) -> TransactWriteItem {
        let (partition, sort) = keys::behind_since(org, since);
        let entry =
            Change::new("SET gsi1pk = :partition, gsi1sk = :sort").text(":partition", partition).text(":sort", sort);
        self.update(keys::behind(org), entry)
    }

    /// Part of a transaction after which the organization is not behind, or does not want to be exported. Beside it, the
    /// state's `behind_since` is removed. The entry stays, empty: who configures an export may delete nothing.
    pub(crate) fn leave_behind_index(&self, org: &OrgId) -> TransactWriteItem {
        self.update(keys::behind(org), Change::new("REMOVE gsi1pk, gsi1sk"))
    }
}
