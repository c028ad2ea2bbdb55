//! The settings of an organization, as folio-org/mod-audit ships them, and those that Sporlog adds.

mod group;
mod range;
mod shipped;
mod value;

pub use group::SettingGroup;
pub use range::{InvalidSetting, SettingRange};
pub use shipped::{ENABLED, RETENTION_PERIOD, SETTINGS, SNAPSHOT_FORMAT, SettingDefinition};
pub use value::{SettingType, SettingValue, SnapshotFormat};
