//! The audit record of an export to Bufdir, the Norwegian directorate to which organizations report their activities: what it
//! holds and what it may become.
//!
//! Start with [`ExportAudit`]; `update.rs` decides every change to one.

mod audit_id;
mod file_url;
mod record;
mod status;
mod text;
mod update;

pub use audit_id::{AuditId, MAX_AUDIT_NUMBER};
pub use file_url::FileUrl;
pub use record::{ExportAudit, NewExportAudit, Period};
pub use status::{AuditStatus, ExportFormat};
pub use text::{ActivityType, ExportId, InvalidText, MAX_ACTIVITY_TYPES, Remark, UserId};
pub use update::{AttachedFile, Decision, NewStatus, StatusUpdate, UpdateRefused};
