use serde_json::{Value, json};

use super::*;
use crate::test_issuer::signers;

fn entry(changes: &Value) -> Value {
    let mut entry = json!({"issuer": "https://id.example", "audience": "sporlog", "algorithms": ["ES256"],
        "jwksUrl": "https://id.example/keys"});
    for (name, value) in changes.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    entry
}

fn read(changes: &Value) -> Result<TrustedIssuers, String> {
    json!([entry(changes)]).to_string().parse().map_err(|error: InvalidIssuers| error.to_string())
}

fn realms(changes: &Value) -> Value {
    let mut realms = json!({"issuer": "https://kc.example/realms/*", "orgFromRealm": true,
        "jwksUrl": "https://kc.example/realms/{realm}/protocol/openid-connect/certs"});
    for (name, value) in changes.as_object().unwrap() {
        realms[name] = value.clone();
    }
    realms
}

#[test]
fn configurations_that_are_read() {
    for good in [
        json!({}),
        json!({"jwksUrl": "http://127.0.0.1:3001/keys"}),
        json!({"jwksUrl": "http://localhost:3001/keys"}),
        json!({"jwksUrl": "http://[::1]:3001/keys"}),
        json!({"jwksUrl": null, "jwks": {"keys": signers().map(|signer| signer.jwk())}}),
        json!({"organizations": ["diku"], "claims": {"org": "tenant"}, "algorithms": ["RS256", "EdDSA"]}),
        json!({"issuer": "https://kc.example/realms/diku", "orgFromRealm": true}),
        realms(&json!({})),
    ] {
        assert!(read(&good).is_ok(), "{good}: {:?}", read(&good));
    }
    assert!("[]".parse::<TrustedIssuers>().is_ok());
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let examples = include_str!("../../../../docs/issuers.md").split("```json").skip(1);
    let read =
        examples.map(|rest| rest.split("```").next().unwrap().parse::<TrustedIssuers>().map(|list| list.0.len()));
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), [1, 1]);
}

#[test]
fn configurations_that_are_refused() {
    let secret = json!({"keys": [{"kty": "oct", "kid": "a", "k": "AA"}]});
    for (changes, expected) in [
        (json!({"audience": ""}), "`audience` is empty"),
        (json!({"issuer": ""}), "`issuer` is empty"),
        (json!({"algorithms": []}), "`algorithms` is empty"),
        (json!({"organizations": []}), "`organizations` is empty"),
        (json!({"algorithms": ["HS256"]}), "unknown variant `HS256`"),
        (json!({"algorithms": ["none"]}), "unknown variant `none`"),
        (json!({"organizations": ["a#b"]}), "the organization id must be"),
        (json!({"jwksURL": "https://id.example"}), "unknown field `jwksURL`"),
        (json!({"claims": {"organization": "x"}}), "unknown field `organization`"),
        (json!({"jwksUrl": null}), "exactly one of"),
        (json!({"jwks": {"keys": []}}), "exactly one of"),
        (json!({"jwksUrl": null, "jwks": secret}), "`jwks`: a key is not public"),
        (json!({"jwksUrl": null, "jwks": {"keys": [{}]}}), "`jwks`: a key is not for"),
        (json!({"jwksUrl": "http://id.example/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "http://10.0.0.1/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "http://localhost.example/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "http://127.0.0.1@id.example/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "https://user:secret@id.example/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "ftp://id.example/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "/keys"}), "must be an https URL"),
        (json!({"jwksUrl": "https://id.example/{realm}"}), "must have {realm}"),
        (realms(&json!({"jwksUrl": "https://kc.example/keys"})), "must have {realm}"),
        (realms(&json!({"jwksUrl": "https://{realm}.example/keys"})), "must have {realm}"),
        (realms(&json!({"jwksUrl": "https://{realm}.example/{realm}"})), "must have {realm}"),
        (realms(&json!({"orgFromRealm": false})), "may have * as its last"),
        (realms(&json!({"jwksUrl": null, "jwks": {"keys": []}})), "may have * as its last"),
        (realms(&json!({"issuer": "https://*/realms/*"})), "may have * as its last"),
        (realms(&json!({"issuer": "https://kc.example/realms/d*"})), "may have * as its last"),
        (realms(&json!({"issuer": "https://kc.example/*/diku"})), "may have * as its last"),
        (json!({"orgFromRealm": true, "issuer": "https://kc.example/"}), "`orgFromRealm` needs"),
        (json!({"orgFromRealm": true, "issuer": "kc"}), "`orgFromRealm` needs"),
    ] {
        let error = read(&changes).expect_err(&changes.to_string());
        assert!(error.contains(expected), "{changes}: {error}");
    }
    let twice = json!([entry(&json!({})), entry(&json!({}))]).to_string().parse::<TrustedIssuers>();
    assert_eq!(twice.unwrap_err().to_string(), "issuer https://id.example is listed twice");
    assert!("{}".parse::<TrustedIssuers>().is_err());
}

/// What the log says of an issuer is the configuration's, whatever realm a token names.
#[test]
fn a_realm_that_is_not_listed_has_no_name_in_the_log() {
    for (organizations, realm, expected) in [
        (json!(null), "diku", "https://kc.example/realms/*"),
        (json!(["college"]), "diku", "https://kc.example/realms/*"),
        (json!(["college"]), "college", "https://kc.example/realms/college"),
    ] {
        let issuers = read(&realms(&json!({"organizations": organizations}))).unwrap();
        let named = issuers.find(&format!("https://kc.example/realms/{realm}")).unwrap();
        assert_eq!(named.to_string(), expected);
    }
    assert_eq!(read(&json!({})).unwrap().find("https://id.example").unwrap().to_string(), "https://id.example");
}

#[test]
fn a_realm_is_one_segment_that_is_an_organization_id() {
    let single = entry(&json!({"issuer": "https://kc.example/realms/college"}));
    let issuers: TrustedIssuers = json!([entry(&realms(&json!({}))), single]).to_string().parse().unwrap();
    let found = issuers.find("https://kc.example/realms/diku").unwrap();
    assert_eq!(found.realm, Some(OrgId::parse("diku").unwrap()));
    let Some(KeySource::Url(url)) = found.keys() else { panic!("a URL") };
    assert_eq!(url, "https://kc.example/realms/diku/protocol/openid-connect/certs");
    let listed = issuers.find("https://kc.example/realms/college").unwrap();
    let Some(KeySource::Url(url)) = listed.keys() else { panic!("a URL") };
    assert_eq!((listed.realm, url.path()), (None, "/keys"));
    for other in ["", "*", "a/b", "a/", "/a", "..", "a%2Fb", "a?b", "a#b", "a@b", "{realm}", " a", "a\n"] {
        assert!(issuers.find(&format!("https://kc.example/realms/{other}")).is_none(), "{other}");
    }
    for other in ["https://kc.example/realms", "http://kc.example/realms/diku", "https://kc.example.org/realms/diku"] {
        assert!(issuers.find(other).is_none(), "{other}");
    }
}
