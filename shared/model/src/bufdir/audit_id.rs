use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Day, InvalidId};

/// The largest number that a day's records can have: twelve digits, so that numbers can be padded to one width in keys.
pub const MAX_AUDIT_NUMBER: u64 = 999_999_999_999;

/// The record of an export to Bufdir: `aud-20260326-007`, the day on which it was made (UTC) and its number on that day,
/// counted from 1 over all organizations, in at least three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditId {
    day: Day,
    number: u64,
}

impl AuditId {
    /// The record with this number on this day. `None` when there can be no such number.
    pub fn new(day: Day, number: u64) -> Option<Self> {
        (1..=MAX_AUDIT_NUMBER).contains(&number).then_some(Self { day, number })
    }

    /// Each record has one id: a number with more zeros than three digits need is none.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let parse = || {
            let (day, number) = text.strip_prefix("aud-")?.split_once('-')?;
            let (year, month_and_day) = day.split_at_checked(4)?;
            let (month, day) = month_and_day.split_at_checked(2)?;
            let day = Day::parse_strict(&format!("{year}-{month}-{day}")).ok()?;
            Self::new(day, number.parse().ok()?)
        };
        let canonical = parse().filter(|id: &Self| id.to_string() == text);
        canonical
            .ok_or(InvalidId::new("the audit id", "aud-, a day as YYYYMMDD, - and a number of at least three digits"))
    }

    /// The day on which its record was made, UTC.
    pub fn day(self) -> Day {
        self.day
    }

    /// The number on its day.
    pub fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aud-{}-{:03}", self.day.to_string().replace('-', ""), self.number)
    }
}

impl Serialize for AuditId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId;

    #[test]
    fn one_text_for_each_record() {
        for good in [
            "aud-20260301-001",
            "aud-20260326-007",
            "aud-20260326-999",
            "aud-20260326-1000",
            "aud-00010101-010",
            "aud-20260326-999999999999",
        ] {
            let id = AuditId::parse(good).unwrap();
            assert_eq!(id.to_string(), good);
            assert_eq!(EntityId::parse(good), Ok(EntityId::from(id)));
        }
        for bad in [
            "",
            "aud-",
            "aud-20260326",
            "aud-20260326-",
            "aud-20260326-7",
            "aud-20260326-07",
            "aud-20260326-0007",
            "aud-20260326-000",
            "aud-20260326-01000",
            "aud-20260326-+07",
            "aud-20260326--07",
            "aud-20260326-007 ",
            "aud-20260326-007-1",
            "aud-20260332-007",
            "aud-2026-03-26-007",
            "aud-26032026-007",
            "AUD-20260326-007",
            "aud-å0260326-007",
            "aud-20260326-1000000000000",
            "aud-20260326-99999999999999999999",
        ] {
            assert!(AuditId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
