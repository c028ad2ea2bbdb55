use serde::Serialize;

use crate::{Actor, JsonObject, OrgId, RecordedEvent};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    seq: u64,
    id: String,
    org_id: &'a str,
    source: &'static str,
    entity_type: &'static str,
    entity_id: &'a str,
    action: &'a str,
    actor: &'a Actor,
    occurred_at: String,
    recorded_at: String,
    data: Option<&'a JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a JsonObject>,
}

/// Appends one export line with its line feed: the event as one JSON object.
///
/// Members: `seq` (this organization's gap-free number), `id`, `orgId`, `source`, `entityType`, `entityId`, `action`,
/// `actor` (`id`, `name`), `occurredAt`, `recordedAt` (UTC, microseconds), `data` (the snapshot or null), and `original`
/// (the snapshot before the change) where the producer sent one.
pub fn write_line(
    line: &mut Vec<u8>,
    seq: u64,
    org: &OrgId,
    recorded: &RecordedEvent,
) -> Result<(), serde_json::Error> {
    let event = &recorded.event;
    let view = Line {
        seq,
        id: event.id.to_string(),
        org_id: org.as_str(),
        source: event.entity_type.source().name(),
        entity_type: event.entity_type.name(),
        entity_id: event.entity_id.as_str(),
        action: event.action.as_str(),
        actor: &event.actor,
        occurred_at: event.occurred_at.to_string(),
        recorded_at: recorded.recorded_at.to_string(),
        data: event.data.as_ref(),
        original: event.original.as_ref(),
    };
    serde_json::to_writer(&mut *line, &view)?;
    line.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntityType, Instant, folio};

    #[test]
    fn a_line_has_exactly_the_published_members() {
        let payload = br#"{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Edit","orderId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
            "userId":"58edf8c3-89e4-559c-9aed-aae637a3f40b","eventDate":"2022-11-10T09:30:00.333Z","actionDate":"2022-11-10T09:29:00.578Z",
            "orderSnapshot":{"total": 1.50}}"#;
        let event = folio::parse_event(EntityType::Order, payload).unwrap();
        let recorded = RecordedEvent { event, recorded_at: Instant::parse("2026-11-20T00:00:00Z").unwrap() };
        let mut line = Vec::new();
        write_line(&mut line, 7, &OrgId::parse("diku").unwrap(), &recorded).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            concat!(
                r#"{"seq":7,"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","orgId":"diku","source":"acquisition","entityType":"order","#,
                r#""entityId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9","action":"Edit","#,
                r#""actor":{"id":"58edf8c3-89e4-559c-9aed-aae637a3f40b","name":null},"occurredAt":"2022-11-10T09:29:00.578000Z","#,
                r#""recordedAt":"2026-11-20T00:00:00.000000Z","data":{"total":1.50}}"#,
                "\n"
            )
        );
    }
}
