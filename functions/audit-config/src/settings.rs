use axum::extract::State;
use axum::http::StatusCode;
use sporlog_auth::Action;
use sporlog_http::{ApiError, FolioCaller, JsonBody};
use sporlog_store::SettingChange;

use crate::AuditConfig;
use crate::body::SettingBody;
use crate::path::PathIds;
use crate::view::SettingsView;

/// `GET /audit/config/groups/{groupId}/settings`: the settings of a group, by key.
pub(crate) async fn list_settings(
    State(state): State<AuditConfig>,
    caller: FolioCaller,
    ids: PathIds,
) -> Result<JsonBody<SettingsView>, ApiError> {
    let scope = caller.resource_scope(Action::ReadSettings, &ids.group_resource())?;
    let settings = state.store.settings(&scope, ids.group()?).await.map_err(ApiError::of)?;
    Ok(JsonBody(SettingsView::of(settings)))
}

/// `PUT /audit/config/groups/{groupId}/settings/{settingId}`: changes a setting. The order of the checks is part of the
/// contract: what the body says by itself, then the permission, then what the body says about this setting.
pub(crate) async fn put_setting(
    State(state): State<AuditConfig>,
    caller: FolioCaller,
    ids: PathIds,
    JsonBody(body): JsonBody<SettingBody>,
) -> Result<StatusCode, ApiError> {
    let scope = caller.resource_scope(Action::PutSetting, &ids.setting_resource())?;
    let setting = ids.setting()?;
    body.check(setting)?;
    let change = SettingChange { value: body.value, description: body.description };
    let by = caller.principal().actor();
    let put = state.store.put_setting(&scope, setting, &change, &by).await.map_err(ApiError::of)?;
    if put.shortens_retention {
        state.retention.start(scope.org(), setting.group).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
