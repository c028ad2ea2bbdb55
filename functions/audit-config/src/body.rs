use serde_json::{Map, Value};
use sporlog_http::{ApiError, Members, RequestBody};
use sporlog_model::ErrorKind;
use sporlog_model::settings::{SettingDefinition, SettingType, SettingValue};
use sporlog_store::DescriptionChange;

const KEY: &str = "must be 3 to 100 lower case letters, digits and dots";
const GROUP_ID: &str = "must be lower case letters, digits and dots";
const VALUE: &str = "must be a text, a whole number or true or false";
const KIND: &str = "must be one of STRING, INTEGER, BOOLEAN";
const DESCRIPTION: &str = "must be a text of at most 500 characters";
const METADATA: &str = "must be an object";

/// What `PUT` must say; read, but not yet compared with any setting.
#[derive(Debug)]
pub(crate) struct SettingBody {
    key: String,
    pub(crate) value: SettingValue,
    kind: SettingType,
    pub(crate) description: DescriptionChange,
    group_id: Option<String>,
}

impl RequestBody for SettingBody {
    const MEMBERS: Option<&'static [&'static str]> =
        Some(&["key", "value", "type", "description", "groupId", "metadata"]);

    fn read(members: &Members) -> Result<Self, ApiError> {
        let body = Self {
            key: id(members.required("key", KEY)?, "key", KEY)?,
            value: members.required("value", VALUE)?,
            kind: members.required("type", KIND)?,
            description: description(members)?,
            group_id: members.optional("groupId", GROUP_ID)?.map(|text| id(text, "groupId", GROUP_ID)).transpose()?,
        };
        // Senders give back what they have read. Nothing of it is used.
        members.optional::<Map<String, Value>>("metadata", METADATA)?;
        Ok(body)
    }
}

impl SettingBody {
    /// Whether this is about that setting, and the setting takes it.
    pub(crate) fn check(&self, setting: &SettingDefinition) -> Result<(), ApiError> {
        if self.group_id.as_deref().is_some_and(|id| id != setting.group.id()) {
            return Err(ApiError::invalid_member("groupId", "must be the one in the path"));
        }
        if self.key != setting.key {
            return Err(ApiError::invalid_member("key", "must be the one in the path"));
        }
        if self.kind != setting.kind() {
            return Err(ApiError::invalid_member(
                "type",
                &format!("must be {}, as the setting's", setting.kind().name()),
            ));
        }
        // In mod-audit's words, which do not begin with the member.
        setting
            .validate(&self.value)
            .map_err(|error| ApiError::new(ErrorKind::Invalid, "validationError", error.to_string()))
    }
}

fn id(text: String, member: &str, form: &str) -> Result<String, ApiError> {
    let characters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.');
    let shortest = if member == "key" { 3 } else { 1 };
    if characters && (shortest..=100).contains(&text.len()) {
        Ok(text)
    } else {
        Err(ApiError::invalid_member(member, form))
    }
}

fn description(members: &Members) -> Result<DescriptionChange, ApiError> {
    match members.optional::<String>("description", DESCRIPTION)? {
        Some(text) if text.chars().count() > 500 => Err(ApiError::invalid_member("description", DESCRIPTION)),
        Some(text) => Ok(DescriptionChange::Set(text)),
        None if members.contains("description") => Ok(DescriptionChange::Clear),
        None => Ok(DescriptionChange::Keep),
    }
}
