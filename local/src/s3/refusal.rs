//! Credentials that are refused before the signature is looked at, in the words of S3.

use s3s::{S3Error, S3ErrorCode, s3_error};

use super::StorageError;

/// A fault of the credential. `sts.rs` has STS's words for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Also a temporary key without its session token.
    UnknownAccessKey,
    /// A temporary key with another session token; a permanent key with any.
    ForeignToken,
    Expired,
    WrongRegion {
        given: String,
        expected: String,
    },
    WrongService {
        given: String,
        expected: &'static str,
    },
    /// Signature version 2, which no region opened since 2014 accepts.
    OldSignature,
    /// The store failed; it has logged why.
    Internal,
}

impl From<StorageError> for Refusal {
    fn from(_: StorageError) -> Self {
        Self::Internal
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownAccessKey => unknown_access_key(),
            Refusal::ForeignToken => {
                s3_error!(InvalidToken, "The provided token is malformed or otherwise invalid.")
            }
            Refusal::Expired => s3_error!(ExpiredToken, "The provided token has expired."),
            Refusal::WrongRegion { given, expected } => s3_error!(
                AuthorizationHeaderMalformed,
                "The authorization header is malformed; the region '{given}' is wrong; expecting '{expected}'"
            ),
            Refusal::WrongService { given, expected } => s3_error!(
                AuthorizationHeaderMalformed,
                "The authorization header is malformed; incorrect service \"{given}\". This endpoint belongs to \
                 \"{expected}\"."
            ),
            Refusal::OldSignature => s3_error!(
                InvalidRequest,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            ),
            Refusal::Internal => internal(),
        }
    }
}

pub(super) fn unknown_access_key() -> S3Error {
    s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records.")
}

/// The store logs its failures itself; the client learns no more than that there was one.
pub(super) fn internal() -> S3Error {
    S3Error::with_message(S3ErrorCode::InternalError, "We encountered an internal error. Please try again.")
}

impl From<StorageError> for S3Error {
    fn from(_: StorageError) -> Self {
        internal()
    }
}
