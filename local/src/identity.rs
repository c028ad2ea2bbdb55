//! The development issuer: signs the tokens of the local run with a key that lives in the data directory, and is the one
//! issuer the local authorizer trusts. Nothing is bypassed: tokens are verified as anywhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_model::{Instant, OrgId};

use crate::key_file::{self, KeyFileError};

const ISSUER: &str = "https://issuer.sporlog.localhost";
const AUDIENCE: &str = "sporlog";
const KEY_ID: &str = "development";
/// Where the keys are served (`sporlog serve` has them on the Lambda and SQS endpoint).
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";
const KEY_FILE: &str = "issuer.pk8";

/// The issuer.
pub struct Issuer {
    key: EncodingKey,
}

/// Who a token is for.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    pub org: OrgId,
    pub subject: String,
    pub roles: Vec<Role>,
    pub scopes: Vec<String>,
    pub issued_at: Instant,
    pub lifetime_seconds: i64,
}

/// Why there is no issuer or no token.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("there is no key for the issuer")]
    Key(#[from] KeyFileError),
    #[error("the issuer's key cannot sign")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl Issuer {
    /// The issuer of a data directory; its key is made at the first use. Without a directory, a key for this process only.
    pub fn open(directory: Option<&Path>) -> Result<Self, IssuerError> {
        let pkcs8 = match directory {
            Some(directory) => key_file::read_or_create(&directory.join(KEY_FILE))?,
            None => key_file::generate()?,
        };
        Ok(Self { key: EncodingKey::from_ec_der(&pkcs8) })
    }

    /// Whether a data directory has the issuer's key, which every server makes at its first start.
    pub fn has_key_in(directory: &Path) -> bool {
        directory.join(KEY_FILE).is_file()
    }

    /// Its public keys (RFC 7517).
    pub fn key_set(&self) -> Result<Value, IssuerError> {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256)?;
        key.common.key_id = Some(KEY_ID.to_owned());
        Ok(json!({ "keys": [key] }))
    }

    /// What the authorizer is to trust, as its `TRUSTED_ISSUERS` has it, where the endpoint at `server` has the keys.
    ///
    /// The authorizer fetches over `http` from this machine only. An endpoint that listens on another address alone cannot be
    /// asked, so the keys are then in the configuration.
    pub fn trusted_issuers(&self, server: SocketAddr) -> Result<String, IssuerError> {
        let mut issuer = json!({"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["ES256"]});
        let (ip, port) = (server.ip(), server.port());
        let reachable = match ip {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Some(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some(Ipv6Addr::LOCALHOST.into()),
            other => other.is_loopback().then_some(other),
        };
        if let Some(ip) = reachable {
            issuer["jwksUrl"] = json!(format!("http://{}{KEY_SET_PATH}", SocketAddr::new(ip, port)));
        } else {
            issuer["jwks"] = self.key_set()?;
        }
        Ok(Value::Array(vec![issuer]).to_string())
    }

    /// A signed token.
    pub fn token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let issued_at = request.issued_at.epoch_seconds();
        let roles: Vec<&str> = request.roles.iter().map(|role| role.name()).collect();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": request.subject, "org": request.org, "roles": roles,
            "scope": request.scopes.join(" "), "iat": issued_at, "exp": issued_at + request.lifetime_seconds,
        });
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        Ok(encode(&header, &claims, &self.key)?)
    }
}

/// Never the key.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_where_that_is_safe_and_given_where_it_is_not() {
        let issuer = Issuer::open(None).unwrap();
        for (server, url) in [
            ("127.0.0.1:3001", "http://127.0.0.1:3001/.well-known/jwks.json"),
            ("0.0.0.0:3001", "http://127.0.0.1:3001/.well-known/jwks.json"),
            ("[::1]:3001", "http://[::1]:3001/.well-known/jwks.json"),
            ("[::]:3001", "http://[::1]:3001/.well-known/jwks.json"),
        ] {
            let trusted: Value =
                serde_json::from_str(&issuer.trusted_issuers(server.parse().unwrap()).unwrap()).unwrap();
            assert_eq!((&trusted[0]["jwksUrl"], trusted[0].get("jwks")), (&json!(url), None), "{server}");
        }
        let elsewhere = issuer.trusted_issuers("192.0.2.1:3001".parse().unwrap()).unwrap();
        let trusted: Value = serde_json::from_str(&elsewhere).unwrap();
        assert_eq!((trusted[0].get("jwksUrl"), &trusted[0]["jwks"]), (None, &issuer.key_set().unwrap()));
        let [key] = trusted[0]["jwks"]["keys"].as_array().unwrap().as_slice() else { panic!("one key") };
        assert!(key.get("d").is_none());
    }
}
