use aws_config::SdkConfig;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use sporlog_model::export::{DigestSignature, SignatureAlgorithm};
use tokio::sync::OnceCell;

use crate::ExportError;

/// The KMS key that vouches for digests. The private key never leaves KMS.
#[derive(Debug)]
pub struct Signer {
    client: aws_sdk_kms::Client,
    key_id: String,
    /// Asked for once per process: a key's public half never changes.
    public: OnceCell<PublicKey>,
}

#[derive(Debug)]
struct PublicKey {
    arn: String,
    /// `SubjectPublicKeyInfo` in DER, in base64.
    spki: String,
}

impl Signer {
    /// Signs with the key of this ARN; it must be an asymmetric one for signatures, on the curve P-256.
    pub fn new(kms: &SdkConfig, key_id: String) -> Self {
        Self { client: aws_sdk_kms::Client::new(kms), key_id, public: OnceCell::new() }
    }

    /// A signature of `bytes`. Each one is another, so it must be kept before the digest with it is written anywhere.
    pub async fn sign(&self, bytes: &[u8]) -> Result<DigestSignature, ExportError> {
        let public = self.public.get_or_try_init(|| self.public_key()).await?;
        let sign = self.client.sign().key_id(&public.arn).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        // The hash and not the bytes: KMS takes 4,096 of them.
        let sign = sign.message_type(MessageType::Digest).message(Blob::new(Sha256::digest(bytes).to_vec()));
        let output = sign.send().await.map_err(|error| ExportError::sign(&error))?;
        let value = output.signature.ok_or_else(|| no_answer("KMS answered without a signature."))?;
        Ok(DigestSignature {
            algorithm: SignatureAlgorithm::EcdsaSha256,
            key_id: public.arn.clone(),
            public_key: public.spki.clone(),
            value: STANDARD.encode(value),
        })
    }

    async fn public_key(&self) -> Result<PublicKey, ExportError> {
        let output = self.client.get_public_key().key_id(&self.key_id).send().await;
        let key = output.map_err(|error| ExportError::sign(&error))?;
        if key.key_spec != Some(KeySpec::EccNistP256) || key.key_usage != Some(KeyUsageType::SignVerify) {
            let sentence = "The key that signs digests must be for signatures, of the type ECC_NIST_P256.";
            return Err(ExportError::internal("signing_key", sentence));
        }
        let der = key.public_key.ok_or_else(|| no_answer("KMS answered without the public key."))?;
        Ok(PublicKey { arn: key.key_id.unwrap_or_else(|| self.key_id.clone()), spki: STANDARD.encode(der) })
    }
}

fn no_answer(sentence: &'static str) -> ExportError {
    ExportError::internal("signing_failed", sentence)
}
