use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use sporlog_model::{Classified, ErrorKind};

type Source = Box<dyn Error + Send + Sync>;

/// What a caller of the store can act on. Messages carry keys at most, never what is in an item.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such item.
    #[error("not found")]
    NotFound,
    /// A condition did not hold: somebody else changed the item first.
    #[error("the item has changed meanwhile")]
    Conflict,
    /// The event does not fit into one transaction. It never will.
    #[error("the event takes {bytes} bytes compressed, more than the {limit} that can be stored at once")]
    TooLarge { bytes: usize, limit: usize },
    /// An item that cannot be what this code wrote. Never skipped: a hole in an audit log must be seen.
    #[error("the item {key} is damaged: {problem}")]
    Corrupt { key: String, problem: &'static str },
    /// DynamoDB asks to slow down. Trying again later is right and safe.
    #[error("throttled")]
    Throttled(#[source] Source),
    /// DynamoDB did not answer, or not in time. Trying again is right and safe.
    #[error("DynamoDB is unavailable")]
    Unavailable(#[source] Source),
    /// DynamoDB refused the request: a missing table or permission, or a fault of ours.
    #[error("DynamoDB refused the request")]
    Refused(#[source] Source),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_) | Self::Conflict)
    }
}

impl Classified for StoreError {
    fn kind(&self) -> ErrorKind {
        if self.is_transient() { ErrorKind::Unavailable } else { ErrorKind::Internal }
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
        match code {
            "ConditionalCheckFailedException" => Self::Conflict,
            "ThrottlingException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionConflictException" => Self::Throttled(Box::new(error)),
            "InternalServerError" | "ServiceUnavailable" | "TransactionInProgressException" => {
                Self::Unavailable(Box::new(error))
            }
            _ => match error {
                SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => Self::Refused(Box::new(error)),
                _ => Self::Unavailable(Box::new(error)),
            },
        }
    }
}
