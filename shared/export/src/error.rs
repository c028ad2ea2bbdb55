use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
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

const SESSION_EXPIRED: &str = "session_expired";

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

    /// A write that was not done when the run's time was over.
    pub fn out_of_time() -> Self {
        let sentence = "Amazon S3 took longer than the run had time.";
        Self { kind: FaultKind::Transient, code: "out_of_time", sentence, cause: None }
    }

    /// Whether the role's session has ended: assuming the role again may be all that is needed.
    pub fn is_expired_session(&self) -> bool {
        self.code == SESSION_EXPIRED
    }

    /// What a failed call of KMS means. The key is ours, and nothing that a customer could mend.
    pub(crate) fn sign<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        use FaultKind::{Internal, Transient};
        let code = service_code(error);
        let (kind, code, sentence) = match code.as_str() {
            "AccessDeniedException"
            | "NotFoundException"
            | "DisabledException"
            | "KMSInvalidStateException"
            | "InvalidKeyUsageException" => {
                (Internal, "signing_key", "Sporlog may not use the key that signs digests, or the key is switched off.")
            }
            _ if is_transient(error) => (Transient, "signing_unavailable", "AWS KMS did not sign the digest in time."),
            _ => (Internal, "signing_failed", "AWS KMS could not sign the digest."),
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }

    /// What a failed `AssumeRole` means.
    pub(crate) fn assume_role<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
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
            "RequestTimeTooSkewed" | "RequestExpired" => {
                (Internal, "clock_skew", "Sporlog's clock differs too much from that of AWS.")
            }
            _ if is_transient(error) => (Transient, "sts_unavailable", "AWS STS did not answer in time."),
            _ => (Internal, "assume_role_failed", "AWS could not let Sporlog assume the role."),
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }

    /// What a failed write to the bucket means.
    pub(crate) fn put_object<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        use FaultKind::{Configuration, Internal, Transient};
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
                (Transient, SESSION_EXPIRED, "The role's session ended before the write was done.")
            }
            "SlowDown" | "ConditionalRequestConflict" | "OperationAborted" => {
                (Transient, "slow_down", "Amazon S3 asked to write more slowly.")
            }
            "RequestTimeTooSkewed" => (Internal, "clock_skew", "Sporlog's clock differs too much from that of AWS."),
            "RequestTimeout" => (Transient, "s3_unavailable", "Amazon S3 did not answer in time."),
            _ if is_transient(error) => (Transient, "s3_unavailable", "Amazon S3 did not answer in time."),
            _ => (Internal, "put_failed", "Amazon S3 refused the write."),
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }
}

impl AwsFault {
    fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
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

/// No answer, an answer that speaks of a fault of theirs (5xx), or one that asks for patience.
fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    status.is_none_or(|status| status >= 500)
        || matches!(service_code(error).as_str(), "Throttling" | "ThrottlingException")
}

/// The service's error code; empty when no service answered.
fn service_code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}
