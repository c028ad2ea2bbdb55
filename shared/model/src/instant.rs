use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time in whole microseconds UTC, from year 0 to the last day of year 9999.
///
/// The bounds make the text form fixed in width, so that its byte order is the order of time: keys rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Timestamp);

/// A calendar day, UTC; `2026-11-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// Text or number that is no instant in the supported range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a date and time")]
pub struct InvalidInstant;

impl Instant {
    /// 9999-12-30T22:00:00Z: the last instant that is in year 9999 in every time zone.
    pub const MAX: Self = Self(Timestamp::constant(253_402_207_200, 0));
    /// 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(Timestamp::constant(-62_167_219_200, 0));

    /// Cuts to whole microseconds. `None` outside the supported years.
    pub fn from_timestamp(timestamp: Timestamp) -> Option<Self> {
        // Truncation must go towards the past also before 1970, or an instant could sort after a later one.
        let micros = timestamp.as_nanosecond().div_euclid(1_000);
        let cut = Self(Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok()?);
        (Self::MIN..=Self::MAX).contains(&cut).then_some(cut)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn from_epoch_millis(millis: i64) -> Result<Self, InvalidInstant> {
        Timestamp::from_millisecond(millis).ok().and_then(Self::from_timestamp).ok_or(InvalidInstant)
    }

    /// RFC 3339 with any offset, and what FOLIO sends besides: an offset without colon (`+0000`), a date alone, a date and
    /// time without offset (both read as UTC), and epoch milliseconds in digits.
    pub fn parse(text: &str) -> Result<Self, InvalidInstant> {
        let text = text.trim();
        if !text.is_empty() && text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) {
            return Self::from_epoch_millis(text.parse().map_err(|_| InvalidInstant)?);
        }
        let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<DateTime>().ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        });
        timestamp.and_then(Self::from_timestamp).ok_or(InvalidInstant)
    }

    /// RFC 3339 with any offset, and nothing looser. A leap second (`23:59:60Z`) is the second before it.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidInstant> {
        // What reads it takes all of ISO 8601 and more, such as times without seconds.
        let timestamp = text.parse::<Timestamp>().ok().filter(|_| is_rfc3339(text));
        let instant = timestamp.and_then(Self::from_timestamp).ok_or(InvalidInstant)?;
        let is_leap_second = text.get(17..19) == Some("60");
        if is_leap_second && !instant.to_rfc3339_seconds().ends_with("23:59:59Z") {
            return Err(InvalidInstant);
        }
        Ok(instant)
    }

    /// Milliseconds and `Z`: `2024-11-14T08:48:48.340Z`.
    pub fn to_rfc3339_millis(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// Whole seconds and `Z`: `2024-11-14T08:48:48Z`.
    pub fn to_rfc3339_seconds(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// FOLIO's form: milliseconds and a numeric offset, `2024-11-14T08:48:48.340+00:00`, never `Z`.
    pub fn to_folio(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string()
    }

    /// Without separators, as it stands in keys of digests: `20241114T084848340000Z`, always 22 characters.
    pub fn to_compact(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%S%6fZ").to_string()
    }

    /// The day this instant falls on, UTC.
    pub fn day(self) -> Day {
        Day(self.0.to_zoned(TimeZone::UTC).date())
    }

    /// Seconds since 1970-01-01T00:00:00Z, as DynamoDB's TTL and JWT want it.
    pub fn epoch_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// This instant without its part of a second.
    pub fn whole_seconds(self) -> Self {
        let seconds = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
        self.0.round(seconds).ok().and_then(Self::from_timestamp).unwrap_or(self)
    }

    /// This instant moved forward; stops at [`Instant::MAX`].
    pub fn plus(self, span: Duration) -> Self {
        let moved = self.0.checked_add(signed(span)).ok().and_then(Self::from_timestamp);
        moved.unwrap_or(Self::MAX)
    }

    /// This instant moved back; stops at the first supported one.
    pub fn minus(self, span: Duration) -> Self {
        let moved = self.0.checked_sub(signed(span)).ok().and_then(Self::from_timestamp);
        moved.unwrap_or(Self::MIN)
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or(Duration::ZERO)
    }
}

/// Has the form of RFC 3339, section 5.6: `2024-11-14T08:48:48`, a fraction of the second or none, and `Z` or an offset. Whether there is
/// such a day and time is not looked at.
fn is_rfc3339(text: &str) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => match fraction.trim_start_matches(|c: char| c.is_ascii_digit()) {
            offset if offset.len() < fraction.len() => offset,
            _ => return false,
        },
        None => rest,
    };
    let is_offset = matches!(rest, "Z" | "z") || (has_form(rest, "+00:00") && &rest[1..3] < "24");
    is_offset && has_form(date_time, "0000-00-00T00:00:00")
}

/// The same length and the same characters, where `0` stands for any digit, `T` for itself and `t`, and `+` for a sign.
fn has_form(text: &str, form: &str) -> bool {
    let is_alike = |(found, wanted): (u8, u8)| match wanted {
        b'0' => found.is_ascii_digit(),
        b'T' => matches!(found, b'T' | b't'),
        b'+' => matches!(found, b'+' | b'-'),
        _ => found == wanted,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_alike)
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

/// The stored form: `2024-11-14T08:48:48.340000Z`, always 27 bytes.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Day {
    /// `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, InvalidInstant> {
        text.parse().map(Self).map_err(|_| InvalidInstant)
    }

    /// `YYYY-MM-DD` and nothing looser.
    pub fn parse_strict(text: &str) -> Result<Self, InvalidInstant> {
        Self::parse(text).ok().filter(|day| text.len() == 10 && day.to_string() == text).ok_or(InvalidInstant)
    }

    /// Midnight UTC, the first instant of the day.
    pub fn start(self) -> Instant {
        let midnight = self.0.to_datetime(jiff::civil::Time::midnight());
        let zoned = midnight.to_zoned(TimeZone::UTC).ok();
        zoned
            .and_then(|z| z.timestamp().round(Unit::Microsecond).ok())
            .and_then(Instant::from_timestamp)
            .unwrap_or(Instant::MIN)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_form_folio_sends() {
        for (text, expected) in [
            ("2022-11-10T09:29:00.578Z", "2022-11-10T09:29:00.578000Z"),
            ("2018-07-19T00:00:00.000+0000", "2018-07-19T00:00:00.000000Z"),
            ("2018-07-19T02:30:00.000+0230", "2018-07-19T00:00:00.000000Z"),
            ("2008-05-15T03:53:00-07:00", "2008-05-15T10:53:00.000000Z"),
            ("2018-07-19", "2018-07-19T00:00:00.000000Z"),
            ("2018-07-19T01:02:03", "2018-07-19T01:02:03.000000Z"),
            ("1668072540578", "2022-11-10T09:29:00.578000Z"),
            ("-1", "1969-12-31T23:59:59.999000Z"),
            ("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123456Z"),
        ] {
            assert_eq!(Instant::parse(text).map(|i| i.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn rfc_3339_alone() {
        for (text, expected) in [
            ("2024-11-14T08:48:48Z", "2024-11-14T08:48:48.000Z"),
            ("2024-11-14t09:48:48.3405+01:00", "2024-11-14T08:48:48.340Z"),
            ("2024-11-14T08:48:48.34-00:30", "2024-11-14T09:18:48.340Z"),
            ("2017-01-01T01:59:60+02:00", "2016-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Instant::parse_rfc3339(text).unwrap().to_rfc3339_millis(), expected, "{text}");
        }
        for text in [
            "",
            "0",
            "2024-11-14",
            "2024-11-14T08:48:48",
            "2024-11-14T08:48:48+0100",
            "2024-11-14T08:48:48+01",
            "20241114T084848Z",
            "2024-11-14T08:48:48+01:00[Europe/Oslo]",
            " 2024-11-14T08:48:48Z",
            "2024-11-14 08:48:48Z",
            "2024-02-30T00:00:00Z",
            "2024-11-14T08:48Z",
            "2024-11-14T08:48+01:00",
            "2024-11-14T08Z",
            "2024-11-14T084848Z",
            "2024-11-14T08:48:48.Z",
            "2024-11-14T08:48:48,34Z",
            "2024-11-14T08:48:48+24:00",
            "2024-11-14T08:48:60Z",
            "2024-11-14T08:48:48Z+01:00",
        ] {
            assert_eq!(Instant::parse_rfc3339(text), Err(InvalidInstant), "{text}");
        }
    }

    #[test]
    fn seconds_are_cut_and_not_rounded() {
        for (text, expected) in [
            ("2026-03-26T10:00:10.999999Z", "2026-03-26T10:00:10Z"),
            ("2026-03-26T11:00:10+01:00", "2026-03-26T10:00:10Z"),
        ] {
            assert_eq!(Instant::parse(text).unwrap().to_rfc3339_seconds(), expected);
        }
    }

    #[test]
    fn days_in_one_form() {
        assert_eq!(Day::parse_strict("2024-02-29").unwrap().to_string(), "2024-02-29");
        for text in ["", "20240229", "2023-02-29", "2024-2-29", "2024-02-29T00:00:00", "-002024-02-29", " 2024-02-29"] {
            assert_eq!(Day::parse_strict(text), Err(InvalidInstant), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "yesterday",
            "2018-13-01",
            "2018-07-19T25:00:00Z",
            "99999999999999999999",
            "-009999-01-01T00:00:00Z",
            "--1",
        ] {
            assert_eq!(Instant::parse(text), Err(InvalidInstant), "{text}");
        }
    }

    #[test]
    fn folio_form_has_milliseconds_and_a_numeric_offset() {
        let instant = Instant::parse("2024-11-14T08:48:48.340999Z").unwrap();
        assert_eq!(instant.to_folio(), "2024-11-14T08:48:48.340+00:00");
        assert_eq!(Instant::parse("0031-01-02T00:00:00Z").unwrap().to_folio(), "0031-01-02T00:00:00.000+00:00");
    }

    proptest! {
        #[test]
        fn text_order_is_time_order(a in -62_167_219_200_000_i64..253_402_207_200_000, b in -62_167_219_200_000_i64..253_402_207_200_000) {
            let (a, b) = (Instant::from_epoch_millis(a).unwrap(), Instant::from_epoch_millis(b).unwrap());
            prop_assert_eq!(a.to_string().len(), 27);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(Instant::parse(&a.to_string()), Ok(a));
            prop_assert!(a.day().start() <= a);
        }
    }
}
