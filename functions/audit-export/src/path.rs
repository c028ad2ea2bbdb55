use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sporlog_http::ApiError;
use sporlog_model::OrgId;

/// The organization in the path. What cannot be an id is the id of none.
#[derive(Debug)]
pub(crate) struct PathOrg(Option<OrgId>);

impl PathOrg {
    /// The organization.
    pub(crate) fn id(&self) -> Result<&OrgId, ApiError> {
        self.0.as_ref().ok_or_else(ApiError::org_not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathOrg {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // Fails only where a part is not UTF-8.
        let ids = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        let id = ids.ok().and_then(|Path(mut ids)| ids.remove("orgId"));
        Ok(Self(id.and_then(|id| OrgId::parse(&id).ok())))
    }
}
