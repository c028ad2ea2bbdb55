use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, FolioCaller, JsonBody};
use sporlog_model::settings::SettingGroup;

/// A group as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct SettingGroupView {
    id: &'static str,
    name: &'static str,
    description: &'static str,
}

/// The groups as they are answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingGroupsView {
    setting_groups: Vec<SettingGroupView>,
    total_records: usize,
}

/// `GET /audit/config/groups`: the groups, by id. Every organization has the same.
pub(crate) async fn list_setting_groups(caller: FolioCaller) -> Result<JsonBody<SettingGroupsView>, ApiError> {
    caller.scope(Action::ReadSettingGroups)?;
    let view =
        |group: SettingGroup| SettingGroupView { id: group.id(), name: group.name(), description: group.description() };
    let setting_groups: Vec<_> = SettingGroup::ALL.into_iter().map(view).collect();
    Ok(JsonBody(SettingGroupsView { total_records: setting_groups.len(), setting_groups }))
}
