use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every key begins with, so that a scanner of published code recognizes one.
const PREFIX: &str = "ap_live_";

/// Random bytes in a key: nobody guesses one, so a plain hash of it needs neither salt nor work factor.
const RANDOM_BYTES: usize = 32;

/// How much of a key lists show, for people to tell their keys apart.
const SHOWN_CHARACTERS: usize = 12;

/// An API key, whole: `ap_live_` and 32 random bytes in base64url (RFC 4648) without padding. Shown once, never stored.
#[derive(Clone)]
pub struct ApiKeySecret(String);

/// The SHA-256 of an API key, in lower-case hexadecimal digits: what is stored of it.
#[derive(Clone)]
pub struct ApiKeyHash(String);

/// The operating system has no random numbers to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random numbers")]
pub struct NoRandomNumbers(#[source] getrandom::Error);

impl ApiKeySecret {
    /// A new key.
    pub fn generate() -> Result<Self, NoRandomNumbers> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(NoRandomNumbers)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))))
    }

    /// `None` when the text cannot be a key that [`ApiKeySecret::generate`] made.
    pub fn parse(text: &str) -> Option<Self> {
        let random = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (random.len() == RANDOM_BYTES).then(|| Self(text.to_owned()))
    }

    /// What is stored.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(hex::encode(Sha256::digest(&self.0)))
    }

    /// The first characters, for lists.
    pub fn prefix(&self) -> &str {
        &self.0[..SHOWN_CHARACTERS]
    }

    /// The key itself, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl ApiKeyHash {
    /// `None` when the text is not a SHA-256 in lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (digits && text.len() == 64).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In constant time: how long it takes does not tell how much of two hashes is the same.
impl PartialEq for ApiKeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for ApiKeyHash {}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret")
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_no_two_are_the_same() {
        let (one, two) = (ApiKeySecret::generate().unwrap(), ApiKeySecret::generate().unwrap());
        assert_eq!(one.reveal().len(), 8 + 43);
        assert_eq!(ApiKeySecret::parse(one.reveal()).unwrap().hash(), one.hash());
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.prefix().len(), 12);
        assert!(one.reveal().starts_with(one.prefix()) && one.prefix().starts_with("ap_live_"));
    }

    #[test]
    fn the_hash_is_that_of_the_whole_text() {
        let key = ApiKeySecret::parse("ap_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        // printf ap_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA | sha256sum
        assert_eq!(key.hash().as_str(), "cc53cfcb3bdd0e9225c7506ecbd26d4f070b48cf5c5d5b5cb844f56d834ac4d5");
        assert_eq!(ApiKeyHash::parse(key.hash().as_str()), Some(key.hash()));
        for bad in ["", "SHA", &"A".repeat(64), &"0".repeat(63), &"g".repeat(64)] {
            assert_eq!(ApiKeyHash::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        let good = "ap_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for bad in [
            "",
            "ap_live_",
            &good[8..],
            &good[..50],
            &format!("{good}A"),
            &format!("{good}="),
            &format!(" {good}"),
            &good.replace("live", "test"),
            &good.replace('A', "+"),
            // The last digit has bits that no encoder sets: another text for the same bytes.
            &format!("{}B", &good[..50]),
        ] {
            assert!(ApiKeySecret::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let key = ApiKeySecret::generate().unwrap();
        assert_eq!(format!("{key:?} {:?}", key.hash()), "ApiKeySecret ApiKeyHash");
    }
}
