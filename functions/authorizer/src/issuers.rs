use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use serde::Deserialize;
use sporlog_model::OrgId;

use crate::keys::{AsymmetricAlgorithm, KeySetDocument, PublicKeys, UnusableKey};

/// Where the realm stands in the key set URL of an issuer with many.
const REALM: &str = "{realm}";

/// Whose tokens are believed. `docs/issuers.md` describes the JSON list this is read from.
#[derive(Debug, Default)]
pub(crate) struct TrustedIssuers(Vec<TrustedIssuer>);

/// One issuer and how to read its tokens.
pub(crate) struct TrustedIssuer {
    name: IssuerName,
    /// The `aud` claim must contain this.
    pub(crate) audience: String,
    /// The only algorithms its tokens may be signed with.
    algorithms: Vec<AsymmetricAlgorithm>,
    keys: ConfiguredKeys,
    pub(crate) claims: ClaimNames,
    /// Whom it may speak for; `None` for any.
    organizations: Option<BTreeSet<OrgId>>,
    /// Whether the realm is the organization.
    org_from_realm: bool,
}

/// The `iss` claim.
#[derive(Debug, PartialEq, Eq)]
enum IssuerName {
    Exact(String),
    /// This, ending in `/`, and then a realm.
    AnyRealm(String),
}

enum ConfiguredKeys {
    Inline(PublicKeys),
    Url(Uri),
    /// With [`REALM`].
    UrlPerRealm(String),
}

/// The issuer that a token names, and the realm when that says the organization.
pub(crate) struct Named<'a> {
    pub(crate) issuer: &'a TrustedIssuer,
    pub(crate) realm: Option<OrgId>,
}

/// Where the keys of a token's issuer are.
pub(crate) enum KeySource<'a> {
    Inline(&'a PublicKeys),
    Url(Uri),
}

/// The names of the claims that say who the caller is. A name with dots is also read as a path into nested claims, as
/// Keycloak's `realm_access.roles`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClaimNames {
    pub(crate) org: String,
    pub(crate) roles: String,
    pub(crate) scopes: String,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IssuerDocument {
    issuer: String,
    audience: String,
    algorithms: Vec<AsymmetricAlgorithm>,
    jwks: Option<KeySetDocument>,
    jwks_url: Option<String>,
    #[serde(default)]
    claims: ClaimNames,
    organizations: Option<BTreeSet<OrgId>>,
    #[serde(default)]
    org_from_realm: bool,
}

/// Why the list of issuers cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidIssuers {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("issuer {0} is listed twice")]
    Twice(String),
    #[error("issuer {0}: {1}")]
    Issuer(String, InvalidIssuer),
}

/// What is wrong with an entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidIssuer {
    #[error("`{0}` is empty")]
    Empty(&'static str),
    #[error("exactly one of `jwks` and `jwksUrl` must be given")]
    Keys,
    #[error("`jwks`: {0}")]
    Jwks(#[from] UnusableKey),
    #[error("`jwksUrl` must be an https URL without credentials (http for this machine only)")]
    Url,
    #[error("`jwksUrl` must have {REALM} in its path when `issuer` ends in /*, and only then")]
    RealmUrl,
    #[error("`issuer` may have * as its last path segment only, with `orgFromRealm` and `jwksUrl`")]
    Pattern,
    #[error("`orgFromRealm` needs an `issuer` whose last path segment is an organization id")]
    Realm,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { org: "org".to_owned(), roles: "roles".to_owned(), scopes: "scope".to_owned() }
    }
}

impl TrustedIssuers {
    /// The issuer of that name. One that is listed as it is goes before one that is listed with `*`.
    pub(crate) fn find(&self, name: &str) -> Option<Named<'_>> {
        let exact = self.0.iter().find(|known| matches!(&known.name, IssuerName::Exact(own) if own == name));
        let issuer = exact.or_else(|| self.0.iter().find(|known| known.name.realm(name).is_some()))?;
        let realm = if issuer.org_from_realm { Some(last_segment(name)?) } else { None };
        Some(Named { issuer, realm })
    }
}

impl Named<'_> {
    /// Where its keys are.
    pub(crate) fn keys(&self) -> Option<KeySource<'_>> {
        match (&self.issuer.keys, &self.realm) {
            (ConfiguredKeys::Inline(keys), _) => Some(KeySource::Inline(keys)),
            (ConfiguredKeys::Url(url), _) => Some(KeySource::Url(url.clone())),
            (ConfiguredKeys::UrlPerRealm(template), Some(realm)) => {
                template.replace(REALM, realm.as_str()).parse().ok().map(KeySource::Url)
            }
            (ConfiguredKeys::UrlPerRealm(_), None) => None,
        }
    }
}

/// The issuer for the log, in the words of the configuration. A realm that the configuration does not list is a word of a token
/// that nobody has verified yet: it stays `*`.
impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.issuer.name, &self.realm) {
            (IssuerName::Exact(name), _) => f.write_str(name),
            (IssuerName::AnyRealm(prefix), Some(realm)) if self.issuer.lists(realm) => write!(f, "{prefix}{realm}"),
            (IssuerName::AnyRealm(prefix), _) => write!(f, "{prefix}*"),
        }
    }
}

impl TrustedIssuer {
    pub(crate) fn allows(&self, algorithm: AsymmetricAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether nothing holds it to some organizations.
    pub(crate) fn may_speak_for_all(&self) -> bool {
        self.organizations.is_none() && !self.org_from_realm
    }

    pub(crate) fn may_speak_for(&self, org: &OrgId) -> bool {
        self.organizations.is_none() || self.lists(org)
    }

    fn lists(&self, org: &OrgId) -> bool {
        self.organizations.as_ref().is_some_and(|organizations| organizations.contains(org))
    }
}

impl IssuerName {
    fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') && !prefix.contains('*') => Ok(Self::AnyRealm(prefix.to_owned())),
            None if !text.contains('*') => Ok(Self::Exact(text.to_owned())),
            _ => Err(InvalidIssuer::Pattern),
        }
    }

    /// The realm of an issuer that the pattern matches: one path segment, since an id has no `/` and no escapes.
    fn realm(&self, name: &str) -> Option<OrgId> {
        match self {
            Self::Exact(_) => None,
            Self::AnyRealm(prefix) => OrgId::parse(name.strip_prefix(prefix.as_str())?).ok(),
        }
    }
}

fn last_segment(issuer: &str) -> Option<OrgId> {
    issuer.rsplit_once('/').and_then(|(_, last)| OrgId::parse(last).ok())
}

impl TryFrom<IssuerDocument> for TrustedIssuer {
    type Error = InvalidIssuer;

    fn try_from(document: IssuerDocument) -> Result<Self, InvalidIssuer> {
        for (name, empty) in [
            ("issuer", document.issuer.is_empty()),
            ("audience", document.audience.is_empty()),
            ("algorithms", document.algorithms.is_empty()),
            ("organizations", document.organizations.as_ref().is_some_and(BTreeSet::is_empty)),
        ] {
            if empty {
                return Err(InvalidIssuer::Empty(name));
            }
        }
        let name = IssuerName::parse(&document.issuer)?;
        let keys = match (document.jwks, document.jwks_url) {
            (Some(keys), None) => ConfiguredKeys::Inline(keys.all()?),
            (None, Some(url)) => url_keys(&url, &name)?,
            _ => return Err(InvalidIssuer::Keys),
        };
        // Any realm with the keys of one, or free to name any organization, could speak for all the others.
        let per_realm = document.org_from_realm && matches!(keys, ConfiguredKeys::UrlPerRealm(_));
        if matches!(name, IssuerName::AnyRealm(_)) && !per_realm {
            return Err(InvalidIssuer::Pattern);
        }
        if let (IssuerName::Exact(issuer), true) = (&name, document.org_from_realm) {
            last_segment(issuer).ok_or(InvalidIssuer::Realm)?;
        }
        Ok(Self {
            name,
            audience: document.audience,
            algorithms: document.algorithms,
            keys,
            claims: document.claims,
            organizations: document.organizations,
            org_from_realm: document.org_from_realm,
        })
    }
}

fn url_keys(text: &str, name: &IssuerName) -> Result<ConfiguredKeys, InvalidIssuer> {
    let any_realm = matches!(name, IssuerName::AnyRealm(_));
    let parse = |text: &str| text.parse::<Uri>().ok().filter(is_safe).ok_or(InvalidIssuer::Url);
    let (url, other) = (parse(&text.replace(REALM, "a"))?, parse(&text.replace(REALM, "b"))?);
    if any_realm != text.contains(REALM) || any_realm != (url.path() != other.path()) || url.host() != other.host() {
        return Err(InvalidIssuer::RealmUrl);
    }
    Ok(if any_realm { ConfiguredKeys::UrlPerRealm(text.to_owned()) } else { ConfiguredKeys::Url(url) })
}

/// Keys that anyone on the way could replace would let anyone in.
fn is_safe(url: &Uri) -> bool {
    let Some(host) = url.host().filter(|host| !host.is_empty()) else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let this_machine = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let credentials = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    !credentials && (url.scheme_str() == Some("https") || (url.scheme_str() == Some("http") && this_machine))
}

impl FromStr for TrustedIssuers {
    type Err = InvalidIssuers;

    fn from_str(text: &str) -> Result<Self, InvalidIssuers> {
        let documents: Vec<IssuerDocument> = serde_json::from_str(text)?;
        let mut names = BTreeSet::new();
        if let Some(twice) = documents.iter().find(|document| !names.insert(&document.issuer)) {
            return Err(InvalidIssuers::Twice(twice.issuer.clone()));
        }
        let read = |document: IssuerDocument| {
            let name = document.issuer.clone();
            TrustedIssuer::try_from(document).map_err(|wrong| InvalidIssuers::Issuer(name, wrong))
        };
        documents.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
