use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};
use sporlog_model::{Instant, OrgId};

/// By how much the issuer's clock may differ from ours.
const LEEWAY_SECONDS: u64 = 60;

/// The claims of a token (RFC 7519 section 4).
#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Claims(Map<String, Value>);

/// Whether a token holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Valid,
    Expired,
    NotYet,
    /// A time is missing or is no number.
    Unreadable,
}

impl Claims {
    /// A claim of text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The organization that a claim names. A claim that is there and is no id of ours is not the same as none.
    pub(crate) fn org(&self, name: &str) -> Result<Option<OrgId>, InvalidOrg> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(org)) => OrgId::parse(org).map(Some).map_err(|_| InvalidOrg),
            Some(_) => Err(InvalidOrg),
        }
    }

    /// A claim of words: a list of text, or one text with spaces (RFC 8693 section 4.2).
    pub(crate) fn words(&self, name: &str) -> BTreeSet<String> {
        match self.get(name) {
            Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// Whether `aud` is or contains `audience`.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// `exp`, which must be there, and `nbf`, each with a minute of leeway.
    pub(crate) fn validity(&self, now: Instant) -> Validity {
        let now = u64::try_from(now.epoch_seconds()).unwrap_or_default();
        let Some(expires) = self.0.get("exp").and_then(numeric_date) else { return Validity::Unreadable };
        let not_before = self.0.get("nbf").map(numeric_date);
        if expires.saturating_add(LEEWAY_SECONDS) <= now {
            return Validity::Expired;
        }
        match not_before {
            Some(None) => Validity::Unreadable,
            Some(Some(not_before)) if not_before > now.saturating_add(LEEWAY_SECONDS) => Validity::NotYet,
            _ => Validity::Valid,
        }
    }

    /// A claim by its name, or by the path that its name is when no claim has the whole of it: names may be URLs, with dots.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(self.0.get(first)?, |claim, part| claim.get(part))
        })
    }
}

/// A claim that names no organization although it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidOrg;

/// Seconds since 1970, perhaps with a fraction (RFC 7519 section 2).
fn numeric_date(value: &Value) -> Option<u64> {
    let fraction = || Duration::try_from_secs_f64(value.as_f64()?).ok().map(|since| since.as_secs());
    value.as_u64().or_else(fraction)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn names_are_claims_and_then_paths() {
        let claims = claims(json!({
            "realm_access": {"roles": ["admin", 1, "owner"]}, "resource_access": {"app": {"roles": "a  b"}},
            "https://id.example/org": "diku", "a.b": "whole", "a": {"b": "path"}, "list": [{"b": "x"}],
        }));
        let words = |name: &str| claims.words(name).into_iter().collect::<Vec<_>>();
        assert_eq!(words("realm_access.roles"), ["admin", "owner"]);
        assert_eq!(words("resource_access.app.roles"), ["a", "b"]);
        assert_eq!(claims.text("https://id.example/org"), Some("diku"));
        assert_eq!(claims.text("a.b"), Some("whole"));
        for missing in ["", ".", "a.", ".b", "a.b.c", "realm_access", "realm_access.roles.0", "list.0.b", "list.b"] {
            assert_eq!((claims.text(missing), words(missing)), (None, Vec::new()), "{missing}");
        }
    }

    #[test]
    fn an_organization_is_named_or_not_or_wrongly() {
        let claims =
            claims(json!({"org": "diku", "none": null, "number": 1, "empty": "", "list": ["diku"], "path": "a/b"}));
        assert_eq!(claims.org("org"), Ok(Some(OrgId::parse("diku").unwrap())));
        assert_eq!((claims.org("other"), claims.org("none")), (Ok(None), Ok(None)));
        for wrong in ["number", "empty", "list", "path"] {
            assert_eq!(claims.org(wrong), Err(InvalidOrg), "{wrong}");
        }
    }

    #[test]
    fn the_audience_is_one_or_among_several() {
        let yes = [json!("sporlog"), json!(["sporlog"]), json!(["a", "sporlog"])];
        let no = [
            json!("sporlog2"),
            json!("a sporlog"),
            json!([]),
            json!([["sporlog"]]),
            json!(null),
            json!({"sporlog": 1}),
        ];
        for audience in yes {
            assert!(claims(json!({"aud": audience})).is_for("sporlog"), "{audience}");
        }
        for audience in no {
            assert!(!claims(json!({"aud": audience})).is_for("sporlog"), "{audience}");
        }
        assert!(!claims(json!({})).is_for("sporlog"));
    }

    #[test]
    fn times_have_a_minute_of_leeway() {
        let now = Instant::parse("2026-11-20T10:00:00.9Z").unwrap();
        let at = now.epoch_seconds();
        let later = at + 600;
        for (claims_now, expected) in [
            (json!({"exp": later}), Validity::Valid),
            (json!({"exp": at}), Validity::Valid),
            (json!({"exp": at - 59}), Validity::Valid),
            (json!({"exp": at - 60}), Validity::Expired),
            (json!({"exp": at - 61}), Validity::Expired),
            (json!({"exp": 0}), Validity::Expired),
            (json!({"exp": u64::MAX}), Validity::Valid),
            (json!({"exp": 1e300}), Validity::Unreadable),
            (json!({"exp": 4_000_000_000.5}), Validity::Valid),
            (json!({"exp": -1}), Validity::Unreadable),
            (json!({"exp": later.to_string()}), Validity::Unreadable),
            (json!({"exp": null}), Validity::Unreadable),
            (json!({}), Validity::Unreadable),
            (json!({"exp": later, "nbf": at + 60}), Validity::Valid),
            (json!({"exp": later, "nbf": at + 61}), Validity::NotYet),
            (json!({"exp": later, "nbf": 0}), Validity::Valid),
            (json!({"exp": later, "nbf": u64::MAX}), Validity::NotYet),
            (json!({"exp": later, "nbf": "0"}), Validity::Unreadable),
            (json!({"exp": later, "nbf": null}), Validity::Unreadable),
        ] {
            assert_eq!(claims(claims_now.clone()).validity(now), expected, "{claims_now}");
        }
    }
}
