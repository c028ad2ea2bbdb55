use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_model::settings::{
    ENABLED, SNAPSHOT_FORMAT, SettingDefinition, SettingGroup, SettingValue, SnapshotFormat,
};
use sporlog_model::{Instant, OrgId};

use crate::{Setting, Store, StoreError, keys};

/// For how long what was read is good. A changed setting has to act within 5 s.
const GOOD_FOR: Duration = Duration::from_secs(2);

/// How many groups this process remembers before it starts over; a bound on memory, not on organizations.
const GROUPS_KEPT: usize = 10_000;

/// What a process has read of settings.
#[derive(Debug, Default)]
pub(crate) struct SettingsRead(Mutex<HashMap<(OrgId, SettingGroup), InEffect>>);

/// What the settings of a group come to.
#[derive(Debug, Clone, Copy)]
struct InEffect {
    /// When the read began: what is changed after that is not in it.
    read_at: Instant,
    enabled: bool,
    snapshot_format: SnapshotFormat,
}

impl Store {
    /// Whether an organization's events of `group` are taken. As it was at most 2 s ago.
    pub async fn is_enabled(&self, scope: &TenantScope, group: SettingGroup) -> Result<bool, StoreError> {
        Ok(self.in_effect(scope, group).await?.enabled)
    }

    /// How an organization wants its acquisition snapshots. As it was at most 2 s ago.
    pub async fn snapshot_format(&self, scope: &TenantScope) -> Result<SnapshotFormat, StoreError> {
        Ok(self.in_effect(scope, SettingGroup::Acquisition).await?.snapshot_format)
    }

    async fn in_effect(&self, scope: &TenantScope, group: SettingGroup) -> Result<InEffect, StoreError> {
        let place = (scope.org().clone(), group);
        let read_at = self.clock.now();
        if let Some(known) = self.settings_read.lock().get(&place)
            // A clock that was set back says nothing about age.
            && known.read_at <= read_at
            && read_at.since(known.read_at) < GOOD_FOR
        {
            return Ok(*known);
        }
        let settings = self.settings(scope, group).await?;
        let in_effect = InEffect {
            read_at,
            enabled: value_of(scope, &settings, ENABLED, SettingValue::as_boolean)?.unwrap_or(true),
            snapshot_format: value_of(scope, &settings, SNAPSHOT_FORMAT, snapshot_format)?
                .unwrap_or(SnapshotFormat::Plain),
        };
        let mut read = self.settings_read.lock();
        if read.len() >= GROUPS_KEPT {
            read.clear();
        }
        read.insert(place, in_effect);
        Ok(in_effect)
    }
}

impl SettingsRead {
    fn lock(&self) -> MutexGuard<'_, HashMap<(OrgId, SettingGroup), InEffect>> {
        // A map of copies is whole after any panic, so a poisoned lock is as good as another.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of a setting of the group; `None` when the group has no such setting.
fn value_of<T>(
    scope: &TenantScope,
    settings: &[Setting],
    key: &str,
    read: impl FnOnce(&SettingValue) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let Some(setting) = settings.iter().find(|setting| setting.definition.key == key) else { return Ok(None) };
    let damaged = |definition: &SettingDefinition| {
        let key = keys::setting(scope.org(), definition);
        StoreError::Corrupt { key: format!("{} {}", key.pk, key.sk), problem: "value" }
    };
    read(&setting.value).map(Some).ok_or_else(|| damaged(setting.definition))
}

fn snapshot_format(value: &SettingValue) -> Option<SnapshotFormat> {
    value.as_text().and_then(SnapshotFormat::from_name)
}
