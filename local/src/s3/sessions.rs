//! Temporary credentials.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::StorageError;
use super::objects::timestamp;

/// How long an expired session is kept, so that its key is answered with `ExpiredToken` and not as an unknown one.
const KEPT_AFTER_EXPIRY: SignedDuration = SignedDuration::from_hours(24);

/// One answer of `AssumeRole`.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) token: String,
    pub(super) role: String,
    pub(super) name: String,
    /// The session policy's JSON.
    pub(super) policy: Option<String>,
    pub(super) expires_at: Timestamp,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key", &self.access_key)
            .field("role", &self.role)
            .field("name", &self.name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// New random credentials, in the shape of AWS's.
    pub(super) fn new(
        role: String,
        name: String,
        policy: Option<String>,
        expires_at: Timestamp,
    ) -> Result<Self, StorageError> {
        const UPPERCASE_AND_DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        Ok(Self {
            access_key: format!("ASIA{}", random(16, UPPERCASE_AND_DIGITS)?),
            secret_key: random(40, BASE64)?,
            token: format!("IQoJ{}", random(196, BASE64)?),
            role,
            name,
            policy,
            expires_at,
        })
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

/// Stores the session and forgets those that expired more than a day ago.
pub(super) fn issue(transaction: &Transaction<'_>, session: &Session, now: Timestamp) -> Result<(), StorageError> {
    let forgotten_before = (now - KEPT_AFTER_EXPIRY).as_millisecond();
    transaction.execute("DELETE FROM session WHERE expires_at < ?1", [forgotten_before])?;
    transaction.execute(
        "INSERT INTO session (access_key, secret_key, token, role, name, policy, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            session.access_key,
            session.secret_key,
            session.token,
            session.role,
            session.name,
            session.policy,
            session.expires_at.as_millisecond()
        ],
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, access_key: &str) -> Result<Option<Session>, StorageError> {
    let row = connection
        .prepare_cached("SELECT secret_key, token, role, name, policy, expires_at FROM session WHERE access_key = ?1")?
        .query_row([access_key], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((secret_key, token, role, name, policy, expires_at)) = row else {
        return Ok(None);
    };
    let access_key = access_key.to_owned();
    Ok(Some(Session { access_key, secret_key, token, role, name, policy, expires_at: timestamp(expires_at)? }))
}

/// The alphabet's length divides 256, so every character is as likely as every other.
fn random<const N: usize>(length: usize, alphabet: &[u8; N]) -> Result<String, StorageError> {
    const { assert!(256 % N == 0) };
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.into_iter().map(|byte| char::from(alphabet[usize::from(byte) % N])).collect())
}
