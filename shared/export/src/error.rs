use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sporlog_model::error_chain;

/// Why an export did not get through, in a code for programs and a sentence for the customer.
///
/// Neither holds a secret or the role's ARN, and nor does the cause.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {sentence}")]
pub struct ExportError {
    pub kind: FaultKind,
    pub code: &'static str,
    pub sentence: &'static str,
    #[source]
    cause: Option<AwsFault>,
}

/// What AWS said, as far as the log may know it: the messages of STS and S3 name roles, users and buckets.
#[derive(Debug, thiserror::Error)]
enum AwsFault {
    #[error("AWS answered {code} (request {request_id})")]
    Answer { code: String, request_id: String },
    /// No answer: a time-out, a connection that broke.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The customer: role, bucket or region.
    Configuration,
    /// Time.
    Transient,
    /// Us.
    Internal,
}

impl ExportError {
    /// A fault that does not come from AWS.
    pub fn internal(code: &'static str, sentence: &'static str) -> Self {
        Self { kind: FaultKind::Internal, code, sentence, cause: None }
    }

    /// What a failed `AssumeRole` means.
    pub(crate) fn assume_role<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        use FaultKind::{Configuration, Internal, Transient};
        let code = service_code(error);
        let (kind, code, sentence) = match code.as_str() {
            "AccessDenied" => (
                Configuration,
                "assume_role_denied",
                "AWS refused to let Sporlog assume the role: check that it exists, trusts Sporlog's account and requires the external id issued for this organization.",
            ),
            "RegionDisabledException" => {
                (Configuration, "sts_region_disabled", "STS is not active in this Region for the role's account.")
            }
            "ExpiredToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
                (Internal, "own_credentials", "Sporlog's own credentials were refused.")
            }
            "" | "Throttling" | "ServiceUnavailable" | "InternalFailure" => {
                (Transient, "sts_unavailable", "AWS STS did not answer in time.")
            }
            _ => (Configuration, "assume_role_failed", "AWS could not let Sporlog assume the role."),
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }

    /// What a failed write to the bucket means.
    pub(crate) fn put_object<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        use FaultKind::{Configuration, Transient};
        let code = service_code(error);
        let (kind, code, sentence) = match code.as_str() {
            "NoSuchBucket" => (Configuration, "bucket_not_found", "The bucket does not exist."),
            "AccessDenied" | "AllAccessDisabled" => (
                Configuration,
                "put_denied",
                "The role may not write to the bucket: grant it s3:PutObject on the bucket and prefix.",
            ),
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "IncorrectEndpoint" => {
                (Configuration, "wrong_region", "The bucket is in another Region than the one configured.")
            }
            "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId" => {
                (Transient, "session_expired", "The role's session ended before the write was done.")
            }
            "SlowDown" | "ConditionalRequestConflict" | "OperationAborted" => {
                (Transient, "slow_down", "Amazon S3 asked to write more slowly.")
            }
            "" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" => {
                (Transient, "s3_unavailable", "Amazon S3 did not answer in time.")
            }
            _ => (Configuration, "put_failed", "Amazon S3 refused the write."),
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }
}

impl AwsFault {
    fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error.as_service_error() {
            Some(answer) => Self::Answer {
                code: answer.code().unwrap_or("-").to_owned(),
                request_id: answer.meta().extra("aws_request_id").unwrap_or("-").to_owned(),
            },
            None => Self::NoAnswer(error_chain(error)),
        }
    }
}

/// The service's error code; empty when no service answered.
fn service_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}
