//! Who is calling: the Lambda REQUEST authorizer of the HTTP API (payload 2.0, simple responses).
//!
//! Takes the credential from the identity source API Gateway names, verifies a token (`Authorization`, `X-Okapi-Token`) against
//! the trusted issuers and a key (`X-API-Key`) against the store, and answers with the [`Principal`] in the context. API Gateway
//! caches the answer for the credential. Start with [`Authorizer::authorize`]; `api_key.rs` verifies keys, `token.rs` tokens,
//! `issuers.rs` is the configuration, `jwks.rs` has the issuers' keys.

mod api_key;
mod claims;
mod fetch;
mod issuers;
mod jwks;
mod keys;
#[cfg(test)]
mod test_issuer;
mod token;

use std::collections::BTreeMap;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sporlog_auth::Principal;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError, Metric, Metrics};
use sporlog_model::{Clock, elapsed_ms, error_chain};
use sporlog_store::Store;

use crate::api_key::{ApiKeys, Kind, NoPrincipal};
use crate::issuers::TrustedIssuers;

/// The authorizer, set up from `TRUSTED_ISSUERS`, `TABLE_NAME` and the variables Lambda sets.
#[derive(Debug)]
pub struct Authorizer {
    tokens: token::Verifier,
    api_keys: ApiKeys,
    clock: Clock,
    metrics: Metrics,
}

/// The part of API Gateway's authorizer event that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    /// The values of the authorizer's identity sources: one, the credential's header.
    #[serde(default)]
    pub identity_source: Vec<String>,
    /// All headers of the request, their names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
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
    /// Reads the trusted issuers. Their keys are fetched when the first token needs them.
    pub fn from_environment(environment: &Environment, clock: Clock) -> Result<Self, EnvironmentError> {
        let (issuers, table) = environment
            .read(|reader| (reader.explained::<TrustedIssuers>("TRUSTED_ISSUERS"), reader.required("TABLE_NAME")))?;
        let client = Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb));
        let store = Store::new(client, table, clock.clone());
        let metrics = Metrics::of(environment);
        Ok(Self {
            tokens: token::Verifier::new(issuers, clock.clone(), metrics.clone()),
            api_keys: ApiKeys::new(store, clock.clone()),
            clock,
            metrics,
        })
    }

    /// The principal, or the error that makes API Gateway answer 401. (`isAuthorized: false` would make it 403, which says
    /// that the caller is known.) Any other error makes it answer 500.
    pub async fn authorize(&self, request: &AuthorizerRequest) -> Result<AuthorizerResponse, Diagnostic> {
        let began = Instant::now();
        let credential = request.identity_source.first().map(String::as_str).unwrap_or_default();
        let kind = api_key::kind(&request.headers, credential);
        let principal = match kind {
            Kind::ApiKey => self.api_keys.verify(credential).await,
            Kind::Token => self.verify_token(credential).await.map_err(|refused| NoPrincipal::Refused(refused.0)),
            Kind::Ambiguous => Err(NoPrincipal::Refused("not to be told which header it is from")),
        };
        let principal = principal.and_then(|principal| {
            let text = serde_json::to_string(&principal);
            let text = text.map_err(|_| NoPrincipal::Refused("the principal cannot be written"))?;
            Ok((principal.org, text))
        });
        let (kind, duration_ms) = (kind.name(), elapsed_ms(began));
        match principal {
            Ok((org, principal)) => {
                tracing::info!(kind, %org, duration_ms, "credential accepted");
                Ok(AuthorizerResponse { is_authorized: true, context: AuthorizerContext { principal } })
            }
            Err(NoPrincipal::Refused(reason)) => {
                tracing::info!(kind, reason, duration_ms, "credential refused");
                Err(failure("Unauthorized"))
            }
            Err(NoPrincipal::Unknown(error)) => {
                let cause = error_chain(&error);
                tracing::error!(kind, cause, duration_ms, "credential not verified");
                self.metrics.count(Metric::AuthorizerFault, self.clock.now().epoch_seconds());
                Err(failure("Unavailable"))
            }
        }
    }

    async fn verify_token(&self, credential: &str) -> Result<Principal, token::Refused> {
        // `X-Okapi-Token` carries the bare token, `Authorization` names the scheme (RFC 6750).
        let token = match credential.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err(token::Refused("not a bearer token")),
            None => credential,
        };
        self.tokens.verify(token).await
    }
}

fn failure(name: &str) -> Diagnostic {
    Diagnostic { error_type: name.to_owned(), error_message: name.to_owned() }
}
