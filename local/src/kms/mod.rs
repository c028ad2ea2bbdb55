//! The KMS of the local run: one key, which signs digests.

mod key;
mod protocol;

pub use key::{KeyError, SigningKey};
pub use protocol::beside;

#[cfg(test)]
mod tests;
