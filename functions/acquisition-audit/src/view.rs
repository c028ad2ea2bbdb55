use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use sporlog_model::settings::SnapshotFormat;
use sporlog_model::{EntityId, EntityType, Event, JsonObject, folio};

/// The member of an answer that holds the events: `orderAuditEvents`.
pub(crate) const fn collection_member(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Order => "orderAuditEvents",
        EntityType::OrderLine => "orderLineAuditEvents",
        EntityType::Piece => "pieceAuditEvents",
        EntityType::Invoice => "invoiceAuditEvents",
        EntityType::InvoiceLine => "invoiceLineAuditEvents",
        EntityType::Organization => "organizationAuditEvents",
        // Have no route.
        _ => "auditEvents",
    }
}

/// An event as the published schema has it: members in the schema's order, absent ones left out.
pub(crate) struct EventView<'a> {
    pub(crate) event: &'a Event,
    pub(crate) snapshot: SnapshotFormat,
}

impl Serialize for EventView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { event, snapshot } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &event.id)?;
        map.serialize_entry("action", event.action.as_str())?;
        // The schema names an order line's order before the line itself.
        if let Some((name, parent_id)) = folio::parent_id_member(event.entity_type).zip(event.parent_id.as_ref()) {
            map.serialize_entry(name, EntityId::as_str(parent_id))?;
        }
        map.serialize_entry(folio::entity_id_member(event.entity_type), event.entity_id.as_str())?;
        if let Some(user_id) = &event.actor.id {
            map.serialize_entry("userId", user_id)?;
        }
        if let Some(published_at) = event.published_at {
            map.serialize_entry("eventDate", &published_at.to_folio())?;
        }
        map.serialize_entry("actionDate", &event.occurred_at.to_folio())?;
        if let Some(data) = &event.data {
            let member = folio::snapshot_member(event.entity_type);
            match snapshot {
                SnapshotFormat::Plain => map.serialize_entry(member, data)?,
                SnapshotFormat::Wrapped => map.serialize_entry(member, &Wrapped::of(data))?,
            }
        }
        map.end()
    }
}

/// What the JSON library of mod-audit makes of a snapshot.
#[derive(Serialize)]
struct Wrapped<'a> {
    map: &'a JsonObject,
    empty: bool,
}

impl<'a> Wrapped<'a> {
    fn of(data: &'a JsonObject) -> Self {
        Self { map: data, empty: data.as_str() == "{}" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(entity_type: EntityType, payload: &str, snapshot: SnapshotFormat) -> String {
        let event = folio::parse_event(entity_type, payload.as_bytes()).unwrap();
        serde_json::to_string(&EventView { event: &event, snapshot }).unwrap()
    }

    const LINE: &str = r#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Edit","orderId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
        "orderLineId":"B86EE25C-2ba5-4c08-a2c2-7b5f6b9547de","userId":"58edf8c3-89e4-559c-9aed-aae637a3f40b",
        "eventDate":"2024-11-14T08:48:48.340+0000","actionDate":"2024-11-14T09:48:47.001+01:00","orderLineSnapshot":{"z":1.0,"a":[]}}"#;

    #[test]
    fn members_are_in_schema_order() {
        assert_eq!(
            render(EntityType::OrderLine, LINE, SnapshotFormat::Plain),
            concat!(
                r#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Edit","orderId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9","#,
                r#""orderLineId":"b86ee25c-2ba5-4c08-a2c2-7b5f6b9547de","userId":"58edf8c3-89e4-559c-9aed-aae637a3f40b","#,
                r#""eventDate":"2024-11-14T08:48:48.340+00:00","actionDate":"2024-11-14T08:48:47.001+00:00","#,
                r#""orderLineSnapshot":{"z":1.0,"a":[]}}"#
            )
        );
    }

    #[test]
    fn absent_members_are_left_out_and_snapshots_wrapped_on_request() {
        let bare = r#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Delete","pieceId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
            "userId":null,"actionDate":"2024-11-14"}"#;
        assert_eq!(
            render(EntityType::Piece, bare, SnapshotFormat::Wrapped),
            concat!(
                r#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Delete","pieceId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9","#,
                r#""actionDate":"2024-11-14T00:00:00.000+00:00"}"#
            )
        );
        let wrapped = render(EntityType::OrderLine, LINE, SnapshotFormat::Wrapped);
        assert!(wrapped.ends_with(r#""orderLineSnapshot":{"map":{"z":1.0,"a":[]},"empty":false}}"#), "{wrapped}");
    }
}
