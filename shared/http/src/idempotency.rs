use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sporlog_model::{ErrorKind, IdempotencyKey};

use crate::ApiError;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header `Idempotency-Key`, if the client sent one. One that cannot be a key → 400.
#[derive(Debug, Clone)]
pub struct Idempotency(pub Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().and_then(|text| IdempotencyKey::parse(text).ok());
        let problem = "must be 1 to 255 visible ASCII characters";
        let refused = || ApiError::at_field(ErrorKind::Malformed, "validationError", IDEMPOTENCY_KEY, problem);
        key.map(|key| Self(Some(key))).ok_or_else(refused)
    }
}
