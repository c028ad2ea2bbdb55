use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Serialize;
use sporlog_model::export::{Digest, DigestSignature, sha256_hex};

/// What a P-256 key in DER begins with (RFC 5480): the algorithm and curve, and that an uncompressed point follows.
const SPKI_PREFIX: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
/// The prefix and two coordinates.
const SPKI_BYTES: usize = 91;
/// Where the point begins.
const POINT_AT: usize = 26;

/// Which key: the SHA-256 of its `SubjectPublicKeyInfo` in DER, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither a P-256 public key (PEM, or its DER in base64) nor the SHA-256 of one in 64 hexadecimal digits")]
pub struct InvalidKey;

/// The keys whose signatures count. With none, those of any one key do.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys {
    current: BTreeSet<Fingerprint>,
    retired: BTreeSet<Fingerprint>,
}

/// Why a signature is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSignature {
    #[error("names a public key that is no P-256 key in base64")]
    Key,
    #[error("is not a signature of this digest by the key that it names")]
    Value,
}

impl Fingerprint {
    /// A public key in PEM or as base64 of its DER, or the fingerprint itself, with or without `sha256:`.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(digits.to_ascii_lowercase()));
        }
        let armoured = text.strip_prefix("-----BEGIN PUBLIC KEY-----");
        let inside = armoured.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----")).unwrap_or(text);
        let base64: String = inside.split_ascii_whitespace().collect();
        spki(&base64).map(|der| Self::of(&der)).ok_or(InvalidKey)
    }

    fn of(der: &[u8]) -> Self {
        Self(sha256_hex(der))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl TrustedKeys {
    /// The same, and keys that signed before one of them did. Their signatures count up to the first of a current key, which
    /// covers everything before it: whoever has got hold of a retired key can add nothing.
    #[must_use]
    pub fn with_retired(self, keys: impl IntoIterator<Item = Fingerprint>) -> Self {
        Self { retired: keys.into_iter().collect(), ..self }
    }

    /// Whether a signature of this key counts, somewhere at least.
    pub(crate) fn trusts(&self, key: &Fingerprint) -> bool {
        !self.are_named() || self.is_current(key) || self.retired.contains(key)
    }

    /// Whether a signature of this key counts anywhere.
    pub(crate) fn is_current(&self, key: &Fingerprint) -> bool {
        self.current.contains(key)
    }

    /// Whether it is said at all which keys count.
    pub(crate) fn are_named(&self) -> bool {
        !(self.current.is_empty() && self.retired.is_empty())
    }
}

impl FromIterator<Fingerprint> for TrustedKeys {
    fn from_iter<I: IntoIterator<Item = Fingerprint>>(keys: I) -> Self {
        Self { current: keys.into_iter().collect(), retired: BTreeSet::new() }
    }
}

/// The DER of a P-256 key, which has one form.
fn spki(base64: &str) -> Option<Vec<u8>> {
    let der = STANDARD.decode(base64).ok()?;
    let named = der.len() == SPKI_BYTES && hex::encode(&der).starts_with(SPKI_PREFIX);
    named.then_some(der)
}

/// Whose signature a digest has, if it is one.
pub(crate) fn signer(digest: &Digest, signature: &DigestSignature) -> Result<Fingerprint, InvalidSignature> {
    let der = spki(&signature.public_key).ok_or(InvalidSignature::Key)?;
    let value = STANDARD.decode(&signature.value).map_err(|_| InvalidSignature::Value)?;
    let signed = digest.signed_bytes().map_err(|_| InvalidSignature::Value)?;
    let point = der.get(POINT_AT..).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.verify(&signed, &value).map_err(|_| InvalidSignature::Value)?;
    Ok(Fingerprint::of(&der))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key of RFC 6979, appendix A.2.5.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfxs4pMHOGVp8eZ5A/6ZCLZbyQfsnTrJQ3Np85AwUDKXOPTt4iJVx8SCmQ==";

    #[test]
    fn a_key_is_known_by_its_pem_its_der_and_its_hash() {
        let by_der = Fingerprint::parse(KEY).unwrap();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &KEY[..64], &KEY[64..]);
        assert_eq!(Fingerprint::parse(&pem), Ok(by_der.clone()));
        assert_eq!(Fingerprint::parse(&by_der.to_string()), Ok(by_der.clone()));
        assert_eq!(Fingerprint::parse(&by_der.0.to_uppercase()), Ok(by_der));
        for bad in ["", "x", "MFkw", &KEY[4..], &by_key_with_another_curve(), &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!(Fingerprint::parse(bad), Err(InvalidKey), "{bad}");
        }
    }

    fn by_key_with_another_curve() -> String {
        let mut der = STANDARD.decode(KEY).unwrap();
        der[20] ^= 1;
        STANDARD.encode(der)
    }

    #[test]
    fn without_a_list_any_key_counts() {
        let (one, other) = (Fingerprint("1".repeat(64)), Fingerprint("2".repeat(64)));
        assert!(TrustedKeys::default().trusts(&one) && !TrustedKeys::default().are_named());
        let keys: TrustedKeys = [one.clone()].into_iter().collect();
        assert!(keys.trusts(&one) && !keys.trusts(&other) && keys.are_named());
    }
}
