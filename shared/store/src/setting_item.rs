use serde_json::{Value, json};
use sporlog_auth::TenantScope;
use sporlog_model::Instant;
use sporlog_model::settings::{SettingDefinition, SettingValue};

use crate::row::Row;
use crate::{Setting, SettingMetadata, StoreError, keys};

/// A setting with what only its item knows.
pub(crate) struct Stored {
    pub(crate) setting: Setting,
    /// How often it was changed.
    pub(crate) version: u64,
}

/// The item of a changed setting. A description that is as shipped is not stored, so that it stays so.
pub(crate) fn row_of(scope: &TenantScope, setting: &Setting, version: u64) -> Row {
    let Setting { definition, value, description, metadata } = setting;
    let row = Row::at(keys::setting(scope.org(), definition))
        .with_text("value", json!(value).to_string())
        .with_number("version", version);
    let row = match description {
        None => row.with_flag("description_cleared", true),
        Some(text) if text == definition.description => row,
        Some(text) => row.with_text("description", text),
    };
    match metadata {
        None => row,
        Some(SettingMetadata { created_at, created_by, updated_at, updated_by }) => row
            .with_text("created_at", created_at.to_string())
            .with_optional("created_by", created_by.as_deref())
            .with_text("updated_at", updated_at.to_string())
            .with_optional("updated_by", updated_by.as_deref()),
    }
}

pub(crate) fn parse_setting(row: &Row, definition: &'static SettingDefinition) -> Result<Stored, StoreError> {
    let value = row.parse("value", |text| serde_json::from_str::<SettingValue>(text).ok())?;
    definition.validate(&value).map_err(|_| row.corrupt("value"))?;
    let description = match row.optional_text("description") {
        _ if row.0.contains_key("description_cleared") => None,
        text => Some(text.unwrap_or(definition.description).to_owned()),
    };
    let version = match row.count("version")? {
        0 => return Err(row.corrupt("version")),
        version => version,
    };
    let metadata = SettingMetadata {
        created_at: row.parse("created_at", |text| Instant::parse(text).ok())?,
        created_by: row.optional_text("created_by").map(str::to_owned),
        updated_at: row.parse("updated_at", |text| Instant::parse(text).ok())?,
        updated_by: row.optional_text("updated_by").map(str::to_owned),
    };
    Ok(Stored { setting: Setting { definition, value, description, metadata: Some(metadata) }, version })
}

/// A setting as the log tells of it.
pub(crate) fn document(setting: &Setting) -> Value {
    let Setting { definition, value, description, metadata } = setting;
    let metadata = metadata.as_ref().map(|metadata| {
        let SettingMetadata { created_at, created_by, updated_at, updated_by } = metadata;
        json!({
            "createdAt": created_at.to_string(), "createdBy": created_by,
            "updatedAt": updated_at.to_string(), "updatedBy": updated_by,
        })
    });
    json!({
        "groupId": definition.group, "key": definition.key, "type": definition.kind(), "value": value,
        "description": description, "metadata": metadata,
    })
}
