use std::collections::BTreeSet;

use jsonwebtoken::{DecodingKey, Validation, dangerous, decode, decode_header};
use serde_json::{Map, Value};
use sporlog_auth::{Principal, Role};
use sporlog_model::OrgId;

use crate::issuers::{TrustedIssuer, TrustedIssuers};

/// Why a token was refused. For the log; the caller learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

/// By how much the issuer's clock may differ from ours.
const LEEWAY_SECONDS: u64 = 60;

/// Larger tokens are not looked at.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

type Claims = Map<String, Value>;

/// Verifies a JWT (RFC 7519): issuer, key, algorithm, signature, `exp`, `nbf`, `aud`; then reads the principal.
pub(crate) fn verify(token: &str, issuers: &TrustedIssuers) -> Result<Principal, Refused> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refused("too long"));
    }
    let header = decode_header(token).map_err(|_| Refused("not a JWT"))?;
    // The claim only selects whose keys to try; nothing is believed before the signature holds.
    let unverified: Claims = dangerous::insecure_decode_claims(token).map_err(|_| Refused("not a JWT"))?;
    let issuer = unverified.get("iss").and_then(Value::as_str).and_then(|name| issuers.find(name));
    let issuer = issuer.ok_or(Refused("unknown issuer"))?;
    if !issuer.allows(header.alg) {
        return Err(Refused("algorithm not allowed"));
    }
    let key = header.kid.as_deref().and_then(|kid| issuer.jwks.find(kid)).ok_or(Refused("unknown key"))?;
    let key = DecodingKey::from_jwk(key).map_err(|_| Refused("unusable key"))?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_issuer(&[&issuer.issuer]);
    validation.set_audience(&[&issuer.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let verified = decode::<Claims>(token, &key, &validation).map_err(|_| Refused("signature, time or audience"))?;
    principal(&verified.claims, issuer)
}

fn principal(claims: &Claims, issuer: &TrustedIssuer) -> Result<Principal, Refused> {
    let names = &issuer.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let org = text(&names.org).and_then(|org| OrgId::parse(org).ok()).ok_or(Refused("no organization"))?;
    Ok(Principal {
        subject: text("sub").ok_or(Refused("no subject"))?.to_owned(),
        org,
        roles: words(claims.get(&names.roles)).iter().filter_map(|name| Role::from_name(name)).collect(),
        scopes: words(claims.get(&names.scopes)),
    })
}

fn words(claim: Option<&Value>) -> BTreeSet<String> {
    match claim {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}
