use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_auth::TenantScope;
use sporlog_model::settings::{RETENTION_PERIOD, SettingDefinition, SettingGroup, SettingValue};
use sporlog_model::{Actor, EntityId, EntityType, Event, Instant, RetentionDays, RetentionGroup};

use crate::org::{EDIT, own_event};
use crate::setting_item::{document, parse_setting, row_of};
use crate::table::{Backoff, Change};
use crate::{SortOrder, Store, StoreError, keys};

/// A setting as an organization has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub definition: &'static SettingDefinition,
    pub value: SettingValue,
    pub description: Option<String>,
    /// `None` while nobody has changed the setting: then it is nowhere stored.
    pub metadata: Option<SettingMetadata>,
}

/// Who changed a setting first and last, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingMetadata {
    pub created_at: Instant,
    pub created_by: Option<String>,
    pub updated_at: Instant,
    pub updated_by: Option<String>,
}

/// What a setting is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    pub value: SettingValue,
    pub description: DescriptionChange,
}

/// What is to become of a setting's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescriptionChange {
    Keep,
    Clear,
    Set(String),
}

/// A setting that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutSetting {
    pub setting: Setting,
    /// Whether events that were to be kept are too old now.
    pub shortens_retention: bool,
}

/// Takes the lease from a sweep that goes by the period before: it stops at its next transaction.
const STOP: &str = "REMOVE lease, lease_until";

impl Store {
    /// The settings of a group, by key: the organization's own where it has changed them, else as shipped. One query.
    pub async fn settings(&self, scope: &TenantScope, group: SettingGroup) -> Result<Vec<Setting>, StoreError> {
        let partition = keys::settings_partition(scope.org());
        let request = self.range(&partition, &keys::setting_prefix(group), SortOrder::Ascending);
        let rows = self.slice(request, 0, u64::MAX).await?;
        let mut changed: Vec<Setting> = rows
            .iter()
            .map(|row| Ok(parse_setting(row, row.parse("sk", keys::parse_setting)?)?.setting))
            .collect::<Result<_, StoreError>>()?;
        let unchanged = SettingDefinition::of_group(group)
            .filter(|definition| changed.iter().all(|setting| setting.definition.key != definition.key))
            .map(shipped)
            .collect::<Vec<_>>();
        changed.extend(unchanged);
        changed.sort_by_key(|setting| setting.definition.key);
        Ok(changed)
    }

    /// Changes a setting, and records that in the organization's log, in the same transaction. Of two who change it at once,
    /// one comes after the other: what is before in the later's event is what is after in the earlier's.
    ///
    /// The value must be valid for the setting.
    pub async fn put_setting(
        &self,
        scope: &TenantScope,
        definition: &'static SettingDefinition,
        change: &SettingChange,
        by: &Actor,
    ) -> Result<PutSetting, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let row = self.get(keys::setting(scope.org(), definition)).await?;
            let stored = row.as_ref().map(|row| parse_setting(row, definition)).transpose()?;
            let (before, version) = stored.map_or_else(|| (shipped(definition), 0), |s| (s.setting, s.version));
            let now = self.time_of_change(&before);
            let after = changed(&before, change, by, now);
            let shortens_retention = shortens_retention(&before, &after);
            let mut items = vec![match version {
                0 => self.create(row_of(scope, &after, 1)),
                known => self.replace_version(row_of(scope, &after, known + 1), known),
            }];
            if let Some(group) = definition.retention() {
                items.push(self.retention_change(scope, group, &after, shortens_retention));
            }
            match self.append_with(scope, &event(&before, &after, by, now)?, items).await {
                Ok(_) => return Ok(PutSetting { setting: after, shortens_retention }),
                // Somebody else changed it since it was read.
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// For how long a group's events are kept; `None`: for ever.
    pub(crate) async fn retention_days(
        &self,
        scope: &TenantScope,
        group: RetentionGroup,
    ) -> Result<Option<RetentionDays>, StoreError> {
        let Some(definition) = SettingDefinition::find(group.settings(), RETENTION_PERIOD) else { return Ok(None) };
        let row = self.get(keys::setting(scope.org(), definition)).await?;
        let stored = row.as_ref().map(|row| parse_setting(row, definition)).transpose()?;
        Ok(days(&stored.map_or_else(|| shipped(definition), |stored| stored.setting)))
    }

    /// Now; but after the change before, also where that was by the faster clock of another server: the history is in order.
    fn time_of_change(&self, before: &Setting) -> Instant {
        let now = self.clock.now();
        before.metadata.as_ref().map_or(now, |metadata| now.max(metadata.updated_at.plus(Duration::from_micros(1))))
    }

    /// Has the events of the group looked at: at once when some are too old now, by and by when they are to be kept for a
    /// time, not when they are kept for ever.
    fn retention_change(
        &self,
        scope: &TenantScope,
        group: RetentionGroup,
        after: &Setting,
        at_once: bool,
    ) -> TransactWriteItem {
        let (partition, sort) = keys::retention_due(scope.org(), group, self.clock.now());
        let due = |expression: &str| Change::new(expression).text(":pk", &partition).text(":sk", &sort);
        let change = if at_once {
            due("SET gsi1pk = :pk, gsi1sk = :sk")
        } else if days(after).is_none() {
            // It stays due if it was: the sweep that finds no period tells what was deleted before, and takes it out.
            Change::new(STOP)
        } else {
            due(&format!("SET gsi1pk = if_not_exists(gsi1pk, :pk), gsi1sk = if_not_exists(gsi1sk, :sk) {STOP}"))
        };
        self.update(keys::retention(scope.org(), group), change)
    }
}

fn changed(before: &Setting, change: &SettingChange, by: &Actor, now: Instant) -> Setting {
    let (created_at, created_by) = match &before.metadata {
        Some(metadata) => (metadata.created_at, metadata.created_by.clone()),
        None => (now, by.id.clone()),
    };
    let description = match &change.description {
        DescriptionChange::Keep => before.description.clone(),
        DescriptionChange::Clear => None,
        DescriptionChange::Set(text) => Some(text.clone()),
    };
    let metadata = SettingMetadata { created_at, created_by, updated_at: now, updated_by: by.id.clone() };
    Setting { definition: before.definition, value: change.value.clone(), description, metadata: Some(metadata) }
}

/// For how many days events are kept; `None` for ever.
fn days(setting: &Setting) -> Option<RetentionDays> {
    setting.value.as_integer().and_then(RetentionDays::new)
}

fn shortens_retention(before: &Setting, after: &Setting) -> bool {
    let shorter = match (days(before), days(after)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
    };
    after.definition.retention().is_some() && shorter
}

fn shipped(definition: &'static SettingDefinition) -> Setting {
    let description = Some(definition.description.to_owned());
    Setting { definition, value: definition.default.clone(), description, metadata: None }
}

fn event(before: &Setting, after: &Setting, by: &Actor, at: Instant) -> Result<Event, StoreError> {
    let entity_id = EntityId::parse(&after.definition.full_name());
    let entity_id = entity_id.map_err(|error| StoreError::Refused(Box::new(error)))?;
    own_event(EntityType::Setting, entity_id, at, EDIT, by, Some(document(before)), document(after))
}
