use std::fmt;

use crate::{Action, Instant};

/// One change in a KYC case, as its producer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseChange {
    /// Who did it, by name: the KYC product has no ids of users.
    pub user: CaseLabel,
    /// What was changed: `kyc_case`, `kyc_answer`.
    pub entity_type: CaseLabel,
    pub action: CaseAction,
    /// Which of its fields, if it was one.
    pub field: Option<CaseLabel>,
    pub old_value: Option<CaseText>,
    pub new_value: Option<CaseText>,
    pub reason: Option<CaseText>,
    /// When it happened, by the producer's clock. Does not order the log: that is the order in which entries came.
    pub occurred_at: Instant,
}

/// A change that is in the log of its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// Unique in the organization; later entries of a case have higher ones.
    pub id: u64,
    pub change: CaseChange,
}

/// What was done in a case: `STATUS_CHANGED`. An open vocabulary of 1–64 characters `[A-Z][A-Z0-9_]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseAction(Action);

impl CaseAction {
    /// The form, as an error message names it.
    pub const FORM: &'static str = "must be 1 to 64 capital letters, digits and '_', starting with a letter";

    /// `None` when the text is no such name.
    pub fn parse(text: &str) -> Option<Self> {
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        let reads_well = !text.bytes().any(|b| b.is_ascii_lowercase());
        Action::parse(text).filter(|_| starts_well && reads_well).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// As the action of an audit event.
impl From<CaseAction> for Action {
    fn from(action: CaseAction) -> Self {
        action.0
    }
}

impl fmt::Display for CaseAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What something is called: 1–200 characters, not all of them white space, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLabel(String);

impl CaseLabel {
    /// The form, as an error message names it.
    pub const FORM: &'static str = "must be a text of 1 to 200 characters";

    /// Counts characters (Unicode scalar values), not bytes. `None` when the text is no label.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = !text.trim().is_empty() && !text.contains(char::is_control);
        (visible && text.chars().count() <= 200).then(|| Self(text.to_owned()))
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value or a reason: any text up to 10,000 characters. The bound keeps an entry far below what an item of DynamoDB holds,
/// however its characters are encoded and escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseText(String);

impl CaseText {
    /// The form, as an error message names it.
    pub const FORM: &'static str = "must be a text of at most 10000 characters";

    /// Counts characters (Unicode scalar values), not bytes. `None` when the text is too long.
    pub fn parse(text: &str) -> Option<Self> {
        (text.chars().count() <= 10_000).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The length only: what is in an event never reaches a log.
impl fmt::Debug for CaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaseText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_capital() {
        for good in ["A", "STATUS_CHANGED", "X9", "A__", &"A".repeat(64)] {
            assert_eq!(CaseAction::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "_A", "9A", "a", "Status", "STATUS-CHANGED", "A B", "Å", "A#", &"A".repeat(65)] {
            assert_eq!(CaseAction::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn labels_can_be_read() {
        for good in ["a", "Martin Hansen", "kyc_case", &"ø".repeat(200)] {
            assert_eq!(CaseLabel::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "  ", "a\nb", "a\u{0}", &"ø".repeat(201)] {
            assert_eq!(CaseLabel::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        for good in ["", "a\nb", &"😀".repeat(10_000)] {
            assert_eq!(CaseText::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(CaseText::parse(&"x".repeat(10_001)), None);
        assert_eq!(format!("{:?}", CaseText::parse("secret")), "Some(CaseText(6 bytes))");
    }
}
