use std::collections::BTreeMap;

use sporlog_model::CaseAction;

use crate::row::Row;
use crate::{Store, StoreError, keys};

/// The numbers of a case, or of one action in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The newest entry's.
    pub(super) last: u64,
    /// The newest of those that retention has deleted.
    pub(super) removed: u64,
}

impl Numbers {
    /// How many entries there are.
    pub(super) fn total(self) -> u64 {
        // `CaseHead::parse` has seen to it that none of them is removed that never was.
        self.last.saturating_sub(self.removed)
    }
}

/// What a case knows of its log.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseHead {
    pub(super) all: Numbers,
    pub(super) by_action: BTreeMap<CaseAction, Numbers>,
    /// The newest entry's id.
    pub(super) last_id: u64,
}

impl CaseHead {
    /// The numbers of an action, or of all.
    pub(super) fn numbers(&self, action: Option<&CaseAction>) -> Numbers {
        match action {
            None => self.all,
            Some(action) => self.by_action.get(action).copied().unwrap_or_default(),
        }
    }

    /// The newest entry's number.
    pub(crate) fn last(&self) -> u64 {
        self.all.last
    }

    /// The number of the newest entry that retention has deleted.
    pub(crate) fn removed(&self) -> u64 {
        self.all.removed
    }

    fn parse(row: &Row) -> Result<Self, StoreError> {
        let mut head = Self { last_id: row.count("last_id")?, ..Self::default() };
        head.all = Numbers { last: row.count("last")?, removed: row.count("removed")? };
        for (name, value) in &row.0 {
            // Actions are upper case, so that none of them is `id`.
            let action = name.strip_prefix(LAST).and_then(CaseAction::parse);
            let removed_action = name.strip_prefix(REMOVED).and_then(CaseAction::parse);
            let Some(key) = action.clone().or(removed_action) else { continue };
            let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
            let number = number.ok_or_else(|| row.corrupt("the numbers of an action"))?;
            let numbers = head.by_action.entry(key).or_default();
            if action.is_some() { numbers.last = number } else { numbers.removed = number }
        }
        if head.by_action.values().chain([&head.all]).any(|numbers| numbers.removed > numbers.last) {
            return Err(row.corrupt("removed"));
        }
        Ok(head)
    }
}

const LAST: &str = "last_";
const REMOVED: &str = "removed_";

/// The attribute that holds the last number of an action.
pub(super) fn last_of(action: &str) -> String {
    format!("{LAST}{action}")
}

/// The attribute that holds the number of an action's newest entry that retention has deleted.
pub(crate) fn removed_of(action: &CaseAction) -> String {
    format!("{REMOVED}{action}")
}

impl Store {
    /// The head of a case; `None` when the case has never had an entry.
    pub(crate) async fn case_head(&self, partition: &str) -> Result<Option<CaseHead>, StoreError> {
        self.get(keys::head(partition)).await?.as_ref().map(CaseHead::parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::at(keys::head("p")).with_number("last", 5).with_number("last_id", 77).with_number("last_ID", 4)
    }

    #[test]
    fn actions_have_numbers_of_their_own() {
        let head = CaseHead::parse(&row().with_number("removed", 2).with_number("removed_ID", 1)).unwrap();
        assert_eq!((head.last_id, head.numbers(None).total()), (77, 3));
        let action = CaseAction::parse("ID").unwrap();
        assert_eq!(head.numbers(Some(&action)), Numbers { last: 4, removed: 1 });
        assert_eq!(head.numbers(CaseAction::parse("OTHER").as_ref()).total(), 0);
    }

    #[test]
    fn damage_is_noticed() {
        for damaged in [
            row().with_text("last", "five"),
            row().with_number("removed", 6),
            row().with_number("removed_ID", 5),
            row().with_number("removed_OTHER", 1),
            row().with_text("last_ID", "4"),
        ] {
            assert!(matches!(CaseHead::parse(&damaged), Err(StoreError::Corrupt { .. })), "{damaged:?}");
        }
    }
}
