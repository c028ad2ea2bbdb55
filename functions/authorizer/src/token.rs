use jsonwebtoken::{DecodingKey, Validation, dangerous, decode, decode_header};
use sporlog_auth::{PLATFORM_ADMIN, Principal, Role};
use sporlog_boot::Metrics;
use sporlog_model::{Clock, OrgId};

use crate::claims::{Claims, Validity};
use crate::issuers::{KeySource, Named, TrustedIssuers};
use crate::jwks::{KeyCache, NoKey};
use crate::keys::AsymmetricAlgorithm;

/// Why a token was refused. For the log; the caller learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

/// Larger tokens are not looked at.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies bearer tokens.
#[derive(Debug)]
pub(crate) struct Verifier {
    issuers: TrustedIssuers,
    keys: KeyCache,
    clock: Clock,
}

impl Verifier {
    pub(crate) fn new(issuers: TrustedIssuers, clock: Clock, metrics: Metrics) -> Self {
        Self { issuers, keys: KeyCache::new(clock.clone(), metrics), clock }
    }

    /// Verifies a JWT (RFC 7519): issuer, algorithm, key, signature, audience, times; then reads the principal.
    pub(crate) async fn verify(&self, token: &str) -> Result<Principal, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused("too long"));
        }
        let header = decode_header(token).map_err(|_| Refused("not a JWT"))?;
        if header.crit.is_some() {
            return Err(Refused("extensions that must be understood"));
        }
        // The claim only selects whose keys to try; nothing is believed before the signature holds.
        let unverified: Claims = dangerous::insecure_decode_claims(token).map_err(|_| Refused("not a JWT"))?;
        let named = unverified.text("iss").and_then(|name| self.issuers.find(name)).ok_or(Refused("unknown issuer"))?;
        // Before any request: only realms that may speak at all are asked for their keys.
        if named.realm.as_ref().is_some_and(|realm| !named.issuer.may_speak_for(realm)) {
            return Err(Refused("not the issuer of that organization"));
        }
        let algorithm = AsymmetricAlgorithm::of(header.alg).filter(|algorithm| named.issuer.allows(*algorithm));
        let algorithm = algorithm.ok_or(Refused("algorithm not allowed"))?;
        let key = self.key(&named, header.kid.as_deref().ok_or(Refused("no key id"))?, algorithm).await?;
        let mut signature_only = Validation::new(header.alg);
        // By the clock of the machine; ours are below.
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &key, &signature_only).map_err(|_| Refused("signature"))?.claims;
        if !claims.is_for(&named.issuer.audience) {
            return Err(Refused("audience"));
        }
        match claims.validity(self.clock.now()) {
            Validity::Valid => principal(&claims, &named),
            Validity::Expired => Err(Refused("expired")),
            Validity::NotYet => Err(Refused("not valid yet")),
            Validity::Unreadable => Err(Refused("no validity period")),
        }
    }

    async fn key(&self, named: &Named<'_>, id: &str, algorithm: AsymmetricAlgorithm) -> Result<DecodingKey, Refused> {
        let found = match named.keys() {
            Some(KeySource::Inline(keys)) => keys.find(id, algorithm).cloned().ok_or(NoKey::Unknown),
            Some(KeySource::Url(url)) => self.keys.find(named, &url, id, algorithm).await,
            None => Err(NoKey::Unknown),
        };
        found.map_err(|none| match none {
            NoKey::Unknown => Refused("unknown key"),
            NoKey::Unavailable => Refused("the issuer's keys are not available"),
        })
    }
}

fn principal(claims: &Claims, named: &Named<'_>) -> Result<Principal, Refused> {
    let names = &named.issuer.claims;
    let org = organization(claims, named)?;
    if !named.issuer.may_speak_for(&org) {
        return Err(Refused("not the issuer of that organization"));
    }
    let mut scopes = claims.words(&names.scopes);
    // It reaches every organization, so an issuer that is held to some cannot give it.
    if !named.issuer.may_speak_for_all() {
        scopes.remove(PLATFORM_ADMIN);
    }
    let subject = claims.text("sub").filter(|subject| !subject.is_empty()).ok_or(Refused("no subject"))?;
    Ok(Principal {
        subject: subject.to_owned(),
        org,
        roles: claims.words(&names.roles).iter().filter_map(|name| Role::from_name(name)).collect(),
        scopes,
    })
}

/// What the claim names, or else the realm. Where the realm is the organization, its administrators decide what its tokens
/// claim, so a claim cannot name another.
fn organization(claims: &Claims, named: &Named<'_>) -> Result<OrgId, Refused> {
    let claimed = claims.org(&named.issuer.claims.org).map_err(|_| Refused("not an organization id"))?;
    match (claimed, named.realm.clone()) {
        (Some(claimed), Some(realm)) if claimed != realm => Err(Refused("another organization than the realm's")),
        (Some(org), _) | (None, Some(org)) => Ok(org),
        (None, None) => Err(Refused("no organization")),
    }
}

#[cfg(test)]
mod tests;
