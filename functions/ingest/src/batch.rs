use serde::Deserialize;
use serde_json::value::RawValue;
use sporlog_model::{EntityType, OrgId};

use crate::record::{Parsed, Position, Record, Unusable};

/// One event of a plain batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchEvent<'a> {
    org_id: String,
    /// `order-line`, or FOLIO's `ACQ_ORDER_LINE_CHANGED`.
    r#type: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// The records of `{"events":[{"orgId","type","payload"}]}`.
pub(crate) fn read(events: &[&RawValue]) -> Vec<Record> {
    let record = |(index, event): (usize, &&RawValue)| Record {
        position: Position::Batch { index },
        raw: event.get().as_bytes().to_vec(),
        parsed: read_event(event.get()),
    };
    events.iter().enumerate().map(record).collect()
}

/// Reads one event with its organization and type.
pub(crate) fn read_event(json: &str) -> Result<Parsed, Unusable> {
    let event: BatchEvent<'_> = serde_json::from_str(json).map_err(|error| Unusable::NotAnEvent((&error).into()))?;
    let org = OrgId::parse(&event.org_id).map_err(|_| Unusable::InvalidOrg)?;
    let entity_type = EntityType::from_folio(&event.r#type).ok_or(Unusable::UnknownType)?;
    Parsed::read(org, entity_type, event.payload.get().as_bytes())
}
