use sporlog_model::{Action, Actor, EntityId, EntityType, Event, EventId, Instant, PieceStatus, RecordedEvent};

use crate::keys::{self, EventPlace, FeedPlace, Key};
use crate::row::Row;
use crate::{StoreError, body};

/// Bodies up to this size are kept in the event's row and again in its feed entry; larger ones only once, in parts. Small,
/// because DynamoDB reads whole rows even to count them: an offset costs what the rows before it hold.
const INLINE_BYTES: usize = 16 * 1024;

/// Well under the 400 KB that an item may have.
pub(crate) const PART_BYTES: usize = 380 * 1024;

/// A transaction carries 4 MB; the rest is room for the rows beside the parts.
pub(crate) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024 - 64 * 1024;

/// An event's encoded body, cut if need be.
pub(crate) struct StoredBody {
    bytes: Vec<u8>,
}

impl StoredBody {
    pub(crate) fn of(event: &Event) -> Result<Self, StoreError> {
        let bytes = body::encode(event);
        if bytes.len() > MAX_BODY_BYTES {
            return Err(StoreError::TooLarge { bytes: bytes.len(), limit: MAX_BODY_BYTES });
        }
        Ok(Self { bytes })
    }

    /// The parts of a body that is too large to be inline; none otherwise.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        if self.bytes.len() <= INLINE_BYTES { Vec::new() } else { self.bytes.chunks(PART_BYTES).collect() }
    }
}

/// What an event's row and its feed entry both carry.
fn row_at(key: Key, event: &Event, body: &StoredBody) -> Row {
    let row = Row::at(key)
        .with_text("action", event.action.as_str())
        .with_optional("actor_id", event.actor.id.as_deref())
        .with_optional("actor_name", event.actor.name.as_deref())
        .with_optional("published_at", event.published_at.map(|instant| instant.to_string()))
        .with_optional("parent_id", event.parent_id.as_ref().map(EntityId::as_str));
    match body.parts().len() {
        0 => row.with_bytes("body", body.bytes.clone()),
        parts => row.with_number("parts", parts),
    }
}

/// The row in the entity's history.
pub(crate) fn event_row(partition: &str, event: &Event, body: &StoredBody, recorded_at: Instant) -> Row {
    let place = EventPlace { occurred_at: event.occurred_at, event_id: event.id };
    row_at(keys::event(partition, &place), event, body).with_text("recorded_at", recorded_at.to_string())
}

/// The entry in the organization's feed.
pub(crate) fn feed_row(key: Key, event: &Event, body: &StoredBody) -> Row {
    row_at(key, event, body)
        .with_text("entity_id", event.entity_id.as_str())
        .with_text("occurred_at", event.occurred_at.to_string())
}

/// The small row for the other sort orders. A piece's row knows its status, so that no snapshot is read to compare them.
pub(crate) fn index_row(partition: &str, event: &Event) -> Row {
    let status = (event.entity_type == EntityType::Piece).then(|| PieceStatus::of_snapshot(event.data.as_ref()));
    let place = EventPlace { occurred_at: event.occurred_at, event_id: event.id };
    Row::at(keys::index(partition, event.published_at, &place))
        .with_text("action", event.action.as_str())
        .with_optional("actor_id", event.actor.id.as_deref())
        .with_optional("status", status.and_then(|status| serde_json::to_string(&status).ok()))
}

/// An event read back, whose body may still have to be put together from its parts.
pub(crate) struct StoredEvent {
    pub(crate) recorded: RecordedEvent,
    pub(crate) parts: u64,
}

impl StoredEvent {
    /// Takes the body that was read from the parts.
    pub(crate) fn with_body(mut self, stored: &[u8]) -> Option<RecordedEvent> {
        (self.recorded.event.data, self.recorded.event.original) = body::decode(stored)?;
        Some(self.recorded)
    }
}

/// Reads a row of an entity's history.
pub(crate) fn parse_event_row(
    row: &Row,
    entity_type: EntityType,
    entity_id: &EntityId,
) -> Result<StoredEvent, StoreError> {
    let EventPlace { occurred_at, event_id } = row.parse("sk", keys::parse_event)?;
    let recorded_at = row.parse("recorded_at", |text| Instant::parse(text).ok())?;
    parse_row(row, entity_type, entity_id.clone(), event_id, occurred_at, recorded_at)
}

/// Reads an entry of the feed.
pub(crate) fn parse_feed_row(row: &Row) -> Result<StoredEvent, StoreError> {
    let FeedPlace { recorded_at, entity_type, event_id } = row.parse("sk", keys::parse_feed)?;
    let entity_id = row.parse("entity_id", |text| EntityId::parse(text).ok())?;
    let occurred_at = row.parse("occurred_at", |text| Instant::parse(text).ok())?;
    parse_row(row, entity_type, entity_id, event_id, occurred_at, recorded_at)
}

/// What the rows of an event have in common, whatever their keys tell.
pub(crate) fn parse_row(
    row: &Row,
    entity_type: EntityType,
    entity_id: EntityId,
    id: EventId,
    occurred_at: Instant,
    recorded_at: Instant,
) -> Result<StoredEvent, StoreError> {
    let parts = row.count("parts")?;
    let (data, original) = match row.bytes("body") {
        Some(bytes) => body::decode(bytes).ok_or_else(|| row.corrupt("body"))?,
        None if parts > 0 => (None, None),
        None => return Err(row.corrupt("body")),
    };
    let event = Event {
        id,
        entity_type,
        entity_id,
        action: row.parse("action", Action::parse)?,
        actor: Actor {
            id: row.optional_text("actor_id").map(str::to_owned),
            name: row.optional_text("actor_name").map(str::to_owned),
        },
        occurred_at,
        published_at: row.parse_optional("published_at", |text| Instant::parse(text).ok())?,
        parent_id: row.parse_optional("parent_id", |text| EntityId::parse(text).ok())?,
        data,
        original,
    };
    Ok(StoredEvent { recorded: RecordedEvent { event, recorded_at }, parts })
}

/// What the index row of an event tells.
#[derive(Debug, Clone)]
pub(crate) struct IndexRow {
    pub(crate) place: EventPlace,
    pub(crate) published_at: Option<Instant>,
    pub(crate) action: String,
    pub(crate) actor_id: Option<String>,
    pub(crate) status: PieceStatus,
}

pub(crate) fn parse_index_row(row: &Row) -> Result<IndexRow, StoreError> {
    let (published_at, place) = row.parse("sk", keys::parse_index)?;
    let status = row.parse_optional("status", |json| serde_json::from_str(json).ok())?;
    Ok(IndexRow {
        place,
        published_at,
        action: row.text("action")?.to_owned(),
        actor_id: row.optional_text("actor_id").map(str::to_owned),
        status: status.unwrap_or_default(),
    })
}
