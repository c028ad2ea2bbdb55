//! Who is calling: the Lambda REQUEST authorizer of the HTTP API (payload 2.0, simple responses).
//!
//! Takes the credential from the identity source API Gateway names (`Authorization` or `X-Okapi-Token`), verifies it against
//! the trusted issuers and answers with the [`Principal`] in the context. API Gateway caches the answer for the credential.
//! Start with [`Authorizer::authorize`]; `token.rs` verifies, `issuers.rs` is the configuration.

mod issuers;
mod token;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sporlog_auth::Principal;
use sporlog_boot::{Environment, EnvironmentError};

use crate::issuers::TrustedIssuers;

/// The authorizer, set up from `TRUSTED_ISSUERS`.
#[derive(Debug)]
pub struct Authorizer {
    issuers: TrustedIssuers,
}

/// The part of API Gateway's authorizer event that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    /// The values of the authorizer's identity sources: one, the credential's header.
    #[serde(default)]
    pub identity_source: Vec<String>,
}

/// A simple response with the context that functions see.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    pub is_authorized: bool,
    pub context: AuthorizerContext,
}

/// Context values must be strings, so the principal is JSON within JSON.
#[derive(Debug, Serialize)]
pub struct AuthorizerContext {
    pub principal: String,
}

impl Authorizer {
    /// Reads the trusted issuers.
    pub fn from_environment(environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { issuers: environment.read(|reader| reader.parsed("TRUSTED_ISSUERS"))? })
    }

    /// The principal, or the error that makes API Gateway answer 401. (`isAuthorized: false` would make it 403, which says
    /// that the caller is known.)
    pub fn authorize(&self, request: &AuthorizerRequest) -> Result<AuthorizerResponse, Diagnostic> {
        let credential = request.identity_source.first().map(String::as_str).unwrap_or_default();
        let principal = self.verify(credential).and_then(|principal| {
            serde_json::to_string(&principal).map_err(|_| token::Refused("the principal cannot be written"))
        });
        match principal {
            Ok(principal) => Ok(AuthorizerResponse { is_authorized: true, context: AuthorizerContext { principal } }),
            Err(refused) => {
                tracing::info!(reason = refused.0, "credential refused");
                Err(Diagnostic { error_type: "Unauthorized".to_owned(), error_message: "Unauthorized".to_owned() })
            }
        }
    }

    fn verify(&self, credential: &str) -> Result<Principal, token::Refused> {
        // `X-Okapi-Token` carries the bare token, `Authorization` names the scheme (RFC 6750).
        let token = match credential.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err(token::Refused("not a bearer token")),
            None => credential,
        };
        token::verify(token, &self.issuers)
    }
}
