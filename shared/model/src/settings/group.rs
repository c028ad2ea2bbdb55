use std::fmt;

use serde::{Deserialize, Serialize};

use crate::RetentionGroup;

/// The groups that settings come in: one for each kind of record that is audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingGroup {
    /// FOLIO's orders, pieces, invoices and organizations: what `ingest` takes. Sporlog's own.
    #[serde(rename = "audit.acquisition")]
    Acquisition,
    #[serde(rename = "audit.authority")]
    Authority,
    #[serde(rename = "audit.inventory")]
    Inventory,
    /// The logs of KYC cases. Sporlog's own.
    #[serde(rename = "audit.kyc")]
    Kyc,
    #[serde(rename = "audit.user")]
    User,
}

impl SettingGroup {
    /// Every group, by id.
    pub const ALL: [Self; 5] = [Self::Acquisition, Self::Authority, Self::Inventory, Self::Kyc, Self::User];

    /// The id, in paths and permissions: `audit.user`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Acquisition => "audit.acquisition",
            Self::Authority => "audit.authority",
            Self::Inventory => "audit.inventory",
            Self::Kyc => "audit.kyc",
            Self::User => "audit.user",
        }
    }

    /// Reads [`SettingGroup::id`] back.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.id() == id)
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acquisition => "Acquisition Audit Configuration",
            Self::Authority => "Authority Audit Configuration",
            Self::Inventory => "Inventory Audit Configuration",
            Self::Kyc => "KYC Audit Configuration",
            Self::User => "User Audit Configuration",
        }
    }

    /// What it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Acquisition => {
                "Group of configurations for audit of acquisition records: orders, pieces, invoices, organizations, etc."
            }
            Self::Authority => "Group of configurations for audit of authority records",
            Self::Inventory => {
                "Group of configurations for audit of inventory records: instances, holdings, items, etc."
            }
            Self::Kyc => "Group of configurations for audit of KYC cases",
            Self::User => "Group of configurations for audit of user records",
        }
    }

    /// The events that this group's settings act on; `None` when Sporlog keeps none of its kind.
    pub const fn events(self) -> Option<RetentionGroup> {
        match self {
            Self::Acquisition => Some(RetentionGroup::Acquisition),
            Self::Kyc => Some(RetentionGroup::Kyc),
            Self::Authority | Self::Inventory | Self::User => None,
        }
    }
}

impl fmt::Display for SettingGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
