use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lambda_http::request::RequestContext;
use sporlog_auth::{Action, Principal, TenantScope};
use sporlog_model::{ErrorKind, OrgId};

use crate::ApiError;

/// The member of the authorizer's context that holds the [`Principal`] as JSON.
const PRINCIPAL: &str = "principal";

/// Who is calling, as the authorizer told API Gateway.
///
/// Architecture invariant: taken from the request context, which only API Gateway writes; nothing a client sends reaches it.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl Caller {
    /// Leave to do `action` in `org`, or the error to answer.
    pub fn scope(&self, action: Action, org: &OrgId) -> Result<TenantScope, ApiError> {
        self.0.scope(action, org).map_err(ApiError::from)
    }

    /// [`Caller::scope`] for an action on one resource that has a permission of its own.
    pub fn resource_scope(&self, action: Action, org: &OrgId, resource: &str) -> Result<TenantScope, ApiError> {
        self.0.resource_scope(action, org, resource).map_err(ApiError::from)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let principal = principal(parts.extensions.get::<RequestContext>());
        principal
            .map(Self)
            .ok_or_else(|| ApiError::new(ErrorKind::Unauthenticated, "unauthenticated", "A credential is required"))
    }
}

pub(crate) fn principal(context: Option<&RequestContext>) -> Option<Principal> {
    let Some(RequestContext::ApiGatewayV2(context)) = context else {
        return None;
    };
    let text = context.authorizer.as_ref()?.fields.get(PRINCIPAL)?.as_str()?;
    serde_json::from_str(text).ok()
}
