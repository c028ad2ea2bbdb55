use serde::Serialize;
use sporlog_model::settings::{SettingType, SettingValue};
use sporlog_model::{EntityId, Instant};
use sporlog_store::{Setting, SettingMetadata};

/// A setting as the published schema has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingView {
    key: &'static str,
    value: SettingValue,
    r#type: SettingType,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    group_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataView>,
}

/// Who changed a setting first and last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataView {
    created_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_username: Option<String>,
    updated_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by_username: Option<String>,
}

/// The settings of a group as they are answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsView {
    settings: Vec<SettingView>,
    total_records: usize,
}

impl SettingsView {
    pub(crate) fn of(settings: Vec<Setting>) -> Self {
        Self { total_records: settings.len(), settings: settings.into_iter().map(view).collect() }
    }
}

fn view(setting: Setting) -> SettingView {
    let Setting { definition, value, description, metadata } = setting;
    SettingView {
        key: definition.key,
        value,
        r#type: definition.kind(),
        description,
        group_id: definition.group.id(),
        metadata: metadata.map(metadata_view),
    }
}

fn metadata_view(metadata: SettingMetadata) -> MetadataView {
    let SettingMetadata { created_at, created_by, updated_at, updated_by } = metadata;
    let (created_by_user_id, created_by_username) = user(created_by);
    let (updated_by_user_id, updated_by_username) = user(updated_by);
    MetadataView {
        created_date: Instant::to_folio(created_at),
        created_by_user_id,
        created_by_username,
        updated_date: Instant::to_folio(updated_at),
        updated_by_user_id,
        updated_by_username,
    }
}

/// As an id where it is one (the schema takes UUIDs only), else as a name.
fn user(id: Option<String>) -> (Option<String>, Option<String>) {
    match id {
        Some(id) if EntityId::parse_uuid(&id).is_ok() => (Some(id), None),
        name => (None, name),
    }
}
