use sporlog_auth::TenantScope;
use sporlog_model::{Instant, RunId};

use crate::{Store, StoreError, keys};

/// How an organization's export is doing, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportStatus {
    /// When the newest segment was in the bucket.
    pub last_exported_at: Option<Instant>,
    /// Failed runs since the last that did not fail.
    pub consecutive_failures: u64,
    /// When the export is due, or was; `None` while it is switched off.
    pub due_at: Option<Instant>,
    /// The run that is at it.
    pub running: Option<RunId>,
}

impl Store {
    /// How the export is doing; the default before the first configuration.
    pub async fn export_status(&self, scope: &TenantScope) -> Result<ExportStatus, StoreError> {
        let Some(row) = self.get(keys::export_state(scope.org())).await? else { return Ok(ExportStatus::default()) };
        let instant = |text: &str| Instant::parse(text).ok();
        let held_until = row.parse_optional("lease_until", instant)?;
        // A lease that ran out is that of a run which went silent.
        let alive = held_until.is_some_and(|until| until >= self.clock.now());
        let last_run = row.parse_optional("lease_run", |text| RunId::parse(text).ok())?;
        Ok(ExportStatus {
            last_exported_at: row.parse_optional("last_exported_at", instant)?,
            consecutive_failures: row.count("consecutive_failures")?,
            due_at: row.parse_optional("gsi1sk", keys::parse_due_at)?,
            running: last_run.filter(|_| alive),
        })
    }
}
