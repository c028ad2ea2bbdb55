use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a setting holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    Boolean(bool),
    /// In JSON a number without fraction or exponent, within 64 bits.
    Integer(i64),
    String(Cow<'static, str>),
}

/// What kind of value a setting holds, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SettingType {
    String,
    Integer,
    Boolean,
}

impl SettingType {
    /// The name in the API: `INTEGER`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Integer => "INTEGER",
            Self::Boolean => "BOOLEAN",
        }
    }
}

impl SettingValue {
    /// The type that the value is of.
    pub const fn kind(&self) -> SettingType {
        match self {
            Self::Boolean(_) => SettingType::Boolean,
            Self::Integer(_) => SettingType::Integer,
            Self::String(_) => SettingType::String,
        }
    }

    /// The value of a switch.
    pub const fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// The value of a number.
    pub const fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    /// The value of a text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }
}

/// How the snapshot of an acquisition event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotFormat {
    /// The object itself, as the published schema has it.
    Plain,
    /// `{"map": {…}, "empty": false}`, which mod-audit in fact answers and FOLIO's screens read.
    Wrapped,
}

impl SnapshotFormat {
    /// Reads `plain` or `wrapped`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "plain" => Some(Self::Plain),
            "wrapped" => Some(Self::Wrapped),
            _ => None,
        }
    }
}
