use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sporlog_model::{
    Action, Actor, CaseAction, CaseChange, CaseEntry, CaseLabel, CaseText, EntityId, EntityType, Event, EventId,
    Instant, JsonObject, RecordedEvent,
};

use crate::event_item::parse_row;
use crate::keys::Key;
use crate::row::Row;
use crate::{StoreError, body};

/// The change as the `data` of an event: what its action, actor and instant do not say.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    id: u64,
    entity_type: Cow<'a, str>,
    field: Option<Cow<'a, str>>,
    old_value: Option<Cow<'a, str>>,
    new_value: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

/// The change as an audit event.
pub(super) fn event_of(case: &EntityId, event_id: EventId, id: u64, change: &CaseChange) -> Result<Event, StoreError> {
    let text = |text: &'_ Option<CaseText>| text.as_ref().map(|text| Cow::Owned(text.as_str().to_owned()));
    let document = Document {
        id,
        entity_type: change.entity_type.as_str().into(),
        field: change.field.as_ref().map(|field| field.as_str().into()),
        old_value: text(&change.old_value),
        new_value: text(&change.new_value),
        reason: text(&change.reason),
    };
    let json = serde_json::to_string(&document).map_err(|error| StoreError::Refused(Box::new(error)))?;
    Ok(Event {
        id: event_id,
        entity_type: EntityType::KycCase,
        entity_id: case.clone(),
        action: Action::from(change.action.clone()),
        actor: Actor { id: None, name: Some(change.user.as_str().to_owned()) },
        occurred_at: change.occurred_at,
        published_at: None,
        parent_id: None,
        data: Some(JsonObject::parse(&json).map_err(|error| StoreError::Refused(Box::new(error)))?),
        original: None,
    })
}

/// The numbers of an entry: in its case, and among those of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryNumbers {
    pub(super) in_case: u64,
    pub(super) of_action: u64,
}

/// Either row of an entry: they hold the same, so that a page of one action reads as many rows as a page of all. Always
/// whole: a [`CaseChange`] is bounded far below what an item may hold.
pub(super) fn entry_row(key: Key, event: &Event, numbers: EntryNumbers, recorded_at: Instant) -> Row {
    Row::at(key)
        .with_text("action", event.action.as_str())
        .with_optional("actor_name", event.actor.name.as_deref())
        .with_text("occurred_at", event.occurred_at.to_string())
        .with_text("recorded_at", recorded_at.to_string())
        .with_text("event_id", event.id.to_string())
        .with_number("number", numbers.in_case)
        .with_number("action_number", numbers.of_action)
        .with_bytes("body", body::encode(event))
}

/// The id of the event in an entry's row.
pub(super) fn parse_event_id(row: &Row) -> Result<EventId, StoreError> {
    row.parse("event_id", |text| EventId::parse(text).ok())
}

/// Reads either row of an entry as the event that it is.
pub(super) fn parse_event(row: &Row, case: &EntityId) -> Result<RecordedEvent, StoreError> {
    let occurred_at = row.parse("occurred_at", |text| Instant::parse(text).ok())?;
    let recorded_at = row.parse("recorded_at", |text| Instant::parse(text).ok())?;
    let event_id = parse_event_id(row)?;
    Ok(parse_row(row, EntityType::KycCase, case.clone(), event_id, occurred_at, recorded_at)?.recorded)
}

/// Reads either row of an entry as its case's log shows it.
pub(super) fn parse_entry(row: &Row, case: &EntityId) -> Result<CaseEntry, StoreError> {
    let event = parse_event(row, case)?.event;
    entry_of(&event).ok_or_else(|| row.corrupt("body"))
}

fn entry_of(event: &Event) -> Option<CaseEntry> {
    let document: Document = serde_json::from_str(event.data.as_ref()?.as_str()).ok()?;
    // Absent may be; there and unreadable may not.
    let text = |text: Option<Cow<str>>| text.map_or(Some(None), |text| CaseText::parse(&text).map(Some));
    Some(CaseEntry {
        id: document.id,
        change: CaseChange {
            user: CaseLabel::parse(event.actor.name.as_ref()?)?,
            entity_type: CaseLabel::parse(&document.entity_type)?,
            action: CaseAction::parse(event.action.as_str())?,
            field: document.field.map_or(Some(None), |field| CaseLabel::parse(&field).map(Some))?,
            old_value: text(document.old_value)?,
            new_value: text(document.new_value)?,
            reason: text(document.reason)?,
            occurred_at: event.occurred_at,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    fn change(old_value: Option<&str>) -> CaseChange {
        CaseChange {
            user: CaseLabel::parse("Martin Hansen").unwrap(),
            entity_type: CaseLabel::parse("kyc_case").unwrap(),
            action: CaseAction::parse("STATUS_CHANGED").unwrap(),
            field: None,
            old_value: old_value.map(|text| CaseText::parse(text).unwrap()),
            new_value: CaseText::parse(""),
            reason: CaseText::parse("\u{0}\"\\ø😀"),
            occurred_at: Instant::parse("2025-03-10T09:15:00Z").unwrap(),
        }
    }

    fn row(change: &CaseChange) -> Row {
        let case = EntityId::parse("42").unwrap();
        let event = event_of(&case, EventId::random(), 501, change).unwrap();
        let numbers = EntryNumbers { in_case: 7, of_action: 2 };
        entry_row(keys::case_entry("p", 7), &event, numbers, change.occurred_at)
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let case = EntityId::parse("42").unwrap();
        for old_value in [None, Some("PENDING_REVIEW"), Some(&*"\u{1}".repeat(10_000))] {
            let change = change(old_value);
            let entry = parse_entry(&row(&change), &case).unwrap();
            assert_eq!(entry, CaseEntry { id: 501, change });
        }
    }

    #[test]
    fn the_document_has_every_member() {
        let event = parse_event(&row(&change(None)), &EntityId::parse("42").unwrap()).unwrap().event;
        assert_eq!(
            event.data.unwrap().as_str(),
            r#"{"id":501,"entityType":"kyc_case","field":null,"oldValue":null,"newValue":"","reason":"\u0000\"\\ø😀"}"#
        );
        assert_eq!(event.actor, Actor { id: None, name: Some("Martin Hansen".to_owned()) });
    }

    #[test]
    fn damage_is_noticed() {
        let case = EntityId::parse("42").unwrap();
        let whole = || row(&change(Some("x")));
        for damaged in [
            whole().with_text("action", "lower"),
            whole().with_text("actor_name", ""),
            whole().with_text("occurred_at", "then"),
            whole().with_text("event_id", "1"),
            whole().with_bytes("body", b"\0{}".to_vec()),
            whole().with_bytes("body", b"\0{\"data\":{\"id\":1}}".to_vec()),
            whole().with_bytes("body", Vec::new()),
        ] {
            assert!(matches!(parse_entry(&damaged, &case), Err(StoreError::Corrupt { .. })), "{damaged:?}");
        }
    }
}
