use std::fmt;

use crate::name::is_hidden;

/// The most activity types that one export can name; 100 of 64 characters keep a record far below what an item can hold.
pub const MAX_ACTIVITY_TYPES: usize = 100;

/// Text that cannot be what it is meant to be. Says what it must be, to go on after the name of the member: "must be …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(pub(super) &'static str);

macro_rules! visible_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Counts characters (Unicode scalar values), not bytes. Kept as it was sent.
            pub fn parse(text: &str) -> Result<Self, InvalidText> {
                let visible = (1..=128).contains(&text.chars().count()) && !text.contains(is_hidden);
                visible.then(|| Self(text.to_owned())).ok_or(InvalidText("must be 1 to 128 visible characters"))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

visible_text! {
    /// An export, in the words of the system that makes it. Unique within its organization. 1–128 visible characters.
    ExportId
}

visible_text! {
    /// Who had an export made, in the words of the system that makes it. 1–128 visible characters.
    UserId
}

/// A kind of activity that an export covers: `group_session`. 1–64 of `a-z 0-9 _`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityType(String);

impl ActivityType {
    /// Case-sensitive: capitals are refused.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(legal);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidText("must be 1 to 64 lower-case letters, digits or '_'"))
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an export failed or was cancelled, in any words: 1–2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark(String);

impl Remark {
    /// Counts characters (Unicode scalar values), not bytes. Kept as it was sent, line breaks and all.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let valid = (1..=2_000).contains(&text.chars().count());
        valid.then(|| Self(text.to_owned())).ok_or(InvalidText("must be a text of 1 to 2000 characters"))
    }

    /// The remark as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_others_are_visible() {
        for good in ["exp-20260326-xyz789", "a", "a#b", "årsrapport/2025", &"ø".repeat(128)] {
            assert_eq!(ExportId::parse(good).unwrap().as_str(), good);
            assert_eq!(UserId::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", " ", "a b", " a", "a\n", "a\u{0}", "a\u{200b}b", "a\u{202e}b", "a\u{a0}b", &"ø".repeat(129)] {
            assert!(ExportId::parse(bad).is_err(), "{bad:?}");
            assert!(UserId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn activity_types_are_words_of_programs() {
        for good in ["group_session", "a", "0", "_", &"x".repeat(64)] {
            assert_eq!(ActivityType::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Group", "a-b", "a b", "ø", &"x".repeat(65)] {
            assert!(ActivityType::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn remarks_are_any_text() {
        for good in ["x", " a\nb\t", &"ø".repeat(2_000)] {
            assert_eq!(Remark::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", &"ø".repeat(2_001)] {
            assert!(Remark::parse(bad).is_err());
        }
    }
}
