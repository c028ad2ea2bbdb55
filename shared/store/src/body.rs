use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sporlog_model::{Event, JsonObject};

/// Below this many bytes compressing costs more than it saves.
const COMPRESS_FROM: usize = 1024;

const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;

thread_local! {
    // Kept, since making one takes longer than what it does to a body of 2 KB.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

#[derive(Serialize)]
struct BodyOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a JsonObject>,
}

#[derive(Deserialize)]
struct BodyIn {
    data: Option<Box<RawValue>>,
    original: Option<Box<RawValue>>,
}

/// The documents of an event.
pub(crate) type Documents = (Option<JsonObject>, Option<JsonObject>);

/// The documents of an event in stored form: one byte that names the encoding, then JSON, deflated (RFC 1951) if that pays.
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    let body = BodyOut { data: event.data.as_ref(), original: event.original.as_ref() };
    let mut plain = vec![PLAIN];
    // Writing validated JSON to memory cannot fail; if it ever did, the empty body would fail to decode, not be lost silently.
    if serde_json::to_writer(&mut plain, &body).is_err() || plain.len() < COMPRESS_FROM {
        return plain;
    }
    deflate(&plain[1..]).unwrap_or(plain)
}

/// In stored form; `None` where that is not smaller.
fn deflate(json: &[u8]) -> Option<Vec<u8>> {
    let mut stored = Vec::with_capacity(json.len());
    stored.push(DEFLATED);
    let status = DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        deflate.compress_vec(json, &mut stored, FlushCompress::Finish)
    });
    // It writes what there is room for.
    (status.ok()? == Status::StreamEnd).then_some(stored)
}

/// The JSON that [`deflate`] was given.
fn inflate(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(64 + bytes.len() * 4);
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        loop {
            let read_before = inflate.total_in();
            let status = inflate.decompress_vec(bytes, &mut json, FlushDecompress::Finish).ok()?;
            bytes = bytes.get(usize::try_from(inflate.total_in() - read_before).ok()?..)?;
            match status {
                Status::StreamEnd => return Some(()),
                _ if json.len() == json.capacity() => json.reserve(json.len()),
                // Cut off.
                _ => return None,
            }
        }
    })?;
    Some(json)
}

/// Reads [`encode`] back. `None` when the bytes are not what it writes.
pub(crate) fn decode(stored: &[u8]) -> Option<Documents> {
    let (encoding, bytes) = stored.split_first()?;
    let body: BodyIn = match *encoding {
        PLAIN => serde_json::from_slice(bytes).ok()?,
        DEFLATED => serde_json::from_slice(&inflate(bytes)?).ok()?,
        _ => return None,
    };
    let object = |raw: Option<Box<RawValue>>| raw.map(JsonObject::from_stored).transpose().ok();
    Some((object(body.data)?, object(body.original)?))
}

#[cfg(test)]
mod tests {
    use sporlog_model::{EntityType, folio};

    use super::*;

    fn event(data: &str) -> Event {
        let payload = format!(
            r#"{{"id":"99fb699a-cdf1-11e9-a9d9-f2801f1b9aa1","action":"Edit","orderId":"c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9",
            "actionDate":"2022-11-10","orderSnapshot":{data}}}"#
        );
        folio::parse_event(EntityType::Order, payload.as_bytes()).unwrap()
    }

    #[test]
    fn every_body_comes_back_as_it_was() {
        let long = format!(r#"{{"a":4.0,"b":"{}"}}"#, "øy ".repeat(5_000));
        for (data, encoding) in [("null", PLAIN), ("{}", PLAIN), (r#"{"n":1.50e3,"n":2}"#, PLAIN), (&long, DEFLATED)] {
            let event = event(data);
            let stored = encode(&event);
            assert_eq!(stored[0], encoding, "{} bytes", data.len());
            assert_eq!(decode(&stored), Some((event.data, event.original)));
        }
        assert!(encode(&event(&long)).len() < long.len() / 10);
    }

    #[test]
    fn damage_is_noticed() {
        let stored = encode(&event(&format!(r#"{{"b":"{}"}}"#, "x y z ".repeat(500))));
        for damaged in [&stored[..stored.len() / 2], &[], &[9], &[PLAIN], &[PLAIN, b'1'], b"\0{\"data\":1}"] {
            assert_eq!(decode(damaged), None);
        }
    }
}
