use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// What a token may be signed with. No `none`, and nothing symmetric: a public key must never do as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum AsymmetricAlgorithm {
    RS256,
    ES256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The keys of a JSON Web Key Set (RFC 7517) that can verify a signature, each for one algorithm only.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublicKeys(Vec<PublicKey>);

#[derive(Clone)]
struct PublicKey {
    id: String,
    algorithm: AsymmetricAlgorithm,
    key: DecodingKey,
}

/// Why a key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnusableKey {
    #[error("a key cannot be read")]
    Malformed,
    #[error("a key has no `kid`")]
    Unnamed,
    #[error("a key is not public")]
    Secret,
    #[error("a key is not for RS256 (2048 to 4096 bits), ES256 or EdDSA (Ed25519) signatures")]
    OtherUse,
}

/// A key set as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct KeySetDocument {
    keys: Vec<Value>,
}

impl AsymmetricAlgorithm {
    /// The algorithm of a token's header, if it is one of these.
    pub(crate) fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::RS256 => Some(Self::RS256),
            Algorithm::ES256 => Some(Self::ES256),
            Algorithm::EdDSA => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl KeySetDocument {
    /// Every key, or the reason why one cannot be used: for a set that an operator wrote.
    pub(crate) fn all(self) -> Result<PublicKeys, UnusableKey> {
        self.keys.into_iter().map(PublicKey::parse).collect::<Result<_, _>>().map(PublicKeys)
    }

    /// The keys that can be used: an issuer's set also has keys for encryption and of kinds yet unknown, which RFC 7517
    /// section 5 says to pass over.
    pub(crate) fn usable(self) -> PublicKeys {
        PublicKeys(self.keys.into_iter().filter_map(|key| PublicKey::parse(key).ok()).collect())
    }
}

impl PublicKeys {
    /// The key of that id for that algorithm. One of another algorithm is not found, so that it cannot be misused.
    pub(crate) fn find(&self, id: &str, algorithm: AsymmetricAlgorithm) -> Option<&DecodingKey> {
        self.0.iter().find(|key| key.id == id && key.algorithm == algorithm).map(|key| &key.key)
    }
}

impl PublicKey {
    fn parse(key: Value) -> Result<Self, UnusableKey> {
        // `d` is the private part of RSA, EC and OKP keys, `k` a symmetric key (RFC 7518 section 6).
        if ["d", "k"].iter().any(|secret| key.get(secret).is_some()) {
            return Err(UnusableKey::Secret);
        }
        let key: Jwk = serde_json::from_value(key).map_err(|_| UnusableKey::Malformed)?;
        let algorithm = algorithm(&key.algorithm).ok_or(UnusableKey::OtherUse)?;
        let declared = key.common.key_algorithm.map(|declared| Algorithm::try_from(declared).ok());
        let other_algorithm =
            declared.is_some_and(|declared| declared.and_then(AsymmetricAlgorithm::of) != Some(algorithm));
        let other_use = key.common.public_key_use.as_ref().is_some_and(|intended| *intended != PublicKeyUse::Signature);
        if other_algorithm || other_use {
            return Err(UnusableKey::OtherUse);
        }
        let decoding = DecodingKey::from_jwk(&key).map_err(|_| UnusableKey::Malformed)?;
        Ok(Self { id: key.common.key_id.ok_or(UnusableKey::Unnamed)?, algorithm, key: decoding })
    }
}

/// The one algorithm a key is for. The lengths are checked here because `jsonwebtoken` panics on an Ed25519 key that is too
/// short, and takes RSA keys that RFC 7518 section 3.3 forbids.
fn algorithm(parameters: &AlgorithmParameters) -> Option<AsymmetricAlgorithm> {
    match parameters {
        AlgorithmParameters::RSA(rsa) if (256..=512).contains(&length(&rsa.n)?) => Some(AsymmetricAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec)
            if ec.curve == EllipticCurve::P256 && length(&ec.x)? == 32 && length(&ec.y)? == 32 =>
        {
            Some(AsymmetricAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 && length(&pair.x)? == 32 => {
            Some(AsymmetricAlgorithm::EdDsa)
        }
        _ => None,
    }
}

fn length(base64url: &str) -> Option<usize> {
    BASE64_URL_SAFE_NO_PAD.decode(base64url).ok().map(|bytes| bytes.len())
}

/// Which key, not its numbers.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.algorithm, self.id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_issuer::{Signer, signers};

    fn parse(key: &Value) -> Result<(), UnusableKey> {
        PublicKey::parse(key.clone()).map(drop)
    }

    fn with(key: &Value, member: &str, value: Value) -> Value {
        let mut key = key.clone();
        key[member] = value;
        key
    }

    #[test]
    fn a_key_is_for_one_algorithm() {
        let all = [AsymmetricAlgorithm::RS256, AsymmetricAlgorithm::ES256, AsymmetricAlgorithm::EdDsa];
        for signer in signers() {
            let document: KeySetDocument = serde_json::from_value(json!({"keys": [signer.jwk()]})).unwrap();
            let keys = document.all().unwrap();
            let found = all.into_iter().filter(|algorithm| keys.find(signer.key_id(), *algorithm).is_some());
            assert_eq!(found.map(Some).collect::<Vec<_>>(), [AsymmetricAlgorithm::of(signer.algorithm())]);
            assert!(keys.find("other", all[0]).is_none());
            assert!(!format!("{keys:?}").contains(signer.jwk()["x"].as_str().unwrap_or("AQAB")));
        }
    }

    #[test]
    fn keys_that_must_not_verify_a_signature() {
        for signer in signers() {
            let key = signer.jwk();
            let mut bare = key.clone();
            bare.as_object_mut().unwrap().remove("alg");
            for good in [&key, &bare, &with(&key, "use", json!("sig")), &with(&key, "x5c", json!(["AA=="]))] {
                assert_eq!(parse(good), Ok(()), "{good}");
            }
            for (member, value, expected) in [
                ("kid", Value::Null, UnusableKey::Unnamed),
                ("kid", json!(1), UnusableKey::Malformed),
                ("d", json!("AA"), UnusableKey::Secret),
                ("k", json!("AA"), UnusableKey::Secret),
                ("use", json!("enc"), UnusableKey::OtherUse),
                ("alg", json!("RSA-OAEP"), UnusableKey::OtherUse),
                ("alg", json!("HS256"), UnusableKey::OtherUse),
                ("alg", json!("PS256"), UnusableKey::OtherUse),
                ("alg", json!("something new"), UnusableKey::OtherUse),
                ("kty", json!("something new"), UnusableKey::OtherUse),
            ] {
                assert_eq!(parse(&with(&key, member, value.clone())), Err(expected), "{member} {value}");
            }
        }
        let [rsa, ec, ed] = signers().map(|signer: Signer| signer.jwk());
        for (key, member, value) in [
            (&rsa, "n", "AQAB".to_owned()),
            (&rsa, "n", BASE64_URL_SAFE_NO_PAD.encode([255; 128])),
            (&rsa, "n", BASE64_URL_SAFE_NO_PAD.encode([255; 513])),
            (&rsa, "n", "not base64".to_owned()),
            (&ec, "crv", "P-384".to_owned()),
            (&ec, "x", "AA".to_owned()),
            (&ed, "x", "AA".to_owned()),
            (&ed, "x", BASE64_URL_SAFE_NO_PAD.encode([1; 33])),
            (&ed, "crv", "X25519".to_owned()),
        ] {
            assert_eq!(parse(&with(key, member, json!(value))), Err(UnusableKey::OtherUse), "{member} {value}");
        }
        assert_eq!(parse(&json!("key")), Err(UnusableKey::Malformed));
    }
}
