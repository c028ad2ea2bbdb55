use std::borrow::Cow;

use super::SettingGroup::{Acquisition, Authority, Inventory, Kyc, User};
use super::{SettingGroup, SettingRange, SettingType, SettingValue};
use crate::RetentionGroup;

/// A setting that there is, with what it is where nobody has changed it.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingDefinition {
    pub group: SettingGroup,
    /// Unique within the group.
    pub key: &'static str,
    /// Also says of which type every value is.
    pub default: SettingValue,
    pub description: &'static str,
    pub range: SettingRange,
}

/// Whether events of the group are taken.
pub const ENABLED: &str = "enabled";
/// For how many days events of the group are kept.
pub const RETENTION_PERIOD: &str = "records.retention.period";
/// How snapshots are shown to who does not ask for a format.
pub const SNAPSHOT_FORMAT: &str = "snapshot.format";

const PAGE_SIZE: &str = "records.page.size";
const FOREVER: SettingValue = SettingValue::Integer(-1);
const TEN: SettingValue = SettingValue::Integer(10);
const ON: SettingValue = SettingValue::Boolean(true);
const OFF: SettingValue = SettingValue::Boolean(false);

/// Every setting, by group and key: those that mod-audit ships with a new tenant, as it ships them, and those of Sporlog's two groups.
pub static SETTINGS: [SettingDefinition; 16] = [
    setting(Acquisition, ENABLED, ON, "Defines if the acquisition audit is enabled", SettingRange::Any),
    setting(
        Acquisition,
        RETENTION_PERIOD,
        FOREVER,
        "Retention period for acquisition record in days",
        SettingRange::Days,
    ),
    setting(
        Acquisition,
        SNAPSHOT_FORMAT,
        text("plain"),
        "Form of the snapshots of acquisition records: plain or wrapped",
        SettingRange::SnapshotFormat,
    ),
    setting(Authority, ENABLED, ON, "Defines if the authority audit is enabled", SettingRange::Any),
    setting(Authority, PAGE_SIZE, TEN, "Number of records to display per page", SettingRange::PageSize),
    setting(Authority, RETENTION_PERIOD, FOREVER, "Retention period for authority record in days", SettingRange::Days),
    setting(Inventory, ENABLED, ON, "Defines if the inventory audit is enabled", SettingRange::Any),
    setting(Inventory, PAGE_SIZE, TEN, "Number of records to display per page", SettingRange::PageSize),
    setting(Inventory, RETENTION_PERIOD, FOREVER, "Retention period for inventory record in days", SettingRange::Days),
    setting(Kyc, ENABLED, ON, "Defines if the KYC audit is enabled", SettingRange::Any),
    setting(Kyc, RETENTION_PERIOD, FOREVER, "Retention period for KYC record in days", SettingRange::Days),
    setting(
        User,
        "anonymize",
        OFF,
        "Defines if the editing person should be anonymized in user audit records",
        SettingRange::Any,
    ),
    setting(User, ENABLED, OFF, "Defines if the user audit is enabled", SettingRange::Any),
    setting(
        User,
        "excluded.fields",
        text("[]"),
        "Defines the field paths to exclude from user audit record diffs",
        SettingRange::Paths,
    ),
    setting(User, PAGE_SIZE, TEN, "Number of records to display per page", SettingRange::PageSize),
    setting(User, RETENTION_PERIOD, FOREVER, "Retention period for user record in days", SettingRange::Days),
];

const fn setting(
    group: SettingGroup,
    key: &'static str,
    default: SettingValue,
    description: &'static str,
    range: SettingRange,
) -> SettingDefinition {
    SettingDefinition { group, key, default, description, range }
}

const fn text(text: &'static str) -> SettingValue {
    SettingValue::String(Cow::Borrowed(text))
}

impl SettingDefinition {
    /// The setting with that key; `None` when the group has none.
    pub fn find(group: SettingGroup, key: &str) -> Option<&'static Self> {
        Self::of_group(group).find(|setting| setting.key == key)
    }

    /// The settings of a group, by key.
    pub fn of_group(group: SettingGroup) -> impl Iterator<Item = &'static Self> {
        SETTINGS.iter().filter(move |setting| setting.group == group)
    }

    /// The type of every value.
    pub const fn kind(&self) -> SettingType {
        self.default.kind()
    }

    /// The name in permissions and in the log: `audit.user.anonymize`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.group, self.key)
    }

    /// Whose retention period this is; `None` for every other setting, and where Sporlog keeps no events.
    pub fn retention(&self) -> Option<RetentionGroup> {
        self.group.events().filter(|_| self.key == RETENTION_PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    fn mod_audit() -> Value {
        serde_json::from_str(include_str!("../../../../tests/audit_config/mod_audit_defaults.json")).unwrap()
    }

    #[test]
    fn groups_and_settings_of_mod_audit_are_as_it_ships_them() {
        let shipped = mod_audit();
        let ours = [Acquisition, Kyc];
        let groups = SettingGroup::ALL.into_iter().filter(|group| !ours.contains(group));
        let views = groups
            .clone()
            .map(|group| json!({"id": group.id(), "name": group.name(), "description": group.description()}));
        assert_eq!(shipped["settingGroups"]["settingGroups"], views.collect::<Value>());
        for group in groups {
            let settings = SettingDefinition::of_group(group).map(|setting| {
                let SettingDefinition { key, default, description, .. } = setting;
                json!({"key": key, "value": default, "type": setting.kind(), "description": description, "groupId": group})
            });
            assert_eq!(shipped["settingsByGroup"][group.id()]["settings"], settings.collect::<Value>(), "{group}");
        }
        assert_eq!(shipped["settingsByGroup"].as_object().unwrap().len(), 3);
    }

    #[test]
    fn the_table_is_in_order_and_whole() {
        assert!(SETTINGS.is_sorted_by_key(|setting| (setting.group.id(), setting.key)));
        assert!(SettingGroup::ALL.is_sorted_by_key(|group| group.id()));
        let names: BTreeSet<String> = SETTINGS.iter().map(SettingDefinition::full_name).collect();
        assert_eq!(names.len(), SETTINGS.len());
        for setting in &SETTINGS {
            assert_eq!(setting.validate(&setting.default), Ok(()), "{}", setting.full_name());
            assert_eq!(SettingDefinition::find(setting.group, setting.key), Some(setting));
            // The bounds of the published schema.
            let is_id = |id: &str| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.');
            assert!(is_id(setting.key) && (3..=100).contains(&setting.key.len()) && setting.description.len() <= 500);
            assert!(is_id(setting.group.id()) && (3..=50).contains(&setting.group.id().len()));
        }
        for group in SettingGroup::ALL {
            assert_eq!(SettingGroup::from_id(group.id()), Some(group));
            assert_eq!(serde_json::to_value(group).unwrap(), group.id());
            assert!(SettingDefinition::find(group, ENABLED).is_some() && group.name().len() <= 100);
        }
        assert_eq!(SettingGroup::from_id("audit"), None);
        assert_eq!(SettingDefinition::find(Kyc, PAGE_SIZE), None);
    }
}
