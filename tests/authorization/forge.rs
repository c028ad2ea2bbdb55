use std::fs;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use ring::{hmac, signature};
use serde_json::{Value, json};
use sporlog_local::stack::Options;
use sporlog_model::Clock;

use crate::harness::System;

/// The header of a token as the issuer of the local run makes it.
pub(super) const HEADER: &str = r#"{"typ":"JWT","alg":"ES256","kid":"development"}"#;

/// What comes before the 65 bytes of a P-256 key in its `SubjectPublicKeyInfo` (RFC 5480).
const P256_PREFIX: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";

/// A system, and the key of the issuer that it trusts: signs whatever a test wants to see refused.
pub(super) struct Forge {
    pub(super) system: System,
    key: EcdsaKeyPair,
    /// Kept as long as the system runs.
    _directory: tempfile::TempDir,
}

impl Forge {
    pub(super) async fn start() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("issuer.pk8"), pkcs8.as_ref()).unwrap();
        let options = Options { data_dir: Some(directory.path().to_owned()), ..Options::default() };
        let system = System::with(options).await;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { system, key, _directory: directory }
    }

    /// Claims of an administrator of `diku`, with these members over them; one that is null is not there.
    pub(super) fn claims(changes: &Value) -> Value {
        let now = Clock::system().now().epoch_seconds();
        let mut claims = json!({
            "iss": "https://issuer.sporlog.localhost", "aud": "sporlog", "sub": "tester", "org": "diku",
            "roles": ["admin"], "scope": "", "iat": now, "exp": now + 600,
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    /// A good token but for these claims.
    pub(super) fn token(&self, changes: &Value) -> String {
        self.signed(HEADER, &Self::claims(changes).to_string())
    }

    /// Header and claims of any text, signed with the trusted key.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        let signed = signing_input(header, claims);
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The trusted public key in the forms in which libraries have been made to take one for a secret.
    pub(super) fn public_key_as_secrets(&self) -> Vec<Vec<u8>> {
        let point = self.key.public_key().as_ref();
        // The 65th byte, 4, ends the prefix: it is in both.
        let spki = format!("{P256_PREFIX}{}", BASE64_STANDARD.encode(&point[1..]));
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----", &spki[..64], &spki[64..]);
        let jwks = self.system.issuer().key_set().unwrap();
        let jwk = jwks["keys"][0].to_string();
        let ends_with_newline = format!("{pem}\n");
        let der = BASE64_STANDARD.decode(&spki).unwrap();
        let texts = [pem, ends_with_newline, jwk, jwks.to_string(), String::new()].map(String::into_bytes);
        texts.into_iter().chain([point.to_vec(), der]).collect()
    }
}

/// What is signed (RFC 7515 section 5.1).
pub(super) fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims))
}

/// A token whose signature is an HMAC.
pub(super) fn symmetric(secret: &[u8], claims: &str) -> String {
    let signed = signing_input(r#"{"typ":"JWT","alg":"HS256","kid":"development"}"#, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

/// The forms of the public key are that key: otherwise no token that is signed with them would say anything.
#[tokio::test(flavor = "multi_thread")]
async fn the_public_key_is_the_one_that_is_trusted() {
    let forge = Forge::start().await;
    let signed = forge.token(&json!({}));
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let der = forge.public_key_as_secrets().pop().unwrap();
    let point = &der[der.len() - 65..];
    assert_eq!(point, forge.key.public_key().as_ref());
    let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
    key.verify(message.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let jwks = forge.system.issuer().key_set().unwrap();
    assert_eq!(jwks["keys"][0]["x"], BASE64_URL_SAFE_NO_PAD.encode(&point[1..33]));
    forge.system.stop().await;
}
