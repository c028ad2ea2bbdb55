//! FOLIO's acquisition events: the payloads that mod-orders, mod-invoice and mod-organizations publish to Kafka, and the
//! names of their topics.
//!
//! Source: folio-org/acq-models (`*_audit_event.json`) and folio-org/mod-audit, which consumes the same topics.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::{Action, Actor, EntityId, EntityType, Event, EventId, Instant, JsonObject, OrgId};

/// Why a payload can never become an event, in words for the person who reads the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the payload is not a JSON object")]
    NotJson,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{member} {problem}")]
    Invalid { member: &'static str, problem: String },
}

/// The member names of one event type. Everything else is the same for all six.
struct Members {
    entity_id: &'static str,
    parent_id: Option<&'static str>,
    snapshot: &'static str,
    original: &'static str,
}

const fn members(entity_type: EntityType) -> Members {
    let (entity_id, parent_id, snapshot, original) = match entity_type {
        EntityType::Order => ("orderId", None, "orderSnapshot", "originalOrderSnapshot"),
        EntityType::OrderLine => ("orderLineId", Some("orderId"), "orderLineSnapshot", "originalOrderLineSnapshot"),
        EntityType::Piece => ("pieceId", None, "pieceSnapshot", "originalPieceSnapshot"),
        EntityType::Invoice => ("invoiceId", None, "invoiceSnapshot", "originalInvoiceSnapshot"),
        EntityType::InvoiceLine => {
            ("invoiceLineId", Some("invoiceId"), "invoiceLineSnapshot", "originalInvoiceLineSnapshot")
        }
        EntityType::Organization => ("organizationId", None, "organizationSnapshot", "originalOrganizationSnapshot"),
        // Not FOLIO's, so not in its payloads: named as in an export line.
        _ => ("entityId", None, "data", "original"),
    };
    Members { entity_id, parent_id, snapshot, original }
}

/// The name of the member that holds the entity's id, in FOLIO's payloads and in the published answers: `orderLineId`.
pub const fn entity_id_member(entity_type: EntityType) -> &'static str {
    members(entity_type).entity_id
}

/// The name of the member that holds the parent's id, for the types that have a parent.
pub const fn parent_id_member(entity_type: EntityType) -> Option<&'static str> {
    members(entity_type).parent_id
}

/// The name of the member that holds the snapshot: `orderLineSnapshot`.
pub const fn snapshot_member(entity_type: EntityType) -> &'static str {
    members(entity_type).snapshot
}

/// Reads one payload.
///
/// Required are `id`, `action` (`Create`, `Edit` or `Delete`), the entity's id, and one of `actionDate` and `eventDate`; with
/// the latter alone, it orders the event. A snapshot must be an object, if there is one. What is optional (`userId`, the
/// parent's id, `eventDate`, the snapshot before the change) never costs an event its place in the log: where it is absent,
/// null or not what it should be, it is unknown. Unknown members are ignored.
pub fn parse_event(entity_type: EntityType, payload: &[u8]) -> Result<Event, Rejection> {
    let payload = Payload(serde_json::from_slice(payload).map_err(|_| Rejection::NotJson)?);
    let names = members(entity_type);
    let published_at = payload.instant("eventDate").ok().flatten();
    // Where there is a date that cannot be read, another one in its place would be invented.
    let occurred_at = payload.instant("actionDate")?.or(published_at).ok_or(Rejection::Missing("actionDate"))?;
    Ok(Event {
        id: EventId::parse(&payload.required_text("id")?).map_err(|_| invalid("id", &"must be a UUID"))?,
        entity_type,
        entity_id: payload.uuid(names.entity_id)?.ok_or(Rejection::Missing(names.entity_id))?,
        action: payload.action()?,
        actor: Actor { id: payload.user_id(), name: None },
        occurred_at,
        published_at,
        parent_id: names.parent_id.and_then(|name| payload.uuid(name).ok().flatten()),
        data: payload.object(names.snapshot)?,
        original: payload.object(names.original).ok().flatten(),
    })
}

/// Which event type a payload is, told by the members only that type has. For files that come without a topic.
pub fn recognize(payload: &[u8]) -> Option<EntityType> {
    let Payload(members) = Payload(serde_json::from_slice(payload).ok()?);
    // Lines before their parents: an order line also carries `orderId`.
    let by_id = [
        EntityType::OrderLine,
        EntityType::InvoiceLine,
        EntityType::Piece,
        EntityType::Order,
        EntityType::Invoice,
        EntityType::Organization,
    ];
    by_id.into_iter().find(|entity_type| members.contains_key(entity_id_member(*entity_type)))
}

/// What stands in the tenant's place in the topics that FOLIO collects all tenants in.
const ALL_TENANTS: &str = "ALL";

/// A Kafka topic of FOLIO, `{ENV}.Default.{tenant}.ACQ_ORDER_CHANGED`: which tenant and what kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub tenant: Option<OrgId>,
    pub entity_type: EntityType,
}

impl Topic {
    /// `None` for a topic that does not carry acquisition events. The tenant is `None` when its place in the name holds
    /// none, as with the topics for all tenants: then the record's header must tell.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, event_type) = name.rsplit_once('.')?;
        let entity_type = EntityType::from_folio(event_type)?;
        let tenant = rest.rsplit_once('.').map(|(_, tenant)| tenant).filter(|tenant| *tenant != ALL_TENANTS);
        let tenant = tenant.and_then(|tenant| OrgId::parse(tenant).ok());
        Some(Self { tenant, entity_type })
    }
}

struct Payload<'a>(HashMap<String, &'a RawValue>);

impl Payload<'_> {
    /// The member's JSON, unless it is absent or null.
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).copied().filter(|raw| raw.get() != "null")
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, Rejection> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| invalid(name, &"must be a string"))
    }

    fn required_text(&self, name: &'static str) -> Result<String, Rejection> {
        self.text(name)?.ok_or(Rejection::Missing(name))
    }

    fn uuid(&self, name: &'static str) -> Result<Option<EntityId>, Rejection> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        EntityId::parse_uuid(&text).map(Some).map_err(|_| invalid(name, &"must be a UUID"))
    }

    /// A UUID, or the name of a system that has none.
    fn user_id(&self) -> Option<String> {
        let text = self.text("userId").ok().flatten().filter(|text| (1..=128).contains(&text.len()))?;
        Some(EntityId::parse_uuid(&text).map_or(text, String::from))
    }

    fn action(&self) -> Result<Action, Rejection> {
        let text = self.required_text("action")?;
        let known = matches!(text.as_str(), "Create" | "Edit" | "Delete");
        let action = known.then(|| Action::parse(&text)).flatten();
        action.ok_or_else(|| invalid("action", &"must be Create, Edit or Delete"))
    }

    /// A date in any of the forms of [`Instant::parse`], or epoch milliseconds as a number.
    fn instant(&self, name: &'static str) -> Result<Option<Instant>, Rejection> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        Instant::parse(&text).map(Some).map_err(|e| invalid(name, &e))
    }

    fn object(&self, name: &'static str) -> Result<Option<JsonObject>, Rejection> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        JsonObject::from_raw(raw).map(Some).map_err(|e| invalid(name, &e))
    }
}

fn invalid(member: &'static str, problem: &dyn std::fmt::Display) -> Rejection {
    Rejection::Invalid { member, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1";
    const PIECE: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

    fn piece(change: impl FnOnce(&mut serde_json::Value)) -> Result<Event, Rejection> {
        let mut payload = serde_json::json!({
            "id": ID, "action": "Edit", "pieceId": PIECE, "userId": null,
            "eventDate": "2022-11-10T09:30:00.333Z", "actionDate": 1_668_072_540_578_i64,
            "pieceSnapshot": {"receivingStatus": "Expected"}, "newerMember": [1],
        });
        change(&mut payload);
        parse_event(EntityType::Piece, payload.to_string().as_bytes())
    }

    #[test]
    fn reads_a_payload_with_every_tolerance() {
        let event = piece(|_| {}).unwrap();
        assert_eq!(event.entity_id.as_str(), PIECE);
        assert_eq!(event.actor, Actor::default());
        assert_eq!(event.occurred_at.to_folio(), "2022-11-10T09:29:00.578+00:00");
        assert_eq!(event.data.unwrap().as_str(), r#"{"receivingStatus":"Expected"}"#);

        let without_snapshot = piece(|p| p["pieceSnapshot"] = serde_json::Value::Null).unwrap();
        assert_eq!(without_snapshot.data, None);
        let with_original = piece(|p| p["originalPieceSnapshot"] = serde_json::json!({"a": 1})).unwrap();
        assert_eq!(with_original.original.unwrap().as_str(), r#"{"a":1}"#);
        let only_published = piece(|p| p["actionDate"] = serde_json::Value::Null).unwrap();
        assert_eq!(Some(only_published.occurred_at), only_published.published_at);
        let only_acted = piece(|p| p["eventDate"] = serde_json::Value::Null).unwrap();
        assert_eq!(only_acted.published_at, None);
    }

    #[test]
    fn what_is_optional_never_costs_an_event_its_place() {
        let set = |name: &'static str, value: serde_json::Value| move |p: &mut serde_json::Value| p[name] = value;
        let user_of = |value: serde_json::Value| piece(set("userId", value)).unwrap().actor.id;
        assert_eq!(
            user_of("58EDF8C3-89e4-559c-9aed-aae637a3f40b".into()).unwrap(),
            "58edf8c3-89e4-559c-9aed-aae637a3f40b"
        );
        assert_eq!(user_of("system".into()).as_deref(), Some("system"));
        assert_eq!([user_of("".into()), user_of(7.into())], [None, None]);
        assert_eq!(piece(set("eventDate", "soon".into())).unwrap().published_at, None);
        assert_eq!(piece(set("originalPieceSnapshot", "text".into())).unwrap().original, None);
    }

    #[test]
    fn names_what_makes_a_payload_unusable() {
        let set = |name: &'static str, value: serde_json::Value| move |p: &mut serde_json::Value| p[name] = value;
        let null = serde_json::Value::Null;
        for (result, expected) in [
            (piece(set("id", null.clone())), "id is missing"),
            (piece(set("id", "1".into())), "id must be a UUID"),
            (piece(set("id", 7.into())), "id must be a string"),
            (piece(set("pieceId", null.clone())), "pieceId is missing"),
            (piece(set("pieceId", "x".into())), "pieceId must be a UUID"),
            (piece(set("action", "Destroy".into())), "action must be Create, Edit or Delete"),
            (piece(set("actionDate", "soon".into())), "actionDate is not a date and time"),
            (piece(set("actionDate", true.into())), "actionDate is not a date and time"),
            (piece(set("pieceSnapshot", "text".into())), "pieceSnapshot is not a JSON object"),
            (
                piece(|p| {
                    p["actionDate"] = null.clone();
                    p["eventDate"] = null.clone();
                }),
                "actionDate is missing",
            ),
            (parse_event(EntityType::Piece, b"[]"), "the payload is not a JSON object"),
            (parse_event(EntityType::Piece, b"\xff"), "the payload is not a JSON object"),
        ] {
            assert_eq!(result.unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn topics_name_tenant_and_type() {
        let topic = |name: &str| Topic::parse(name).map(|t| (t.tenant.map(String::from), t.entity_type));
        let expected = (Some("diku".to_owned()), EntityType::OrderLine);
        assert_eq!(topic("folio.Default.diku.ACQ_ORDER_LINE_CHANGED"), Some(expected));
        for without_tenant in ["ACQ.ACQ_PIECE_CHANGED", "folio.Default.ALL.ACQ_PIECE_CHANGED"] {
            assert_eq!(topic(without_tenant), Some((None, EntityType::Piece)));
        }
        for other in ["folio.Default.diku.DI_COMPLETED", "ACQ_ORDER_CHANGED", ""] {
            assert_eq!(topic(other), None, "{other}");
        }
    }

    #[test]
    fn recognizes_a_line_before_its_parent() {
        assert_eq!(recognize(br#"{"orderId":"1","orderLineId":"2"}"#), Some(EntityType::OrderLine));
        assert_eq!(recognize(br#"{"orderId":"1"}"#), Some(EntityType::Order));
        assert_eq!(recognize(br#"{"eventId":"1","entityType":"Order"}"#), None);
    }
}
