use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest, Sha256};
use sporlog_model::export::Line;
use sporlog_model::{EntityType, Instant};

/// The events so far. Exact: an event's identity is its type and 128 bits.
#[derive(Debug, Default)]
pub(crate) struct SeenEvents {
    by_type: HashMap<EntityType, HashMap<u128, Telling>>,
    repeated: u64,
}

/// How an event was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Telling {
    /// When it was recorded, in microseconds since the first instant there is: smaller than an [`Instant`].
    recorded_at_us: u64,
    /// What the line says besides its number and that instant.
    content: [u8; 8],
}

impl SeenEvents {
    /// Takes a line in. An event that comes again must have been recorded again, later or (in the backfill) earlier, and with
    /// the same content: so it is when its source sends it once more to a table that was restored to before it, or long
    /// after retention deleted it. Anything else is no log that Sporlog wrote.
    pub(crate) fn see(&mut self, line: &Line, text: &[u8]) -> Result<(), String> {
        let event = &line.recorded.event;
        let since_ever = line.recorded.recorded_at.since(Instant::MIN).as_micros();
        let telling =
            Telling { recorded_at_us: u64::try_from(since_ever).unwrap_or(u64::MAX), content: content_of(text) };
        match self.by_type.entry(event.entity_type).or_default().entry(event.id.as_u128()) {
            Entry::Vacant(new) => {
                new.insert(telling);
                return Ok(());
            }
            Entry::Occupied(mut known) => {
                let before = known.insert(telling);
                let which = format!("the {} event {}", event.entity_type, event.id);
                if before.recorded_at_us == telling.recorded_at_us {
                    return Err(format!("{which} is in the export for the second time"));
                }
                if before.content != telling.content {
                    return Err(format!("{which} is in the export for the second time, with another content"));
                }
            }
        }
        self.repeated += 1;
        Ok(())
    }

    /// How many lines tell of an event that an earlier line told of.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }
}

/// What the member begins with behind which an instant of fixed width stands. A quote inside of a text has a backslash before
/// it, so this is found nowhere else before `data`.
const RECORDED_AT: &[u8] = b",\"recordedAt\":\"";
/// `2024-11-14T08:48:48.340000Z`.
const INSTANT_BYTES: usize = 27;

/// A hash of the line without its number and the instant at which it was recorded; the line was parsed, so it has both.
fn content_of(line: &[u8]) -> [u8; 8] {
    let id_at = line.iter().position(|byte| *byte == b',').unwrap_or_default();
    let recorded_at = line.windows(RECORDED_AT.len()).position(|part| part == RECORDED_AT).unwrap_or(line.len());
    let mut hasher = Sha256::new();
    hasher.update(line.get(id_at..recorded_at).unwrap_or_default());
    hasher.update(line.get(recorded_at + RECORDED_AT.len() + INSTANT_BYTES..).unwrap_or_default());
    let mut start = [0; 8];
    start.iter_mut().zip(hasher.finalize()).for_each(|(to, from)| *to = from);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_all_but_number_and_instant() {
        let line = |seq: u64, at: &str, rest: &str| {
            format!(r#"{{"seq":{seq},"id":"x, \",\"recordedAt\":\"","recordedAt":"{at}","data":{rest}}}"#)
        };
        let first = content_of(line(1, "2026-01-01T00:00:00.000000Z", "1").as_bytes());
        assert_eq!(first, content_of(line(12, "2027-01-01T00:00:00.000001Z", "1").as_bytes()));
        assert_ne!(first, content_of(line(1, "2026-01-01T00:00:00.000000Z", "2").as_bytes()));
        assert_ne!(first, content_of(line(1, "2026-01-01T00:00:00.000000Z", "1").replace('x', "y").as_bytes()));
    }
}
