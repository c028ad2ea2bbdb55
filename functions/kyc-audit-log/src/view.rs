use serde::{Serialize, Serializer};
use sporlog_model::{CaseChange, CaseEntry, CaseLabel, CaseText, Instant};
use sporlog_store::CaseStatus;

/// A list as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct ListView<'a, T> {
    pub(crate) data: &'a [T],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pagination: Option<Pagination>,
    pub(crate) meta: Meta,
}

/// Where in the log a page is.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Pagination {
    page: u64,
    page_size: u64,
    total_count: u64,
    total_pages: u64,
    has_more: bool,
}

impl Pagination {
    pub(crate) fn of(page: u64, page_size: u64, total_count: u64) -> Self {
        let total_pages = total_count.div_ceil(page_size);
        Self { page, page_size, total_count, total_pages, has_more: page < total_pages }
    }
}

/// Every answer says of which version it is and when it was given.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Meta {
    api_version: &'static str,
    #[serde(serialize_with = "millis")]
    timestamp: Instant,
}

impl Meta {
    pub(crate) fn at(timestamp: Instant) -> Self {
        Self { api_version: "v1", timestamp }
    }
}

/// An entry as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView<'a> {
    id: u64,
    user: &'a str,
    entity_type: &'a str,
    action: &'a str,
    field: Option<&'a str>,
    old_value: Option<&'a str>,
    new_value: Option<&'a str>,
    reason: Option<&'a str>,
    #[serde(serialize_with = "millis")]
    timestamp: Instant,
}

impl<'a> EntryView<'a> {
    pub(crate) fn of(id: u64, change: &'a CaseChange) -> Self {
        Self {
            id,
            user: change.user.as_str(),
            entity_type: change.entity_type.as_str(),
            action: change.action.as_str(),
            field: change.field.as_ref().map(CaseLabel::as_str),
            old_value: change.old_value.as_ref().map(CaseText::as_str),
            new_value: change.new_value.as_ref().map(CaseText::as_str),
            reason: change.reason.as_ref().map(CaseText::as_str),
            timestamp: change.occurred_at,
        }
    }
}

impl<'a> From<&'a CaseEntry> for EntryView<'a> {
    fn from(entry: &'a CaseEntry) -> Self {
        Self::of(entry.id, &entry.change)
    }
}

/// A status as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct StatusView<'a> {
    status: &'a str,
    #[serde(serialize_with = "millis")]
    changed_at: Instant,
}

impl<'a> From<&'a CaseStatus> for StatusView<'a> {
    fn from(status: &'a CaseStatus) -> Self {
        Self { status: &status.status, changed_at: status.changed_at }
    }
}

fn millis<S: Serializer>(instant: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted() {
        for (page, size, total, pages, more) in [
            (1, 25, 0, 0, false),
            (1, 25, 25, 1, false),
            (1, 25, 47, 2, true),
            (2, 25, 47, 2, false),
            (3, 25, 47, 2, false),
            (1, 1, 2, 2, true),
            (u64::MAX, 100, 100_000, 1_000, false),
        ] {
            let view = Pagination::of(page, size, total);
            assert_eq!((view.total_pages, view.has_more), (pages, more), "{page} {size} {total}");
        }
    }
}
