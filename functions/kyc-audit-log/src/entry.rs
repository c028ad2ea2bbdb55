use std::time::Duration;

use serde_json::{Map, Value};
use sporlog_http::{ApiError, Members, RequestBody};
use sporlog_model::{CaseAction, CaseChange, CaseLabel, CaseText, Instant, RequestDigest};
use sporlog_store::MAX_CASE_ENTRIES;

/// How far the clock of a producer may be ahead of ours.
const CLOCK_ERROR: Duration = Duration::from_mins(5);

const MEMBERS: [&str; 8] = ["user", "entity_type", "action", "field", "old_value", "new_value", "reason", "timestamp"];

const ENTRIES: &str = "must be a list of 1 to 40 entries";
const TIMESTAMP: &str = "must be an RFC 3339 date and time";

/// What `POST` must say: one entry, or `{"entries":[…]}`.
#[derive(Debug)]
pub(crate) struct AppendBody {
    entries: Vec<NewEntry>,
    /// Of the whole body.
    pub(crate) digest: RequestDigest,
}

/// An entry as it was sent.
#[derive(Debug)]
struct NewEntry {
    /// What stands before a member's name when a message names it: `entries[3].`, or nothing.
    place: String,
    user: CaseLabel,
    entity_type: CaseLabel,
    action: CaseAction,
    field: Option<CaseLabel>,
    old_value: Option<CaseText>,
    new_value: Option<CaseText>,
    reason: Option<CaseText>,
    timestamp: Option<Instant>,
}

impl RequestBody for AppendBody {
    const MEMBERS: Option<&'static [&'static str]> = None;

    fn read(members: &Members) -> Result<Self, ApiError> {
        let digest = members.digest();
        let Some(list) = members.optional::<Vec<Value>>("entries", ENTRIES)? else {
            let single = MEMBERS.into_iter().filter_map(|name| {
                let value = members.optional::<Value>(name, "").ok()??;
                Some((name.to_owned(), value))
            });
            return Ok(Self { entries: vec![NewEntry::read(&single.collect(), String::new())?], digest });
        };
        if !(1..=MAX_CASE_ENTRIES).contains(&list.len()) {
            return Err(ApiError::invalid_member("entries", ENTRIES));
        }
        let entries = list.iter().enumerate().map(|(position, entry)| match entry {
            Value::Object(members) => NewEntry::read(members, format!("entries[{position}].")),
            _ => Err(ApiError::invalid_member(&format!("entries[{position}]"), "must be an object")),
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()?, digest })
    }
}

impl AppendBody {
    /// The changes, of which those that do not say when they happened did so when the request came.
    pub(crate) fn changes(&self, came_at: Instant) -> Result<Vec<CaseChange>, ApiError> {
        self.entries.iter().map(|entry| entry.change(came_at)).collect()
    }
}

impl NewEntry {
    fn read(members: &Map<String, Value>, place: String) -> Result<Self, ApiError> {
        let members = EntryMembers { members, place: &place };
        Ok(Self {
            user: members.required("user", CaseLabel::FORM, CaseLabel::parse)?,
            entity_type: members.required("entity_type", CaseLabel::FORM, CaseLabel::parse)?,
            action: members.required("action", CaseAction::FORM, CaseAction::parse)?,
            field: members.optional("field", CaseLabel::FORM, CaseLabel::parse)?,
            old_value: members.optional("old_value", CaseText::FORM, CaseText::parse)?,
            new_value: members.optional("new_value", CaseText::FORM, CaseText::parse)?,
            reason: members.optional("reason", CaseText::FORM, CaseText::parse)?,
            timestamp: members.optional("timestamp", TIMESTAMP, |text| Instant::parse_rfc3339(text).ok())?,
            place,
        })
    }

    fn change(&self, came_at: Instant) -> Result<CaseChange, ApiError> {
        let occurred_at = self.timestamp.unwrap_or(came_at);
        if occurred_at > came_at.plus(CLOCK_ERROR) {
            let member = format!("{}timestamp", self.place);
            return Err(ApiError::invalid_member(&member, "must not be more than 5 minutes in the future"));
        }
        Ok(CaseChange {
            user: self.user.clone(),
            entity_type: self.entity_type.clone(),
            action: self.action.clone(),
            field: self.field.clone(),
            old_value: self.old_value.clone(),
            new_value: self.new_value.clone(),
            reason: self.reason.clone(),
            occurred_at,
        })
    }
}

/// The members of one entry. `null` is as good as absent.
struct EntryMembers<'a> {
    members: &'a Map<String, Value>,
    place: &'a str,
}

impl EntryMembers<'_> {
    fn optional<T>(
        &self,
        name: &str,
        form: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_str().and_then(parse).map(Some).ok_or_else(|| self.invalid(name, form)),
        }
    }

    fn required<T>(&self, name: &str, form: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, ApiError> {
        self.optional(name, form, parse)?.ok_or_else(|| self.invalid(name, "is required"))
    }

    fn invalid(&self, name: &str, problem: &str) -> ApiError {
        ApiError::invalid_member(&format!("{}{name}", self.place), problem)
    }
}
