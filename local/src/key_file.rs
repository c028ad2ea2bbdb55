//! Private keys of the local run, each in a file of the data directory.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the key file cannot be used")]
    File(#[from] io::Error),
    #[error("no key could be generated")]
    Generate,
}

/// A new P-256 key (PKCS #8, RFC 5208, in DER).
pub(crate) fn generate() -> Result<Vec<u8>, KeyFileError> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    pkcs8.map(|document| document.as_ref().to_vec()).map_err(|_| KeyFileError::Generate)
}

/// Reads the key, or makes it. Two processes that start together get the same one: a complete file is linked into place,
/// and only the first link holds.
pub(crate) fn read_or_create(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    if !path.exists() {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut draft = tempfile::NamedTempFile::new_in(directory)?;
        draft.write_all(&generate()?)?;
        match draft.persist_noclobber(path) {
            Ok(_) => {}
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(other) => return Err(other.error.into()),
        }
    }
    Ok(fs::read(path)?)
}
