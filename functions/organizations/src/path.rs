use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sporlog_http::ApiError;
use sporlog_model::{ApiKeyId, ErrorKind, InvalidId, OrgId};

/// The ids in the path. What cannot be an id is the id of nothing.
#[derive(Debug)]
pub(crate) struct PathIds(BTreeMap<String, String>);

impl PathIds {
    /// The organization.
    pub(crate) fn org(&self) -> Result<OrgId, ApiError> {
        self.parse_org().map_err(|_| ApiError::org_not_found())
    }

    /// The organization that is to be: here an unusable id is the caller's mistake.
    pub(crate) fn new_org(&self) -> Result<OrgId, ApiError> {
        self.parse_org()
            .map_err(|error| ApiError::new(ErrorKind::Invalid, "validationError", format!("orgId: {error}")))
    }

    /// The key.
    pub(crate) fn api_key(&self) -> Result<ApiKeyId, ApiError> {
        ApiKeyId::parse(self.text("keyId")).map_err(|_| api_key_not_found())
    }

    fn parse_org(&self) -> Result<OrgId, InvalidId> {
        OrgId::parse(self.text("orgId"))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A key that there is not, or that this caller may not know of.
pub(crate) fn api_key_not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "apiKeyNotFound", "There is no such API key")
}

impl<S: Send + Sync> FromRequestParts<S> for PathIds {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Fails only where a part is not UTF-8.
        let ids = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(ids.map(|Path(ids)| ids).unwrap_or_default()))
    }
}
