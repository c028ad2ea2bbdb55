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

const PLACE_TAKEN: &str = "place_taken";

impl ExportError {
    /// A fault that does not come from AWS.
    pub fn internal(code: &'static str, sentence: &'static str) -> Self {
        Self { kind: FaultKind::Internal, code, sentence, cause: None }
    }

    /// Something else stands where a new segment was to be written.
    pub(crate) fn place_taken() -> Self {
        let sentence =
            "The bucket already holds something else where the export goes on; Sporlog's operator must look.";
        Self::internal(PLACE_TAKEN, sentence)
    }

    /// Whether the export is not where its state says.
    pub fn is_place_taken(&self) -> bool {
        self.code == PLACE_TAKEN
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

    /// A stage of a connection's test that was not done when the test's time was over.
    pub(crate) fn test_out_of_time() -> Self {
        let sentence = "AWS took longer to answer than the test had time; try again.";
        Self { kind: FaultKind::Transient, code: "timed_out", sentence, cause: None }
    }

    /// A role that lets Sporlog in without the organization's external id, and so for every organization.
    pub(crate) fn external_id_not_enforced() -> Self {
        let sentence = "The role can be assumed without the external id issued for this organization: add the condition \
                        sts:ExternalId to its trust policy.";
        Self { kind: FaultKind::Configuration, code: "external_id_not_enforced", sentence, cause: None }
    }

    /// Whether the role refused to be assumed.
    pub(crate) fn is_refused_role(&self) -> bool {
        self.code == ASSUME_ROLE_DENIED
    }

    /// AWS's own code for what went wrong, if AWS answered: never more than letters, digits and dots.
    pub fn aws_code(&self) -> Option<&str> {
        match &self.cause {
            Some(AwsFault::Answer { code, .. }) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
                (!code.is_empty() && code.len() <= 64 && code.bytes().all(plain)).then_some(code)
            }
            _ => None,
        }
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
                ASSUME_ROLE_DENIED,
                "AWS refused to let Sporlog assume the role: check that it exists, trusts Sporlog's roles and requires the external id issued for this organization; a role that was made or changed a moment ago may take a minute.",
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
        let code = service_code(error);
        let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
        let (kind, code, sentence) = refused_put(&code, message)
            .or_else(|| refused_by_s3(error))
            .unwrap_or_else(|| if is_transient(error) { S3_UNAVAILABLE } else { PUT_FAILED });
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }

    /// What a failed removal from the bucket means.
    pub(crate) fn delete_object<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let denied = || matches!(service_code(error).as_str(), "AccessDenied" | "AllAccessDisabled");
        let (kind, code, sentence) = if denied() {
            DELETE_DENIED
        } else {
            refused_by_s3(error).unwrap_or(if is_transient(error) { S3_UNAVAILABLE } else { DELETE_FAILED })
        };
        Self { kind, code, sentence, cause: Some(AwsFault::of(error)) }
    }
}

const ASSUME_ROLE_DENIED: &str = "assume_role_denied";

/// What a refusal means: who can mend it, the code, the sentence.
type Meaning = (FaultKind, &'static str, &'static str);

const S3_UNAVAILABLE: Meaning = (FaultKind::Transient, "s3_unavailable", "Amazon S3 did not answer in time.");
const PUT_FAILED: Meaning = (FaultKind::Internal, "put_failed", "Amazon S3 refused the write.");
const DELETE_FAILED: Meaning = (FaultKind::Internal, "delete_failed", "Amazon S3 refused to delete the object.");
const DELETE_DENIED: Meaning = (
    FaultKind::Configuration,
    "delete_denied",
    "The role may not delete what the test wrote; exports do not need that, but the test's object stays: grant the role s3:DeleteObject on the folder connection-tests.",
);

/// A refusal of the write itself. `message` is only looked at: it names what is the customer's.
fn refused_put(code: &str, message: &str) -> Option<Meaning> {
    use FaultKind::Configuration;
    // S3 passes the refusal of KMS on under its own code.
    let kms_denied = code == "AccessDenied" && message.contains("kms:") || code == "KMS.AccessDeniedException";
    Some(match code {
        _ if kms_denied => (
            Configuration,
            "kms_denied",
            "The role may not use the KMS key that the objects are encrypted with: grant it kms:GenerateDataKey and kms:Decrypt in its own policy and in that of the key.",
        ),
        "KMS.DisabledException" | "KMS.KMSInvalidStateException" => (
            Configuration,
            "kms_key_disabled",
            "The KMS key that the objects are encrypted with is disabled or is being deleted: enable it or configure another one.",
        ),
        "KMS.NotFoundException" | "KMS.InvalidArnException" => (
            Configuration,
            "kms_key_not_found",
            "The KMS key that the objects are encrypted with does not exist in the bucket's Region.",
        ),
        "KMS.InvalidKeyUsageException" => (
            Configuration,
            "kms_key_unusable",
            "The KMS key that the objects are encrypted with is not a symmetric encryption key.",
        ),
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => (
            Configuration,
            "put_denied",
            "The role may not write to the bucket: grant it s3:PutObject on the bucket and prefix, and see that no policy of the bucket denies it.",
        ),
        "InvalidRequest" if message.contains("Object Lock") || message.contains("Content-MD5") => (
            Configuration,
            "object_lock",
            "The bucket's Object Lock settings refuse the write: exports send a SHA-256 checksum and no lock of their own, so the bucket's default retention must be enough.",
        ),
        _ => return None,
    })
}

/// A refusal that every operation on a bucket can meet.
fn refused_by_s3<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Meaning> {
    use FaultKind::{Configuration, Internal, Transient};
    let redirected = error.raw_response().is_some_and(|response| (300..400).contains(&response.status().as_u16()));
    Some(match service_code(error).as_str() {
        "NoSuchBucket" => (Configuration, "bucket_not_found", "The bucket does not exist."),
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "IncorrectEndpoint" => WRONG_REGION,
        // Some answers have no body, and so no code.
        _ if redirected => WRONG_REGION,
        "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId" => {
            (Transient, SESSION_EXPIRED, "The role's session ended before the write was done.")
        }
        "SlowDown" | "ConditionalRequestConflict" | "OperationAborted" | "KMS.ThrottlingException" => {
            (Transient, "slow_down", "Amazon S3 asked to write more slowly.")
        }
        "RequestTimeTooSkewed" => (Internal, "clock_skew", "Sporlog's clock differs too much from that of AWS."),
        "RequestTimeout" => S3_UNAVAILABLE,
        _ => return None,
    })
}

const WRONG_REGION: Meaning =
    (FaultKind::Configuration, "wrong_region", "The bucket is in another Region than the one configured.");

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
pub(crate) fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    status.is_none_or(|status| status >= 500)
        || matches!(service_code(error).as_str(), "Throttling" | "ThrottlingException")
}

/// The service's error code; empty when no service answered.
fn service_code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}
