//! The Lambda functions of the process, and Lambda's own behaviour around them: limits, timeouts, context, errors.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use lambda_runtime::{Context, Diagnostic};
use serde::{Deserialize, Serialize};

mod adapters;
mod registry;

pub use adapters::{from_service, http};
pub use registry::{
    InvokeError, MAX_ASYNC_EVENT_BYTES, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, MissingFunction, Registry, function_arn,
};

/// One Lambda function: an event in, an answer out, both JSON.
pub trait Function: Send + Sync {
    /// Answers one event. Dropping the future ends the work, as the end of a sandbox does.
    fn invoke(&self, event: Bytes, context: Context) -> BoxFuture<'_, Result<Bytes, FunctionError>>;
}

/// A failed invocation, in the shape that Lambda hands to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{error_type}: {error_message}")]
pub struct FunctionError {
    /// The kind of error; for a Rust error its type name.
    pub error_type: String,
    /// What went wrong.
    pub error_message: String,
}

impl FunctionError {
    /// An error of that type with that message.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }

    /// The body that a caller receives.
    pub fn to_body(&self) -> Bytes {
        Bytes::from(serde_json::json!({ "errorType": self.error_type, "errorMessage": self.error_message }).to_string())
    }
}

impl From<Diagnostic> for FunctionError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(diagnostic.error_type, diagnostic.error_message)
    }
}

#[cfg(test)]
mod tests;
