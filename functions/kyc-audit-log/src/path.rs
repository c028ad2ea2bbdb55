use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sporlog_http::ApiError;
use sporlog_model::{CaseId, ErrorKind};

/// The case in the path, as it was sent.
#[derive(Debug)]
pub(crate) struct PathCase(String);

impl PathCase {
    /// The case.
    pub(crate) fn id(&self) -> Result<CaseId, ApiError> {
        let problem = "must be a positive integer up to 9007199254740991";
        CaseId::parse(&self.0).map_err(|_| ApiError::at_field(ErrorKind::Malformed, "validationError", "id", problem))
    }
}

/// A case without any entry, or one of another organization.
pub(crate) fn case_not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "caseNotFound", "There is no such case")
}

impl<S: Send + Sync> FromRequestParts<S> for PathCase {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Fails only where the part is not UTF-8, and then it is no number either.
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}
