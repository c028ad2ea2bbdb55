use serde_json::{Value, json};
use sporlog_model::{EntityType, Event, folio};
use uuid::Uuid;

/// FOLIO's own samples: the type and the payload.
pub(crate) const SAMPLES: [(EntityType, &str); 6] = [
    (EntityType::Order, include_str!("../../events/folio/order.json")),
    (EntityType::OrderLine, include_str!("../../events/folio/order-line.json")),
    (EntityType::Piece, include_str!("../../events/folio/piece.json")),
    (EntityType::Invoice, include_str!("../../events/folio/invoice.json")),
    (EntityType::InvoiceLine, include_str!("../../events/folio/invoice-line.json")),
    (EntityType::Organization, include_str!("../../events/folio/organization.json")),
];

/// A FOLIO event to send, with random ids unless they are set.
#[derive(Debug, Clone)]
pub(crate) struct FolioEvent {
    pub(crate) entity_type: EntityType,
    pub(crate) id: String,
    pub(crate) entity_id: String,
    pub(crate) action: &'static str,
    pub(crate) user_id: Option<String>,
    pub(crate) action_date: String,
    pub(crate) event_date: String,
    pub(crate) snapshot: Value,
}

impl FolioEvent {
    pub(crate) fn of(entity_type: EntityType, entity_id: &str) -> Self {
        Self {
            entity_type,
            id: Uuid::new_v4().to_string(),
            entity_id: entity_id.to_owned(),
            action: "Edit",
            user_id: Some(Uuid::new_v4().to_string()),
            action_date: "2024-11-14T08:48:48.340Z".to_owned(),
            event_date: "2024-11-14T08:48:48.341Z".to_owned(),
            snapshot: json!({"id": entity_id, "note": "snapshot"}),
        }
    }

    /// The `n`th event of an entity, a second after the one before.
    pub(crate) fn nth(entity_type: EntityType, entity_id: &str, n: usize) -> Self {
        let (minute, second) = (n / 60 % 60, n % 60);
        let action_date = format!("2024-11-14T{:02}:{minute:02}:{second:02}.000Z", n / 3600);
        let snapshot = json!({"id": entity_id, "n": n});
        Self { event_date: action_date.clone(), action_date, snapshot, ..Self::of(entity_type, entity_id) }
    }

    /// The payload as FOLIO publishes it.
    pub(crate) fn payload(&self) -> Value {
        json!({
            "id": self.id, "action": self.action, folio::entity_id_member(self.entity_type): self.entity_id,
            "userId": self.user_id, "eventDate": self.event_date, "actionDate": self.action_date,
            folio::snapshot_member(self.entity_type): self.snapshot,
        })
    }

    /// The event as the log takes it.
    pub(crate) fn event(&self) -> Event {
        folio::parse_event(self.entity_type, self.payload().to_string().as_bytes()).unwrap()
    }

    /// The event in a plain batch.
    pub(crate) fn in_batch(&self, org: &str) -> Value {
        in_batch(org, self.entity_type, &self.payload())
    }
}

/// Any payload in a plain batch.
pub(crate) fn in_batch(org: &str, entity_type: EntityType, payload: &Value) -> Value {
    json!({"orgId": org, "type": entity_type.name(), "payload": payload})
}
