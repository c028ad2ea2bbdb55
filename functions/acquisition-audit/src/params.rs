use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::request::Parts;
use sporlog_http::{ApiError, FolioCaller, QueryParameters};
use sporlog_model::EntityId;
use sporlog_model::settings::SnapshotFormat;
use sporlog_store::{HistoryQuery, SortField, SortOrder};

use crate::answer::MAX_READ_BYTES;

/// The largest `limit` and `offset`, as the published document has it; also what `limit` is when it is absent.
const MAX_COUNT: u64 = 2_147_483_647;

/// Everything a read may say. The seven reads take the same.
pub(crate) struct ReadRequest {
    pub(crate) caller: FolioCaller,
    pub(crate) entity_id: EntityId,
    pub(crate) query: HistoryQuery,
    /// The form that the caller asks for; `None` for the one that the organization has set.
    pub(crate) snapshot: Option<SnapshotFormat>,
    pub(crate) accepts_gzip: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for ReadRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = FolioCaller::from_request_parts(parts, state).await?;
        let id = Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| id).unwrap_or_default();
        let entity_id = EntityId::parse_uuid(&id).map_err(|_| ApiError::invalid("id", &id, "must be a UUID"))?;
        let Ok(query) = QueryParameters::from_request_parts(parts, state).await;
        Ok(Self {
            caller,
            entity_id,
            query: history_query(&query)?,
            snapshot: snapshot_format(&parts.headers)?,
            accepts_gzip: accepts_gzip(&parts.headers),
        })
    }
}

fn history_query(query: &QueryParameters) -> Result<HistoryQuery, ApiError> {
    let sort = match query.get("sortBy") {
        None | Some("action_date" | "actionDate") => SortField::OccurredAt,
        Some("event_date" | "eventDate") => SortField::PublishedAt,
        Some("id") => SortField::Id,
        Some("action") => SortField::Action,
        Some("user_id" | "userId") => SortField::ActorId,
        Some(other) => {
            let problem = "must be one of action_date, event_date, id, action, user_id";
            return Err(ApiError::invalid("sortBy", other, problem));
        }
    };
    let order = match query.get("sortOrder") {
        None => SortOrder::Descending,
        Some(order) if order.eq_ignore_ascii_case("desc") => SortOrder::Descending,
        Some(order) if order.eq_ignore_ascii_case("asc") => SortOrder::Ascending,
        Some(other) => return Err(ApiError::invalid("sortOrder", other, "must be asc or desc")),
    };
    Ok(HistoryQuery {
        sort,
        order,
        offset: count(query, "offset")?.unwrap_or(0),
        limit: count(query, "limit")?.unwrap_or(MAX_COUNT),
        max_body_bytes: MAX_READ_BYTES,
    })
}

fn count(query: &QueryParameters, name: &str) -> Result<Option<u64>, ApiError> {
    let form = "must be a whole number from 0 to 2147483647";
    let refused = |_| ApiError::invalid(name, query.get(name).unwrap_or_default(), form);
    query.number(name, 0..=MAX_COUNT).map_err(refused)
}

fn snapshot_format(headers: &HeaderMap) -> Result<Option<SnapshotFormat>, ApiError> {
    let Some(value) = headers.get("x-snapshot-format") else { return Ok(None) };
    let name = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let refused = || ApiError::invalid("X-Snapshot-Format", &name, "must be plain or wrapped");
    SnapshotFormat::from_name(&name).map(Some).ok_or_else(refused)
}

/// RFC 9110 section 12.5.3: `gzip` or `*`, not weighed zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_used_only_when_accepted() {
        for (header, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(header))]);
            assert_eq!(accepts_gzip(&headers), expected, "{header}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
