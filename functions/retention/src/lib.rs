//! Deletes the events that an organization's retention periods no longer allow.
//!
//! Invoked by a schedule, and by `audit-config` right after a period was shortened. Start with [`Retention::handle`], which
//! so far deletes nothing.

use lambda_runtime::Diagnostic;
use serde::Deserialize;
use sporlog_boot::{Environment, EnvironmentError};
use sporlog_model::settings::SettingGroup;
use sporlog_model::{Clock, OrgId};

/// The function, set up from `TABLE_NAME`.
#[derive(Debug)]
pub struct Retention {
    table: String,
}

/// Whose events to look at; the schedule names nobody.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRequest {
    pub org_id: Option<OrgId>,
    pub group: Option<SettingGroup>,
}

impl Retention {
    /// Reads the configuration.
    pub fn from_environment(environment: &Environment, _: Clock) -> Result<Self, EnvironmentError> {
        Ok(Self { table: environment.read(|reader| reader.required("TABLE_NAME"))? })
    }

    /// Looks at one group of one organization, or at everything that is due.
    #[expect(clippy::unused_async, reason = "will read the table")]
    pub async fn handle(&self, request: RetentionRequest) -> Result<(), Diagnostic> {
        let RetentionRequest { org_id, group } = request;
        let org = org_id.as_ref().map_or("-", OrgId::as_str);
        tracing::info!(table = self.table, org, group = group.map_or("-", SettingGroup::id), "nothing deleted");
        Ok(())
    }
}
