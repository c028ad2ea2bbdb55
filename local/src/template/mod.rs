//! `template.yaml` as the local run needs it: functions, routes, schedules, the table and the queues.
//!
//! The deployed stack and the local run read the same file, so a route or an environment variable exists in both or in neither. What
//! the local run has no use for (log groups, Kafka sources) is listed by name in `document.rs`; anything that is neither
//! read nor listed is an error that names its place.

use std::{collections::BTreeMap, time::Duration};

use crate::iam::Policy;

mod document;
mod properties;
mod rate;
mod resolve;

pub use document::TemplateError;
pub use resolve::Deployment;

/// The account number of everything local.
pub const ACCOUNT: &str = "000000000000";
/// The region of everything local.
pub const REGION: &str = "eu-north-1";

/// The template of this very build.
pub const EMBEDDED: &str = include_str!("../../../template.yaml");

/// What runs locally.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The functions, by logical id.
    pub functions: Vec<FunctionSpec>,
    /// The authorizers of the HTTP API, by name.
    pub authorizers: BTreeMap<String, AuthorizerSpec>,
    /// The tables, by logical id.
    pub tables: Vec<TableSpec>,
    /// The queues, by logical id.
    pub queues: Vec<QueueSpec>,
}

/// One Lambda function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSpec {
    /// Its name in the template, and locally the name by which it is invoked.
    pub logical_id: String,
    /// The crate in `functions/` that it is built from.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its memory in MB, told to the function and not enforced locally.
    pub memory_mb: u32,
    /// Its environment, intrinsics resolved.
    pub environment: BTreeMap<String, String>,
    /// What its role may do.
    pub policies: Vec<Policy>,
    /// The HTTP routes that it serves.
    pub routes: Vec<Route>,
    /// The schedules that start it.
    pub schedules: Vec<Schedule>,
    /// The queues that feed it.
    pub queue_sources: Vec<QueueSource>,
    /// What happens to an asynchronous invocation that fails.
    pub asynchronous: AsyncPolicy,
}

/// One route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method, upper case.
    pub method: String,
    /// The path, with `{name}` for a segment that varies.
    pub path: String,
    /// The name of the authorizer that is asked first.
    pub authorizer: Option<String>,
}

/// One schedule of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The name of the event in the template.
    pub name: String,
    /// The time between two starts.
    pub every: Duration,
    /// The event that the function receives instead of the scheduler's own.
    pub input: Option<String>,
}

/// A queue whose messages a function receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSource {
    /// Logical id of the queue.
    pub queue: String,
    /// Most messages in one invocation.
    pub batch_size: usize,
    /// Whether the answer names the messages that failed. Without it a batch succeeds or fails as a whole.
    pub reports_item_failures: bool,
}

/// What Lambda does with an asynchronous invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncPolicy {
    /// Attempts after the first one.
    pub retries: u32,
    /// Logical id of the queue that receives what failed for good.
    pub on_failure: Option<String>,
}

/// A Lambda authorizer (REQUEST, payload 2.0, simple responses).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizerSpec {
    /// The header that carries the credential, lower case: its identity source and the key of its cache.
    pub identity_header: String,
    /// Logical id of the function that answers.
    pub function: String,
    /// How long an answer is kept; zero keeps none.
    pub ttl: Duration,
}

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// Its name in the template, and locally the name of the table.
    pub logical_id: String,
    /// The body of the `CreateTable` request.
    pub create: serde_json::Value,
    /// The attribute that says when an item expires.
    pub ttl_attribute: Option<String>,
}

/// An SQS queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name in the template, and locally the name of the queue.
    pub logical_id: String,
    /// How long a received message stays hidden.
    pub visibility_timeout: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Where a message goes that was received too often.
    pub redrive: Option<Redrive>,
}

/// The dead-letter rule of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Logical id of the dead-letter queue.
    pub queue: String,
    /// Receives after which a message is moved.
    pub max_receives: u32,
}

impl Template {
    /// Reads the template of this build.
    ///
    /// # Errors
    /// When something in it is not understood, see [`TemplateError`].
    pub fn embedded(deployment: &Deployment) -> Result<Self, TemplateError> {
        document::read(EMBEDDED, deployment)
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// When it is not YAML, or something in it is not understood, see [`TemplateError`].
    pub fn parse(text: &str, deployment: &Deployment) -> Result<Self, TemplateError> {
        document::read(text, deployment)
    }

    /// The function of that logical id.
    pub fn function(&self, logical_id: &str) -> Option<&FunctionSpec> {
        self.functions.iter().find(|function| function.logical_id == logical_id)
    }
}

#[cfg(test)]
mod tests;
