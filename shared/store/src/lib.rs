//! Everything Sporlog keeps, in one DynamoDB table.
//!
//! Owns the keys ([`keys`], the only place that builds or reads one), what an item holds, and every read and write. Must not
//! know HTTP, S3 or Lambda. Every method that touches an organization's data takes a [`sporlog_auth::TenantScope`].
//!
//! Start with [`Store::append`], the one way in for events; [`Store::history`] is the way out for readers and
//! [`Store::feed`] for the export. `docs/data-model.md` shows the items.

mod api_key;
mod append;
mod behind;
mod body;
mod copy_behind;
mod due;
mod error;
mod event_item;
mod export_audit;
mod export_config;
mod export_end;
mod export_progress;
mod export_resume;
mod export_state;
mod export_status;
mod feed;
mod history;
mod idempotency;
mod keys;
mod kyc;
mod lease;
mod neighbours;
mod org;
mod org_copy;
mod piece_history;
mod query;
mod retention;
mod row;
mod run;
mod setting;
mod setting_item;
mod settings_in_effect;
mod table;
mod table_id;

pub use api_key::{ApiKey, ApiKeyCreation, MAX_API_KEYS, NewApiKey};
pub use append::Appended;
pub use behind::LiveStream;
pub use due::WaitingOrg;
pub use error::StoreError;
pub use export_audit::{ExportAuditCreation, ExportAuditPage, ExportAuditQuery};
pub use export_config::{ExportChange, PutExportConfig};
pub use export_end::{RunEnd, RunFailure};
pub use export_progress::Covered;
pub use export_resume::{ExportedSoFar, NotForward, StandingExport};
pub use export_state::{Backfill, ConnectionTest, ExportConfig, ExportState, SwitchedOff};
pub use export_status::ExportStatus;
pub use feed::Feed;
pub use history::{HistoryPage, HistoryQuery, SortField, SortOrder};
pub use idempotency::{Answered, NamedRequest, Operation};
pub use kyc::{
    CaseAppend, CasePage, CasePageQuery, CaseReceipt, CaseStatus, CaseStatuses, MAX_CASE_ACTIONS, MAX_CASE_ENTRIES,
};
pub use lease::{Lease, LeaseAttempt};
pub use org::{Organization, PutOrganization};
pub use org_copy::{CopyError, CopyReport, Copying};
pub use retention::{DueRetention, SweepOutcome};
pub use run::{Run, RunObject, RunStatus, RunTrigger};
pub use setting::{DescriptionChange, PutSetting, Setting, SettingChange, SettingMetadata};
pub use table::Store;
pub use table_id::TableId;
