use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EntityId, EntityType, EventId, Instant, JsonObject};

/// Something that happened to one entity, as its producer told it.
///
/// Its identity is organization + entity type + id; the first telling wins and later ones are repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub entity_type: EntityType,
    pub entity_id: EntityId,
    pub action: Action,
    pub actor: Actor,
    /// When it happened, by the producer's clock: FOLIO's `actionDate`. Orders the entity's history.
    pub occurred_at: Instant,
    /// When the producer said so: FOLIO's `eventDate`.
    pub published_at: Option<Instant>,
    /// The entity this one belongs to: the order of an order line, the invoice of an invoice line.
    pub parent_id: Option<EntityId>,
    /// The entity after the event (FOLIO's snapshot).
    pub data: Option<JsonObject>,
    /// The entity before the event, where the producer tells it (FOLIO's `original…Snapshot`).
    pub original: Option<JsonObject>,
}

/// An event with the instant at which the log took it, by the server's clock. Orders the feed, and so the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    pub event: Event,
    pub recorded_at: Instant,
}

/// About what an event takes in memory besides its documents.
const BYTES_BESIDE_DOCUMENTS: usize = 512;

impl RecordedEvent {
    /// About how many bytes it takes in memory. What holds many events at a time is bounded by it.
    pub fn size(&self) -> usize {
        let documents = [&self.event.data, &self.event.original].into_iter().flatten();
        BYTES_BESIDE_DOCUMENTS + documents.map(|document| document.as_str().len()).sum::<usize>()
    }
}

/// Who did it. Either may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user's id in the system the event comes from.
    pub id: Option<String>,
    /// The user's name at the time.
    pub name: Option<String>,
}

impl Actor {
    /// Sporlog itself, where no caller is behind what happened.
    pub fn sporlog() -> Self {
        Self { id: None, name: Some("sporlog".to_owned()) }
    }
}

/// What was done: `Create`, `STATUS_CHANGED`. 1–64 letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(String);

impl Action {
    /// `None` when the text is no action name.
    pub fn parse(text: &str) -> Option<Self> {
        let named = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        named.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
