use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use sporlog_auth::{Action, Principal, TenantScope};
use sporlog_model::ErrorKind;

use crate::{ApiError, Caller};

/// A caller of FOLIO's APIs, who names the tenant in a header of its own, `X-Okapi-Tenant`; the token decides whether it is the
/// caller's. Without the header → 400, with another tenant in it → 401.
#[derive(Debug, Clone)]
pub struct FolioCaller(Caller);

impl FolioCaller {
    /// Leave to do `action` in the caller's tenant, or the error to answer.
    pub fn scope(&self, action: Action) -> Result<TenantScope, ApiError> {
        self.0.scope(action, &self.0.0.org)
    }

    /// [`FolioCaller::scope`] for an action on one resource that has a permission of its own.
    pub fn resource_scope(&self, action: Action, resource: &str) -> Result<TenantScope, ApiError> {
        self.0.resource_scope(action, &self.0.0.org, resource)
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.0.0
    }
}

impl<S: Sync> FromRequestParts<S> for FolioCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        check_tenant(&parts.headers, &caller)?;
        Ok(Self(caller))
    }
}

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
