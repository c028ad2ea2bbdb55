use super::{SettingDefinition, SettingType, SettingValue, SnapshotFormat};

/// Limits of `excluded.fields`. Far above any list that people write, far below what a stored item may hold.
const MOST_PATHS: usize = 100;
const MOST_PATH_CHARACTERS: usize = 100;
const MOST_LIST_BYTES: usize = 16 * 1024;

/// Which values of its type a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingRange {
    /// Every one.
    Any,
    /// Rows on a page: 1–1000.
    PageSize,
    /// Days: 1–36500 (a hundred years), or -1 for ever.
    Days,
    /// A JSON array of paths into a record, such as `["personal.email"]`.
    Paths,
    /// `plain` or `wrapped`.
    SnapshotFormat,
}

/// Why a value is none for a setting. The text is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    #[error("Setting value should be {}", noun(*.0))]
    WrongType(SettingType),
    #[error("value must be {}", .0.describe())]
    OutOfRange(SettingRange),
}

const fn noun(kind: SettingType) -> &'static str {
    match kind {
        SettingType::String => "a string",
        SettingType::Integer => "an integer",
        SettingType::Boolean => "a boolean",
    }
}

impl SettingDefinition {
    /// Whether the setting takes this value.
    pub fn validate(&self, value: &SettingValue) -> Result<(), InvalidSetting> {
        if value.kind() != self.kind() {
            return Err(InvalidSetting::WrongType(self.kind()));
        }
        if self.range.holds(value) { Ok(()) } else { Err(InvalidSetting::OutOfRange(self.range)) }
    }
}

impl SettingRange {
    fn holds(self, value: &SettingValue) -> bool {
        let number = value.as_integer();
        match self {
            Self::Any => true,
            Self::PageSize => number.is_some_and(|rows| (1..=1000).contains(&rows)),
            Self::Days => number.is_some_and(|days| days == -1 || (1..=36_500).contains(&days)),
            Self::Paths => value.as_text().is_some_and(are_paths),
            Self::SnapshotFormat => value.as_text().and_then(SnapshotFormat::from_name).is_some(),
        }
    }

    /// What a value must be, to go on after "must be".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Any => "any value of its type",
            Self::PageSize => "from 1 to 1000",
            Self::Days => "-1 or from 1 to 36500",
            Self::Paths => {
                "a JSON array of at most 100 dotted paths of at most 100 characters each, in at most 16384 bytes"
            }
            Self::SnapshotFormat => "plain or wrapped",
        }
    }
}

fn are_paths(text: &str) -> bool {
    text.len() <= MOST_LIST_BYTES
        && serde_json::from_str::<Vec<String>>(text)
            .is_ok_and(|paths| paths.len() <= MOST_PATHS && paths.iter().all(|path| is_path(path)))
}

/// Names joined by dots. A name is any text without white space, but not none.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    path.chars().count() <= MOST_PATH_CHARACTERS && path.split('.').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_the_type_and_in_the_range() {
        let text = |text: &str| SettingValue::String(text.to_owned().into());
        let long = "x".repeat(MOST_PATH_CHARACTERS + 1);
        let many = serde_json::to_string(&vec!["a"; MOST_PATHS + 1]).unwrap();
        let wide = format!("[{}]", " ".repeat(MOST_LIST_BYTES - 1));
        for (range, good, bad) in [
            (SettingRange::PageSize, vec![1, 1000], vec![i64::MIN, -1, 0, 1001]),
            (SettingRange::Days, vec![-1, 1, 36_500], vec![-2, 0, 36_501, i64::MAX]),
        ] {
            assert!(good.into_iter().all(|number| range.holds(&SettingValue::Integer(number))), "{range:?}");
            assert!(!bad.into_iter().any(|number| range.holds(&SettingValue::Integer(number))), "{range:?}");
        }
        for good in
            ["[]", " [ ] ", r#"["a"]"#, r#"["personal.email","a-b.c_d.0","ø.$x"]"#, &format!("[\"{}\"]", &long[1..])]
        {
            assert!(SettingRange::Paths.holds(&text(good)), "{good}");
        }
        let none = ["", "null", "{}", "a.b", "\"a\"", "[1]", "[null]", "[[]]", "[\"a\"", "[]x"];
        let no_path = [
            r#"[""]"#,
            r#"["."]"#,
            r#"["a."]"#,
            r#"[".a"]"#,
            r#"["a..b"]"#,
            r#"["a b"]"#,
            r#"["a\n"]"#,
            r#"["a\u0000"]"#,
        ];
        for bad in none.into_iter().chain(no_path).chain([&*format!("[\"{long}\"]"), &many, &wide]) {
            assert!(!SettingRange::Paths.holds(&text(bad)), "{bad}");
        }
        for (name, expected) in [("plain", true), ("wrapped", true), ("Plain", false), ("", false)] {
            assert_eq!(SettingRange::SnapshotFormat.holds(&text(name)), expected, "{name}");
        }
    }

    #[test]
    fn the_messages_are_those_of_mod_audit() {
        for (kind, message) in [
            (SettingType::String, "Setting value should be a string"),
            (SettingType::Integer, "Setting value should be an integer"),
            (SettingType::Boolean, "Setting value should be a boolean"),
        ] {
            assert_eq!(InvalidSetting::WrongType(kind).to_string(), message);
        }
        assert_eq!(InvalidSetting::OutOfRange(SettingRange::PageSize).to_string(), "value must be from 1 to 1000");
    }
}
