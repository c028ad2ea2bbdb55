use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::JsonObject;
use crate::export::sha256_hex;

/// Values longer than this are known by their hash: only equality counts, and an index row must stay small whatever a
/// producer writes into a snapshot.
const LONGEST_KEPT: usize = 256;

/// The two members of a piece's snapshot whose changes make up its status history. Absent counts as null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PieceStatus {
    /// `Expected`, `Received`, `Late`, …
    pub receiving_status: Value,
    /// Days between two claims.
    pub claiming_interval: Value,
}

impl PieceStatus {
    /// The status in a snapshot; of no snapshot, the empty one.
    pub fn of_snapshot(snapshot: Option<&JsonObject>) -> Self {
        // Fails only when one of the two is doubled, which then counts as absent.
        let members: Members<'_> =
            snapshot.and_then(|object| serde_json::from_str(object.as_str()).ok()).unwrap_or_default();
        Self {
            receiving_status: bounded(members.receiving_status),
            claiming_interval: bounded(members.claiming_interval),
        }
    }

    fn is_empty(&self) -> bool {
        self.receiving_status.is_null() && self.claiming_interval.is_null()
    }
}

/// As they stand in the snapshot: each may hold what a [`Value`] cannot, such as a number beyond all bounds.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Members<'a> {
    #[serde(borrow)]
    receiving_status: Option<&'a RawValue>,
    #[serde(borrow)]
    claiming_interval: Option<&'a RawValue>,
}

fn bounded(member: Option<&RawValue>) -> Value {
    let Some(text) = member.map(RawValue::get) else { return Value::Null };
    let value = serde_json::from_str(text).ok().filter(|_| text.len() <= LONGEST_KEPT);
    value.unwrap_or_else(|| Value::String(format!("sha256:{}", sha256_hex(text.as_bytes()))))
}

/// Which events of a piece changed its status: the positions, in the given order, of those whose status differs from the
/// one before. The first counts only if it has a status at all. `history` must be in order of time.
pub fn status_changes<'a>(history: impl IntoIterator<Item = &'a PieceStatus>) -> Vec<usize> {
    let mut previous: Option<&PieceStatus> = None;
    let mut kept = Vec::new();
    for (position, status) in history.into_iter().enumerate() {
        let changed = match previous {
            None => !status.is_empty(),
            Some(previous) => previous != status,
        };
        if changed {
            kept.push(position);
        }
        previous = Some(status);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: &str) -> PieceStatus {
        PieceStatus::of_snapshot(Some(&JsonObject::parse(json).unwrap()))
    }

    #[test]
    fn keeps_what_differs_from_the_event_before() {
        let history = [
            r#"{"id":"x"}"#,
            r#"{"receivingStatus":"Expected"}"#,
            r#"{"receivingStatus":"Expected","claimingInterval":null}"#,
            r#"{"receivingStatus":"Expected","claimingInterval":0}"#,
            r#"{"receivingStatus":"Received","claimingInterval":0}"#,
            r#"{"receivingStatus":"Received","claimingInterval":0,"comment":"c"}"#,
            r#"{"receivingStatus":"Expected","claimingInterval":0}"#,
            "{}",
        ]
        .map(status);
        assert_eq!(status_changes(&history), [1, 3, 4, 6, 7]);
    }

    #[test]
    fn long_values_are_bounded_and_still_compared() {
        let long = |end: &str| status(&format!(r#"{{"receivingStatus":"{}{end}"}}"#, "x".repeat(500_000)));
        assert!(long("a").receiving_status.to_string().len() < 100);
        assert_eq!(status_changes(&[long("a"), long("a"), long("b")]), [0, 2]);
    }

    #[test]
    fn the_first_is_kept_only_with_a_status() {
        assert_eq!(status_changes(&[status(r#"{"claimingInterval":0}"#)]), [0]);
        assert_eq!(status_changes(&[PieceStatus::of_snapshot(None), status("{}")]), Vec::<usize>::new());
        assert_eq!(status_changes(&[]), Vec::<usize>::new());
    }
}
