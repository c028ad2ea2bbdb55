use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::request::Parts;
use sporlog_http::{ApiError, Caller, QueryParameters};
use sporlog_model::{EntityId, ErrorKind};
use sporlog_store::{HistoryQuery, SortField, SortOrder};

use crate::answer::MAX_READ_BYTES;

/// The largest `limit` and `offset`, as the published document has it; also what `limit` is when it is absent.
const MAX_COUNT: u64 = 2_147_483_647;

/// Everything a read may say. The seven reads take the same.
pub(crate) struct ReadRequest {
    pub(crate) caller: Caller,
    pub(crate) entity_id: EntityId,
    pub(crate) query: HistoryQuery,
    pub(crate) snapshot: SnapshotFormat,
    pub(crate) accepts_gzip: bool,
}

/// How a snapshot is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SnapshotFormat {
    /// The object itself, as the published schema has it.
    Plain,
    /// `{"map": {…}, "empty": false}`, which mod-audit in fact answers and FOLIO's screens read.
    Wrapped,
}

impl<S: Send + Sync> FromRequestParts<S> for ReadRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        check_tenant(&parts.headers, &caller)?;
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

/// FOLIO names the tenant in a header of its own; the token decides whether it is the caller's.
fn check_tenant(headers: &HeaderMap, caller: &Caller) -> Result<(), ApiError> {
    let named = headers.get("x-okapi-tenant").and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    if named.is_empty() {
        return Err(ApiError::new(ErrorKind::Malformed, "missingTenant", "The header X-Okapi-Tenant is required"));
    }
    if named == caller.0.org.as_str() {
        Ok(())
    } else {
        let message = "The token is not for the tenant in X-Okapi-Tenant";
        Err(ApiError::new(ErrorKind::Unauthenticated, "wrongTenant", message))
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
    let Some(text) = query.get(name) else { return Ok(None) };
    // `parse` alone would also take a sign.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= MAX_COUNT);
    number.map(Some).ok_or_else(|| ApiError::invalid(name, text, "must be a whole number from 0 to 2147483647"))
}

fn snapshot_format(headers: &HeaderMap) -> Result<SnapshotFormat, ApiError> {
    let Some(value) = headers.get("x-snapshot-format") else {
        return Ok(SnapshotFormat::Plain);
    };
    match value.to_str().map(str::to_ascii_lowercase).as_deref() {
        Ok("plain") => Ok(SnapshotFormat::Plain),
        Ok("wrapped") => Ok(SnapshotFormat::Wrapped),
        other => Err(ApiError::invalid("X-Snapshot-Format", other.unwrap_or_default(), "must be plain or wrapped")),
    }
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
