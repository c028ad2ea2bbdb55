use std::fmt;
use std::str::FromStr;

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

/// Whose tokens are believed: a JSON list of issuers.
#[derive(Debug, Default)]
pub(crate) struct TrustedIssuers(Vec<TrustedIssuer>);

/// One issuer and how to read its tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedIssuer {
    /// The `iss` claim, exactly.
    pub(crate) issuer: String,
    /// The `aud` claim must contain this.
    pub(crate) audience: String,
    /// The only algorithms its tokens may be signed with.
    algorithms: Vec<AsymmetricAlgorithm>,
    /// Its public keys (RFC 7517).
    pub(crate) jwks: JwkSet,
    #[serde(default)]
    pub(crate) claims: ClaimNames,
}

/// The names of the claims that say who the caller is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClaimNames {
    pub(crate) org: String,
    /// A list of names.
    pub(crate) roles: String,
    /// A list, or one text separated by spaces (RFC 8693).
    pub(crate) scopes: String,
}

/// No `none`, and nothing symmetric: a public key must never do as a secret.
#[derive(Debug, Clone, Copy, Deserialize)]
enum AsymmetricAlgorithm {
    RS256,
    ES256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { org: "org".to_owned(), roles: "roles".to_owned(), scopes: "scope".to_owned() }
    }
}

impl TrustedIssuers {
    pub(crate) fn find(&self, issuer: &str) -> Option<&TrustedIssuer> {
        self.0.iter().find(|known| known.issuer == issuer)
    }
}

impl TrustedIssuer {
    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.iter().any(|allowed| Algorithm::from(*allowed) == algorithm)
    }
}

impl From<AsymmetricAlgorithm> for Algorithm {
    fn from(algorithm: AsymmetricAlgorithm) -> Self {
        match algorithm {
            AsymmetricAlgorithm::RS256 => Self::RS256,
            AsymmetricAlgorithm::ES256 => Self::ES256,
            AsymmetricAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

impl FromStr for TrustedIssuers {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
