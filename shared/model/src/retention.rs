use std::time::Duration;

use crate::settings::SettingGroup;
use crate::{EntityType, Instant};

/// A group of settings whose events this log keeps, so that its retention period deletes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionGroup {
    /// FOLIO's acquisition events.
    Acquisition,
    /// The logs of KYC cases.
    Kyc,
}

impl RetentionGroup {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Acquisition, Self::Kyc];

    /// The group whose settings these are.
    pub const fn settings(self) -> SettingGroup {
        match self {
            Self::Acquisition => SettingGroup::Acquisition,
            Self::Kyc => SettingGroup::Kyc,
        }
    }

    /// The id of that group.
    pub const fn name(self) -> &'static str {
        self.settings().id()
    }

    /// Reads [`RetentionGroup::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Whose events are kept and deleted by this group's settings. What callers did to Sporlog itself, and the exports to
    /// Bufdir, have no period: nothing deletes them.
    pub const fn of(entity_type: EntityType) -> Option<Self> {
        use EntityType as E;
        match entity_type {
            E::Order | E::OrderLine | E::Piece | E::Invoice | E::InvoiceLine | E::Organization => {
                Some(Self::Acquisition)
            }
            E::KycCase => Some(Self::Kyc),
            E::Org | E::ApiKey | E::Setting | E::Retention | E::ExportConfig | E::BufdirExport => None,
        }
    }
}

/// For how many days events are kept: 1–36,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// `None` outside the range; -1, which keeps events for ever, is no period.
    pub fn new(days: i64) -> Option<Self> {
        u16::try_from(days).ok().filter(|days| (1..=36_500).contains(days)).map(Self)
    }

    /// The number of days.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// What is older than this is to be deleted.
    pub fn cutoff(self, now: Instant) -> Instant {
        now.minus(Duration::from_hours(24 * u64::from(self.0)))
    }
}

/// How old an event is for its retention: since it happened, or since it was recorded if its producer dates it later.
pub fn aged_from(occurred_at: Instant, recorded_at: Instant) -> Instant {
    occurred_at.min(recorded_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_acquisition_event_has_a_period() {
        for group in RetentionGroup::ALL {
            assert_eq!(RetentionGroup::from_name(group.name()), Some(group));
            assert_eq!(group.settings().events(), Some(group));
        }
        for entity_type in EntityType::ALL {
            let acquisition = EntityType::ACQUISITION.contains(&entity_type);
            assert_eq!(RetentionGroup::of(entity_type) == Some(RetentionGroup::Acquisition), acquisition);
        }
    }

    #[test]
    fn a_period_is_days() {
        assert_eq!([-1, 0, 36_501, i64::MAX].map(RetentionDays::new), [None; 4]);
        let now = Instant::parse("2026-03-01T12:00:00Z").unwrap();
        let cutoff = |days| RetentionDays::new(days).unwrap().cutoff(now).to_string();
        assert_eq!(cutoff(1), "2026-02-28T12:00:00.000000Z");
        assert_eq!(cutoff(36_500), "1926-03-26T12:00:00.000000Z");
    }
}
