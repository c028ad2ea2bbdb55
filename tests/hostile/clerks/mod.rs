//! The clients of one organization, each of which uses one part of the API for a while, insists where it may, notes what was
//! acknowledged, and holds the end against its notes.

pub(super) mod bufdir;
pub(super) mod cases;
pub(super) mod deliveries;
pub(super) mod exports;
mod history;
pub(super) mod keys;
pub(super) mod schedule;
pub(super) mod settings;

use serde_json::Value;

/// The lines of an export that are about this kind of thing.
fn of_type<'a>(lines: &'a [Value], entity_type: &str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["entityType"] == entity_type)
}
