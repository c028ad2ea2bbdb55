use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::test_issuer::{Behaviour, HeldClock, Signer, TestIssuer, foreign_signers, signers};

const ISSUER: &str = "https://id.example";

fn verifier(clock: &HeldClock, issuers: &Value) -> Verifier {
    Verifier::new(
        issuers.to_string().parse().unwrap(),
        clock.clock(),
        Metrics::of(&sporlog_boot::Environment::default()),
    )
}

/// An issuer with these keys, and changes to its entry.
fn inline(signers: &[&Signer], changes: &Value) -> Value {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    let mut entry = json!({"issuer": ISSUER, "audience": "sporlog", "algorithms": ["RS256", "ES256", "EdDSA"],
        "jwks": {"keys": keys}});
    for (name, value) in changes.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

fn claims(clock: &HeldClock) -> Value {
    let now = clock.now().epoch_seconds();
    json!({"iss": ISSUER, "aud": "sporlog", "sub": "ann", "org": "diku", "roles": ["admin", "cook"],
        "scope": "audit.all kyc:audit:read", "iat": now, "exp": now + 600})
}

/// The claims with changes; `null` takes one away.
fn with(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn org(id: &str) -> OrgId {
    OrgId::parse(id).unwrap()
}

#[tokio::test]
async fn a_good_token_says_who_is_calling() {
    let clock = HeldClock::start();
    let signers = signers();
    let verifier = verifier(&clock, &json!([inline(&signers.each_ref(), &json!({}))]));
    for signer in &signers {
        let principal = verifier.verify(&signer.sign(&claims(&clock))).await.unwrap();
        let scopes = ["audit.all", "kyc:audit:read"].map(str::to_owned).into();
        let roles = [Role::Admin].into();
        assert_eq!(principal, Principal { subject: "ann".to_owned(), org: org("diku"), roles, scopes });
    }
}

#[tokio::test]
async fn claims_decide_and_each_has_its_reason() {
    let clock = HeldClock::start();
    let signers = signers();
    let verifier =
        verifier(&clock, &json!([inline(&signers.each_ref(), &json!({"organizations": ["diku", "college"]}))]));
    let now = clock.now().epoch_seconds();
    for signer in &signers {
        for (changes, expected) in [
            (json!({"org": "college"}), Ok(())),
            (json!({"exp": now - 59}), Ok(())),
            (json!({"exp": now - 60}), Err(Refused("expired"))),
            (json!({"exp": null}), Err(Refused("no validity period"))),
            (json!({"exp": "never"}), Err(Refused("no validity period"))),
            (json!({"nbf": now + 60}), Ok(())),
            (json!({"nbf": now + 61}), Err(Refused("not valid yet"))),
            (json!({"iss": "https://id.example/"}), Err(Refused("unknown issuer"))),
            (json!({"iss": "https://ID.example"}), Err(Refused("unknown issuer"))),
            (json!({"iss": [ISSUER]}), Err(Refused("unknown issuer"))),
            (json!({"iss": null}), Err(Refused("unknown issuer"))),
            (json!({"aud": ["other", "sporlog"]}), Ok(())),
            (json!({"aud": "other"}), Err(Refused("audience"))),
            (json!({"aud": ["sporlog2"]}), Err(Refused("audience"))),
            (json!({"aud": []}), Err(Refused("audience"))),
            (json!({"aud": null}), Err(Refused("audience"))),
            (json!({"sub": null}), Err(Refused("no subject"))),
            (json!({"sub": ""}), Err(Refused("no subject"))),
            (json!({"org": null}), Err(Refused("no organization"))),
            (json!({"org": "a#b"}), Err(Refused("not an organization id"))),
            (json!({"org": ["diku"]}), Err(Refused("not an organization id"))),
            (json!({"org": "elsewhere"}), Err(Refused("not the issuer of that organization"))),
            (json!({"roles": null, "scope": null}), Ok(())),
        ] {
            let token = signer.sign(&with(&claims(&clock), &changes));
            assert_eq!(verifier.verify(&token).await.map(drop), expected, "{:?} {changes}", signer.algorithm());
        }
    }
}

#[tokio::test]
async fn a_token_ends_when_the_clock_says_so() {
    let clock = HeldClock::start();
    let signers = signers();
    let verifier = verifier(&clock, &json!([inline(&signers.each_ref(), &json!({}))]));
    let token = signers[2].sign(&claims(&clock));
    for (seconds, expected) in [(0, Ok(())), (659, Ok(())), (1, Err(Refused("expired")))] {
        clock.advance(Duration::from_secs(seconds));
        assert_eq!(verifier.verify(&token).await.map(drop), expected, "{seconds}");
    }
}

#[tokio::test]
async fn tricks_with_keys_and_signatures() {
    let clock = HeldClock::start();
    let (signers, foreign) = (signers(), foreign_signers());
    let verifier = verifier(&clock, &json!([inline(&signers.each_ref(), &json!({}))]));
    let good = claims(&clock);
    for (signer, foreign) in signers.iter().zip(&foreign) {
        let token = signer.sign(&good);
        let [header, payload, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let signed = |change: fn(&mut Header)| {
            let mut header = signer.header();
            change(&mut header);
            signer.sign_with(&header, &good)
        };
        // The public key as a secret, in the forms in which libraries have been tricked.
        let jwk = signer.jwk();
        let number = jwk["n"].as_str().or(jwk["x"].as_str()).unwrap();
        let symmetric =
            [number.as_bytes().to_vec(), BASE64_URL_SAFE_NO_PAD.decode(number).unwrap(), jwk.to_string().into_bytes()];
        let symmetric = symmetric.map(|secret| {
            let header = Header { kid: Some(signer.key_id().to_owned()), ..Header::new(Algorithm::HS256) };
            encode(&header, &good, &EncodingKey::from_secret(&secret)).unwrap()
        });
        let other_claims = encoded(&with(&good, &json!({"org": "college"})));
        let with_header = |header: Value| format!("{}.{payload}.{signature}", encoded(&header));
        let kid = signer.key_id();
        let embedded = {
            let key = serde_json::from_value(foreign.jwk()).unwrap();
            foreign.sign_with(&Header { jwk: Some(key), ..foreign.header() }, &good)
        };
        let mut tricks = vec![
            ("empty", String::new(), "not a JWT"),
            ("word", "secret".to_owned(), "not a JWT"),
            ("dots", "..".to_owned(), "not a JWT"),
            ("two parts", format!("{header}.{payload}"), "not a JWT"),
            ("four parts", format!("{token}.{signature}"), "not a JWT"),
            ("not base64", format!("{header}.*.{signature}"), "not a JWT"),
            ("not JSON", format!("{header}.AAAA.{signature}"), "not a JWT"),
            ("not an object", format!("{header}.{}.{signature}", encoded(&json!([]))), "not a JWT"),
            ("no signature", format!("{header}.{payload}."), "signature"),
            ("cut", token[..token.len() - 4].to_owned(), "signature"),
            ("longer", format!("{token}AAAA"), "signature"),
            ("other claims", format!("{header}.{other_claims}.{signature}"), "signature"),
            ("another header", with_header(json!({"alg": jwk["alg"], "kid": kid, "typ": "at+jwt"})), "signature"),
            ("none", with_header(json!({"alg": "none", "kid": kid})), "not a JWT"),
            ("none, unsigned", format!("{}.{payload}.", encoded(&json!({"alg": "none", "kid": kid}))), "not a JWT"),
            ("None", with_header(json!({"alg": "None", "kid": kid})), "not a JWT"),
            ("no algorithm", with_header(json!({"kid": kid})), "not a JWT"),
            ("PS256", with_header(json!({"alg": "PS256", "kid": kid})), "algorithm not allowed"),
            ("ES384", with_header(json!({"alg": "ES384", "kid": kid})), "algorithm not allowed"),
            ("another's key", foreign.sign(&good), "signature"),
            ("another's key, sent along", embedded, "signature"),
            ("another id", signed(|header| header.kid = Some("other".to_owned())), "unknown key"),
            ("an empty id", signed(|header| header.kid = Some(String::new())), "unknown key"),
            ("no id", signed(|header| header.kid = None), "no key id"),
            (
                "critical",
                signed(|header| header.crit = Some(vec!["b64".to_owned()])),
                "extensions that must be understood",
            ),
            ("long", signer.sign(&with(&good, &json!({"x": "x".repeat(MAX_TOKEN_BYTES)}))), "too long"),
        ];
        for other in signers.iter().filter(|other| other.key_id() != signer.key_id()) {
            let header = Header { kid: Some(other.key_id().to_owned()), ..signer.header() };
            tricks.push(("the id of a key of another kind", signer.sign_with(&header, &good), "unknown key"));
        }
        tricks.extend(symmetric.map(|token| ("HS256 with the public key", token, "algorithm not allowed")));
        for (what, token, expected) in tricks {
            let refused = verifier.verify(&token).await.map(drop);
            assert_eq!(refused, Err(Refused(expected)), "{:?}: {what}", signer.algorithm());
        }
        assert!(verifier.verify(&token).await.is_ok());
    }
}

#[tokio::test]
async fn an_issuer_is_held_to_its_algorithms_its_keys_and_its_audience() {
    let clock = HeldClock::start();
    let ([rsa, ec, ed], [_, other_ec, _]) = (signers(), foreign_signers());
    let other = "https://other.example";
    let issuers = json!([
        inline(&[&rsa, &ec, &ed], &json!({"algorithms": ["ES256"]})),
        inline(&[&other_ec], &json!({"issuer": other, "audience": "their"})),
    ]);
    let verifier = verifier(&clock, &issuers);
    let theirs = with(&claims(&clock), &json!({"iss": other, "aud": "their"}));
    assert!(verifier.verify(&ec.sign(&claims(&clock))).await.is_ok());
    assert!(verifier.verify(&other_ec.sign(&theirs)).await.is_ok());
    for (token, expected) in [
        (rsa.sign(&claims(&clock)), "algorithm not allowed"),
        (ed.sign(&claims(&clock)), "algorithm not allowed"),
        (ec.sign(&theirs), "signature"),
        (other_ec.sign(&claims(&clock)), "signature"),
        (other_ec.sign(&with(&theirs, &json!({"aud": "sporlog"}))), "audience"),
    ] {
        assert_eq!(verifier.verify(&token).await.map(drop), Err(Refused(expected)));
    }
}

#[tokio::test]
async fn claims_are_read_by_their_configured_names() {
    let clock = HeldClock::start();
    let [_, ec, _] = signers();
    let names = json!({"org": "https://id.example/tenant", "roles": "realm_access.roles", "scopes": "permissions"});
    let verifier = verifier(&clock, &json!([inline(&[&ec], &json!({"claims": names}))]));
    let token = ec.sign(&with(
        &claims(&clock),
        &json!({"https://id.example/tenant": "college", "realm_access": {"roles": ["owner", "offline_access"]},
            "permissions": ["audit.all"]}),
    ));
    let principal = verifier.verify(&token).await.unwrap();
    assert_eq!((principal.org, principal.roles), (org("college"), [Role::Owner].into()));
    assert_eq!(principal.scopes, ["audit.all".to_owned()].into());
}

#[tokio::test]
async fn an_issuer_for_some_organizations_makes_no_platform_administrators() {
    let clock = HeldClock::start();
    let [_, ec, _] = signers();
    for (changes, expected) in [
        (json!({}), &["audit.all", "platform:admin"][..]),
        (json!({"organizations": ["diku"]}), &["audit.all"]),
        (json!({"issuer": format!("{ISSUER}/realms/diku"), "orgFromRealm": true}), &["audit.all"]),
    ] {
        let entry = inline(&[&ec], &changes);
        let verifier = verifier(&clock, &json!([entry]));
        let token = with(&claims(&clock), &json!({"iss": entry["issuer"], "scope": "platform:admin audit.all"}));
        let scopes = verifier.verify(&ec.sign(&token)).await.unwrap().scopes;
        assert_eq!(scopes.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{changes}");
    }
}

#[tokio::test]
async fn keys_are_fetched_and_outlive_their_issuer() {
    let clock = HeldClock::start();
    let signers = signers();
    let issuer = TestIssuer::start(&signers.each_ref()).await;
    let mut entry = inline(&[], &json!({"jwksUrl": issuer.url().to_string()}));
    entry.as_object_mut().unwrap().remove("jwks");
    let verifier = verifier(&clock, &json!([entry]));
    issuer.behave(Behaviour::Closes);
    let refused = verifier.verify(&signers[0].sign(&claims(&clock))).await;
    assert_eq!(refused.map(drop), Err(Refused("the issuer's keys are not available")));
    issuer.serve(&signers.each_ref());
    clock.advance(Duration::from_secs(5));
    for signer in &signers {
        assert!(verifier.verify(&signer.sign(&claims(&clock))).await.is_ok());
    }
    issuer.behave(Behaviour::Closes);
    clock.advance(Duration::from_hours(1));
    for signer in &signers {
        assert!(verifier.verify(&signer.sign(&claims(&clock))).await.is_ok());
    }
    assert_eq!(issuer.fetches(), 3);
}

/// Realms of one Keycloak, each the organization of its name.
fn keycloak(issuer: &TestIssuer, changes: &Value) -> Value {
    let base = issuer.base();
    let mut entry = json!({"issuer": format!("{base}/realms/*"), "audience": "sporlog", "algorithms": ["RS256", "EdDSA"],
        "jwksUrl": format!("{base}/realms/{{realm}}/protocol/openid-connect/certs"), "orgFromRealm": true,
        "claims": {"org": "tenant", "roles": "realm_access.roles", "scopes": "permissions"}});
    for (name, value) in changes.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

#[tokio::test]
async fn a_realm_speaks_for_the_organization_of_its_name() {
    let clock = HeldClock::start();
    let [_, _, ed] = signers();
    let issuer = TestIssuer::start(&[&ed]).await;
    let verifier = verifier(&clock, &json!([keycloak(&issuer, &json!({}))]));
    let of = |realm: &str, changes: &Value| {
        let claims = with(&claims(&clock), &json!({"iss": format!("{}/realms/{realm}", issuer.base())}));
        ed.sign(&with(&claims, changes))
    };
    for realm in ["diku", "college", "diku"] {
        assert_eq!(verifier.verify(&of(realm, &json!({}))).await.unwrap().org, org(realm));
    }
    assert_eq!(
        issuer.paths(),
        ["/realms/diku/protocol/openid-connect/certs", "/realms/college/protocol/openid-connect/certs"]
    );
    assert!(verifier.verify(&of("diku", &json!({"tenant": "diku"}))).await.is_ok());
    for (realm, changes, expected) in [
        ("diku", json!({"tenant": "college"}), "another organization than the realm's"),
        ("diku", json!({"tenant": ["college"]}), "not an organization id"),
        ("diku/../college", json!({}), "unknown issuer"),
        ("", json!({}), "unknown issuer"),
        ("*", json!({}), "unknown issuer"),
        ("{realm}", json!({}), "unknown issuer"),
    ] {
        assert_eq!(verifier.verify(&of(realm, &changes)).await.map(drop), Err(Refused(expected)), "{realm} {changes}");
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_realm_that_is_not_listed_is_not_even_asked_for_its_keys() {
    let clock = HeldClock::start();
    let [_, _, ed] = signers();
    let issuer = TestIssuer::start(&[&ed]).await;
    let verifier = verifier(&clock, &json!([keycloak(&issuer, &json!({"organizations": ["diku"]}))]));
    let of =
        |realm: &str| ed.sign(&with(&claims(&clock), &json!({"iss": format!("{}/realms/{realm}", issuer.base())})));
    let refused = verifier.verify(&of("master")).await.map(drop);
    assert_eq!((refused, issuer.fetches()), (Err(Refused("not the issuer of that organization")), 0));
    assert!(verifier.verify(&of("diku")).await.is_ok());
}

#[tokio::test]
async fn the_keys_of_one_realm_do_not_sign_for_another() {
    let clock = HeldClock::start();
    let ([_, _, ed], [_, _, foreign]) = (signers(), foreign_signers());
    let (issuer, other) = (TestIssuer::start(&[&ed]).await, TestIssuer::start(&[&foreign]).await);
    let named = |issuer: &TestIssuer| keycloak(issuer, &json!({}));
    let verifier = verifier(&clock, &json!([named(&issuer), named(&other)]));
    let claims = |issuer: &TestIssuer| with(&claims(&clock), &json!({"iss": format!("{}/realms/diku", issuer.base())}));
    assert!(verifier.verify(&ed.sign(&claims(&issuer))).await.is_ok());
    assert!(verifier.verify(&foreign.sign(&claims(&other))).await.is_ok());
    assert_eq!(verifier.verify(&foreign.sign(&claims(&issuer))).await.map(drop), Err(Refused("signature")));
    assert_eq!(verifier.verify(&ed.sign(&claims(&other))).await.map(drop), Err(Refused("signature")));
}
