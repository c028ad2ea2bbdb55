use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sporlog_http::ApiError;
use sporlog_model::ErrorKind;
use sporlog_model::settings::{SettingDefinition, SettingGroup};

/// How much of an id the name of a permission repeats; the published schema allows no longer one.
const MOST_ID_CHARACTERS: usize = 100;

/// The ids in the path, as they were sent. What cannot be an id is the id of nothing.
#[derive(Debug)]
pub(crate) struct PathIds(BTreeMap<String, String>);

impl PathIds {
    /// What the permission for the group's settings names.
    pub(crate) fn group_resource(&self) -> String {
        self.shortened("groupId")
    }

    /// What the permission for the setting names.
    pub(crate) fn setting_resource(&self) -> String {
        format!("{}.{}", self.shortened("groupId"), self.shortened("settingId"))
    }

    /// The group.
    pub(crate) fn group(&self) -> Result<SettingGroup, ApiError> {
        SettingGroup::from_id(self.text("groupId"))
            .ok_or_else(|| not_found("There is no such setting group", "groupId", self.shortened("groupId")))
    }

    /// The setting.
    pub(crate) fn setting(&self) -> Result<&'static SettingDefinition, ApiError> {
        SettingDefinition::find(self.group()?, self.text("settingId"))
            .ok_or_else(|| not_found("There is no such setting", "settingId", self.shortened("settingId")))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    fn shortened(&self, name: &str) -> String {
        self.text(name).chars().take(MOST_ID_CHARACTERS).collect()
    }
}

fn not_found(message: &str, name: &str, id: String) -> ApiError {
    ApiError::new(ErrorKind::NotFound, "notFound", message).with_parameter(name, id)
}

impl<S: Send + Sync> FromRequestParts<S> for PathIds {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Fails only where a part is not UTF-8.
        let ids = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(ids.map(|Path(ids)| ids).unwrap_or_default()))
    }
}
