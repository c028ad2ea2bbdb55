//! Events as FOLIO sends them, the same for the same seed.

use serde_json::{Value, json};
use sporlog_model::{EntityType, Event, Instant, folio};
use uuid::Uuid;

use crate::Failure;

/// The organization whose log is measured.
pub(crate) const ORG: &str = "diku";

const WORDS: [&str; 24] = [
    "approval",
    "amazon",
    "binding",
    "check",
    "claim",
    "continuation",
    "credit",
    "delivery",
    "edition",
    "electronic",
    "gift",
    "history",
    "invoice",
    "library",
    "monograph",
    "periodical",
    "print",
    "receipt",
    "rush",
    "series",
    "standing",
    "supplement",
    "vendor",
    "volume",
];

/// Makes events of orders, with a snapshot that makes an exported line of 1.5 KB.
pub(crate) struct Generator {
    random: fastrand::Rng,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.random.u128(..).to_le_bytes()).into_uuid().to_string()
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).filter_map(|_| self.random.choice(WORDS)).collect();
        words.join(" ")
    }

    /// An event that happened to this order at that instant.
    pub(crate) fn event(&mut self, order: &str, at: Instant) -> Result<Event, Failure> {
        self.event_of(EntityType::Order, order, at)
    }

    /// The same of another kind of entity; each has another receiving status than the one before.
    pub(crate) fn event_of(&mut self, kind: EntityType, id: &str, at: Instant) -> Result<Event, Failure> {
        let mut payload = self.payload(id, at);
        let mut snapshot = payload["orderSnapshot"].take();
        snapshot["receivingStatus"] = at.to_string().into();
        payload[folio::entity_id_member(kind)] = id.into();
        payload[folio::snapshot_member(kind)] = snapshot;
        Ok(folio::parse_event(kind, payload.to_string().as_bytes()).map_err(|error| format!("{error:?}"))?)
    }

    /// The same as FOLIO publishes it. Every number reads the same in any language.
    pub(crate) fn payload(&mut self, order: &str, at: Instant) -> Value {
        let (user, date) = (self.uuid(), at.to_folio());
        let tags: Vec<String> = (0..3).map(|_| self.words(1)).collect();
        json!({
            "id": self.uuid(), "action": "Edit", "orderId": order, "userId": user, "eventDate": date, "actionDate": date,
            "orderSnapshot": {
                "id": order, "approved": self.random.bool(), "approvalDate": date, "approvedById": self.uuid(),
                "assignedTo": self.uuid(), "billTo": self.uuid(), "closeReason": {"reason": self.words(2)},
                "manualPo": self.random.bool(), "nextPolNumber": self.random.u16(1..100), "notes": [self.words(11)],
                "poNumber": format!("T{:08}", self.random.u32(..100_000_000)), "orderType": self.words(1), "reEncumber": true,
                "shipTo": self.uuid(), "vendor": self.uuid(), "workflowStatus": "Open",
                "acqUnitIds": [self.uuid(), self.uuid()], "tags": {"tagList": tags},
                "ongoing": {"interval": self.random.u16(1..400), "isSubscription": true, "renewalNote": self.words(6)},
                "metadata": {"createdDate": date, "createdByUserId": self.uuid(), "updatedDate": date, "updatedByUserId": user},
            },
        })
    }
}

/// The id of an event's order when only its number counts.
pub(crate) fn numbered(number: u64) -> String {
    Uuid::from_u128(0x5b0c_0000_0000_4000_8000_0000_0000_0000 | u128::from(number)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_events() {
        let at = Instant::parse("2026-11-01T00:00:00Z").unwrap();
        let make = |seed| Generator::new(seed).payload(&numbered(1), at).to_string();
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        // With the members of an export line around the snapshot this is 1.5 KB.
        assert!((1_100..1_500).contains(&make(1).len()), "{}", make(1).len());
    }
}
