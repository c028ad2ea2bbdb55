use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sporlog_auth::{Action, TenantScope};
use sporlog_http::{ApiError, Caller, QueryParameters};
use sporlog_model::bufdir::{AuditId, InvalidText, UpdateRefused};
use sporlog_model::{Classified, ErrorKind, OrgId};
use sporlog_store::StoreError;

/// The id in the path. What cannot be an id is the id of nothing.
#[derive(Debug)]
pub(crate) struct PathId(Option<AuditId>);

impl PathId {
    /// The record.
    pub(crate) fn id(&self) -> Result<AuditId, ApiError> {
        self.0.ok_or_else(not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Fails only where the part is not UTF-8.
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.ok().and_then(|Path(text)| AuditId::parse(&text).ok())))
    }
}

/// Leave to do `action` in the organization that the request is about: the one that `org_id` names, which only those who run
/// Sporlog can choose, or the caller's own.
pub(crate) fn scope(caller: &Caller, action: Action, query: &QueryParameters) -> Result<TenantScope, ApiError> {
    match query.get("org_id") {
        None => caller.scope(action, &caller.0.org),
        Some(text) => caller.scope(action, &org(text)?),
    }
}

/// An organization that somebody names. What cannot be an id is the id of nothing.
pub(crate) fn org(text: &str) -> Result<OrgId, ApiError> {
    OrgId::parse(text).map_err(|_| ApiError::org_not_found())
}

/// Reads a member that is a text of some form.
pub(crate) fn text<T>(
    member: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, InvalidText>,
) -> Result<T, ApiError> {
    parse(text).map_err(|error| ApiError::invalid_member(member, &error.to_string()))
}

/// A record that there is not, or that this caller may not know of.
pub(crate) fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "auditNotFound", "There is no such audit record")
}

/// What the store could not do with the record in the path.
pub(crate) fn failed(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => not_found(),
        other => ApiError::fault(other.kind(), other),
    }
}

/// Why the record stays as it is.
pub(crate) fn refused(refused: UpdateRefused) -> ApiError {
    match refused {
        UpdateRefused::NoSuchMove { from, to } => {
            let problem = format!("cannot go from {from} to {to}");
            ApiError::at_field(ErrorKind::Conflict, "invalidTransition", "status", &problem)
        }
        UpdateRefused::BeforeLastUpdate(last) => {
            let problem = format!("must not be before {}, the record's last update", last.to_rfc3339_seconds());
            ApiError::invalid_member("updated_at", &problem)
        }
        UpdateRefused::InTheFuture => {
            ApiError::invalid_member("updated_at", "must not be more than 5 minutes in the future")
        }
        UpdateRefused::NoFileWhile(status) => {
            let problem = format!("can be attached while processing or completed, not while {status}");
            ApiError::at_field(ErrorKind::Conflict, "fileNotAllowed", "file_url", &problem)
        }
    }
}
