use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::write_line;
use crate::{Action, Actor, EntityId, EntityType, Event, EventId, Instant, JsonObject, OrgId, RecordedEvent};

/// An export line, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub seq: u64,
    pub org: OrgId,
    /// Without what a line does not tell: the parent and when its producer told of it.
    pub recorded: RecordedEvent,
}

/// Bytes that are no export line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLine {
    /// Not JSON, or a member is missing or of another type.
    #[error("is not an event as JSON (column {column})")]
    Malformed { column: usize },
    /// A member does not have the form of what it is.
    #[error("has a `{0}` that is none")]
    Member(&'static str),
    /// The event would be written in other bytes: other white space, a member more or twice, another order.
    #[error("does not have the one form in which an event is written")]
    NotCanonical,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    seq: u64,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    org_id: Cow<'a, str>,
    #[serde(borrow)]
    entity_type: Cow<'a, str>,
    #[serde(borrow)]
    entity_id: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    actor: Actor,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    #[serde(borrow)]
    recorded_at: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    original: Option<&'a RawValue>,
}

impl Line {
    /// Reads exactly what [`write_line`] writes, without the line feed, and nothing else.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidLine> {
        let members: Members<'_> =
            serde_json::from_slice(bytes).map_err(|error| InvalidLine::Malformed { column: error.column() })?;
        let line = members.line()?;
        let mut written = Vec::with_capacity(bytes.len() + 1);
        write_line(&mut written, line.seq, &line.org, &line.recorded).map_err(|_| InvalidLine::NotCanonical)?;
        if written.strip_suffix(b"\n") == Some(bytes) { Ok(line) } else { Err(InvalidLine::NotCanonical) }
    }
}

impl Members<'_> {
    fn line(self) -> Result<Line, InvalidLine> {
        let member = InvalidLine::Member;
        let instant = |text: &str, name| Instant::parse(text).map_err(|_| member(name));
        let object = |raw: Option<&RawValue>, name| {
            raw.map(|raw| JsonObject::from_raw(raw).map_err(|_| member(name))).transpose()
        };
        let event = Event {
            id: EventId::parse(&self.id).map_err(|_| member("id"))?,
            entity_type: EntityType::from_name(&self.entity_type).ok_or(member("entityType"))?,
            entity_id: EntityId::parse(&self.entity_id).map_err(|_| member("entityId"))?,
            action: Action::parse(&self.action).ok_or(member("action"))?,
            actor: self.actor,
            occurred_at: instant(&self.occurred_at, "occurredAt")?,
            published_at: None,
            parent_id: None,
            data: object(self.data, "data")?,
            original: object(self.original, "original")?,
        };
        Ok(Line {
            seq: self.seq,
            org: OrgId::parse(&self.org_id).map_err(|_| member("orgId"))?,
            recorded: RecordedEvent { event, recorded_at: instant(&self.recorded_at, "recordedAt")? },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = concat!(
        r#"{"seq":7,"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","orgId":"diku","source":"acquisition","entityType":"order","#,
        r#""entityId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9","action":"Edit","#,
        r#""actor":{"id":"58edf8c3-89e4-559c-9aed-aae637a3f40b","name":"Åse \"x\""},"occurredAt":"2022-11-10T09:29:00.578000Z","#,
        r#""recordedAt":"2026-11-20T00:00:00.000000Z","data":{"total":1.50,"total":2},"original":{}}"#
    );

    #[test]
    fn a_written_line_is_read_and_nothing_else() {
        let line = Line::parse(LINE.as_bytes()).unwrap();
        assert_eq!((line.seq, line.org.as_str()), (7, "diku"));
        for (from, to) in [
            ("{\"seq\"", " {\"seq\""),
            ("\"seq\":7", "\"seq\":7.0"),
            ("\"seq\":7", "\"seq\":\"7\""),
            ("\"seq\":7", "\"seq\":7,\"more\":1"),
            ("\"seq\":7", "\"seq\":7,\"seq\":7"),
            ("\"seq\":7,", ""),
            ("99fb699a-cdf1", "99FB699A-CDF1"),
            ("99fb699a-cdf1", "99fb699acdf1"),
            ("\"acquisition\"", "\"kyc\""),
            ("\"order\"", "\"unknown\""),
            ("\"Edit\"", "\"\""),
            ("578000Z", "578Z"),
            ("578000Z", "578000+00:00"),
            ("\"data\":{", "\"data\": {"),
            ("\"data\":{\"total\":1.50,", "\"data\":{\"total\":1.50, "),
            ("\"data\":{\"total\":1.50,\"total\":2},", ""),
            ("\"original\":{}", "\"original\":null"),
            ("\"original\":{}", "\"original\":[]"),
            ("Å", "\\u00c5"),
        ] {
            assert!(LINE.contains(from), "{from}");
            assert!(Line::parse(LINE.replacen(from, to, 1).as_bytes()).is_err(), "{from} → {to}");
        }
        assert_eq!(Line::parse(LINE.replace("\"order\"", "\"x\"").as_bytes()), Err(InvalidLine::Member("entityType")));
    }

    #[test]
    fn depth_and_size_break_nothing() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{{\"a\":{}1{}}}", open.repeat(200_000), close.repeat(200_000));
            let line = LINE.replace("\"original\":{}", &format!("\"original\":{deep}"));
            assert!(Line::parse(line.as_bytes()).is_ok());
            assert!(Line::parse(deep.as_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, at in 0..LINE.len(), byte: u8) {
            let _ = Line::parse(&bytes);
            let mut near = LINE.as_bytes().to_vec();
            near[at] = byte;
            if let Ok(line) = Line::parse(&near) {
                let mut written = Vec::new();
                write_line(&mut written, line.seq, &line.org, &line.recorded).unwrap();
                near.push(b'\n');
                prop_assert_eq!(written, near);
            }
        }
    }
}
