use std::fmt;
use std::path::Path;

use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{self, Signature};
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};

use crate::key_file::{self, KeyFileError};
use crate::template::{ACCOUNT, REGION};

const KEY_FILE: &str = "signing.pk8";

/// The id of the key: it has no meaning, and is the same on every machine.
const KEY_ID: &str = "5f3ad4f0-6c0c-4a57-9d7b-2f1f2c9c5f1e";

/// The development key that signs the local run's digests: asymmetric, ECDSA on the curve P-256.
pub struct SigningKey {
    key: ecdsa::SigningKey,
    public_key: Vec<u8>,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no key for digests")]
    File(#[from] KeyFileError),
    #[error("the key for digests cannot be read")]
    Malformed(#[from] p256::pkcs8::Error),
    #[error("the key for digests has no public half")]
    Public(#[from] p256::pkcs8::spki::Error),
}

impl SigningKey {
    /// The key of a data directory, made at its first use. Without a directory, a key for this process only.
    pub fn open(directory: Option<&Path>) -> Result<Self, KeyError> {
        let pkcs8 = match directory {
            Some(directory) => key_file::read_or_create(&directory.join(KEY_FILE))?,
            None => key_file::generate()?,
        };
        let key = ecdsa::SigningKey::from_pkcs8_der(&pkcs8)?;
        let public_key = key.verifying_key().to_public_key_der()?.into_vec();
        Ok(Self { key, public_key })
    }

    /// The key's ARN.
    pub fn arn() -> String {
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}")
    }

    /// Whether this is the key's ARN or id.
    pub(super) fn is_called(name: &str) -> bool {
        name == KEY_ID || name == Self::arn()
    }

    /// `SubjectPublicKeyInfo` (RFC 5480) in DER.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The signature, in DER, of a message whose SHA-256 this is.
    pub(super) fn sign(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        let signature: Signature = self.key.sign_prehash(sha256).ok()?;
        Some(signature.to_der().as_bytes().to_vec())
    }
}

/// Never the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}
