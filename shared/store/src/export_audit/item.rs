use serde_json::{Value, json};
use sporlog_model::bufdir::{
    ActivityType, AuditId, AuditStatus, ExportAudit, ExportFormat, ExportId, FileUrl, NewExportAudit, Period, Remark,
    UserId,
};
use sporlog_model::{Day, Instant, OrgId};

use crate::row::Row;
use crate::{StoreError, keys};

/// The item of a record, at its `version`.
pub(super) fn record_row(org: &OrgId, record: &ExportAudit, version: u64) -> Row {
    let ExportAudit { id, export, .. } = record;
    let row = Row::at(keys::export_audit(org, record.created_at, *id))
        .with_text("id", id.to_string())
        .with_text("export_id", export.export_id.as_str())
        .with_text("triggered_by", export.triggered_by.as_str())
        .with_text("format", export.format.name())
        .with_text("period_from", export.period.from().to_string())
        .with_text("period_to", export.period.to().to_string())
        .with_optional("activity_types", export.activity_types.as_deref().map(joined))
        .with_text("status", record.status.name())
        .with_optional("file_url", record.file_url.as_ref().map(FileUrl::as_str))
        .with_optional("error_message", record.error_message.as_ref().map(Remark::as_str))
        .with_optional("reason", record.reason.as_ref().map(Remark::as_str))
        .with_text("created_at", record.created_at.to_string())
        .with_text("updated_at", record.updated_at.to_string())
        .with_number("version", version);
    let counts = [("file_size_bytes", record.file_size_bytes), ("activity_count", record.activity_count)];
    counts.into_iter().fold(row, |row, (name, count)| match count {
        Some(count) => row.with_number(name, count),
        None => row,
    })
}

/// Reads [`record_row`] back.
pub(super) fn parse_record(row: &Row) -> Result<ExportAudit, StoreError> {
    let day = |text: &str| Day::parse(text).ok();
    let remark = |text: &str| Remark::parse(text).ok();
    let some_count = |name| row.0.contains_key(name).then(|| row.count(name)).transpose();
    let period = Period::new(row.parse("period_from", day)?, row.parse("period_to", day)?);
    let export = NewExportAudit {
        export_id: row.parse("export_id", |text| ExportId::parse(text).ok())?,
        triggered_by: row.parse("triggered_by", |text| UserId::parse(text).ok())?,
        format: row.parse("format", ExportFormat::from_name)?,
        period: period.ok_or_else(|| row.corrupt("period_to"))?,
        activity_types: row.parse_optional("activity_types", split)?,
    };
    Ok(ExportAudit {
        id: row.parse("id", |text| AuditId::parse(text).ok())?,
        export,
        status: row.parse("status", AuditStatus::from_name)?,
        file_url: row.parse_optional("file_url", |text| FileUrl::parse(text).ok())?,
        file_size_bytes: some_count("file_size_bytes")?,
        activity_count: some_count("activity_count")?,
        error_message: row.parse_optional("error_message", remark)?,
        reason: row.parse_optional("reason", remark)?,
        created_at: row.parse("created_at", instant)?,
        updated_at: row.parse("updated_at", instant)?,
    })
}

pub(super) fn instant(text: &str) -> Option<Instant> {
    Instant::parse(text).ok()
}

/// The record as the log tells it: the members of the API, and instants to the microsecond.
pub(super) fn document(org: &OrgId, record: &ExportAudit) -> Value {
    let export = &record.export;
    let types = export.activity_types.as_ref();
    json!({
        "audit_id": record.id,
        "export_id": export.export_id.as_str(),
        "org_id": org,
        "triggered_by_user_id": export.triggered_by.as_str(),
        "status": record.status.name(),
        "format": export.format.name(),
        "period_from": export.period.from().to_string(),
        "period_to": export.period.to().to_string(),
        "activity_types": types.map(|types| types.iter().map(ActivityType::as_str).collect::<Vec<_>>()),
        "file_url": record.file_url.as_ref().map(FileUrl::as_str),
        "file_size_bytes": record.file_size_bytes,
        "activity_count": record.activity_count,
        "error_message": record.error_message.as_ref().map(Remark::as_str),
        "reason": record.reason.as_ref().map(Remark::as_str),
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
    })
}

/// No type has a space.
fn joined(types: &[ActivityType]) -> String {
    types.iter().map(ActivityType::as_str).collect::<Vec<_>>().join(" ")
}

fn split(text: &str) -> Option<Vec<ActivityType>> {
    text.split_ascii_whitespace().map(|word| ActivityType::parse(word).ok()).collect()
}
