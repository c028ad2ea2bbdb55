//! The functions by name, behind the limits that Lambda puts around every invocation.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use lambda_runtime::layers::trace::request_span;
use lambda_runtime::{Config, Context};
use serde::de::IgnoredAny;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{Function, FunctionError};
use crate::{
    clock,
    template::{ACCOUNT, REGION, Template},
};

/// The largest event of a synchronous invocation.
pub const MAX_REQUEST_BYTES: usize = 6_291_456;
/// The largest answer; Lambda allows a hundred bytes more than for the event.
pub const MAX_RESPONSE_BYTES: usize = 6_291_556;
/// The largest event of an asynchronous invocation.
pub const MAX_ASYNC_EVENT_BYTES: usize = 1_048_576;

/// A refused invocation: the function was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// No function has that name.
    #[error("Function not found: {arn}", arn = function_arn(.0))]
    NotFound(String),
    /// The event is larger than Lambda takes.
    #[error("{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)")]
    TooLarge {
        /// Bytes of the event.
        size: usize,
        /// Most bytes that are taken.
        limit: usize,
        /// The invocation type, as AWS names it.
        kind: &'static str,
    },
    /// The event is not JSON.
    #[error("Could not parse request body into json: {0}")]
    NotJson(String),
}

/// A function of the template that nothing implements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template.yaml names the function {logical_id}, but nothing implements its crate {binary}")]
pub struct MissingFunction {
    /// Its name in the template.
    pub logical_id: String,
    /// The crate that the template names.
    pub binary: String,
}

/// The functions of the process.
pub struct Registry {
    functions: BTreeMap<String, Entry>,
    /// Every invocation runs in a task of its own: one whose caller has gone still ends, as in AWS.
    running: TaskTracker,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.functions.keys()).finish()
    }
}

struct Entry {
    function: Arc<dyn Function>,
    timeout: Duration,
    config: Arc<Config>,
}

/// The ARN of a local function.
pub fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

impl Registry {
    /// The functions of the template, each with the implementation of its crate.
    ///
    /// # Errors
    /// When a function of the template has none.
    pub fn new(template: &Template, crates: &BTreeMap<String, Arc<dyn Function>>) -> Result<Self, MissingFunction> {
        let mut functions = BTreeMap::new();
        for spec in &template.functions {
            let function = crates
                .get(&spec.binary)
                .cloned()
                .ok_or_else(|| MissingFunction { logical_id: spec.logical_id.clone(), binary: spec.binary.clone() })?;
            let config = Config {
                function_name: spec.logical_id.clone(),
                memory: i32::try_from(spec.memory_mb).unwrap_or(i32::MAX),
                version: "$LATEST".to_owned(),
                log_stream: "local".to_owned(),
                log_group: format!("/aws/lambda/{}", spec.logical_id),
            };
            functions
                .insert(spec.logical_id.clone(), Entry { function, timeout: spec.timeout, config: Arc::new(config) });
        }
        Ok(Self { functions, running: TaskTracker::new() })
    }

    /// Whether an event may be given to a function, before it is.
    ///
    /// # Errors
    /// When the function does not exist, the event is larger than `limit`, or it is not JSON.
    pub fn check(&self, name: &str, event: &[u8], limit: usize) -> Result<(), InvokeError> {
        self.entry(name)?;
        if event.len() > limit {
            let kind = if limit == MAX_ASYNC_EVENT_BYTES { "Event" } else { "RequestResponse" };
            return Err(InvokeError::TooLarge { size: event.len(), limit, kind });
        }
        if !event.is_empty() {
            serde_json::from_slice::<IgnoredAny>(event).map_err(|error| InvokeError::NotJson(error.to_string()))?;
        }
        Ok(())
    }

    /// Invokes a function and waits for its answer.
    ///
    /// # Errors
    /// The outer error is a refusal: nothing ran. The inner one is the function's own failure, its timeout, its panic, or an answer that
    /// is too large.
    pub async fn invoke(&self, name: &str, event: Bytes) -> Result<Result<Bytes, FunctionError>, InvokeError> {
        self.check(name, &event, MAX_REQUEST_BYTES)?;
        let entry = self.entry(name)?;
        let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
        let context = context(&entry.config, entry.timeout);
        let request_id = context.request_id.clone();
        let (function, timeout) = (Arc::clone(&entry.function), entry.timeout);
        // The one that `lambda_runtime` opens: lines tell the request's id here as there.
        let span = request_span(&context);
        let invocation = async move { tokio::time::timeout(timeout, function.invoke(event, context)).await };
        let task = self.running.spawn(invocation.instrument(span));
        Ok(match task.await {
            Ok(Ok(Ok(answer))) if answer.len() > MAX_RESPONSE_BYTES => Err(FunctionError::new(
                "Function.ResponseSizeTooLarge",
                format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."),
            )),
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(FunctionError::new(
                "Sandbox.Timedout",
                format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64()),
            )),
            Err(stopped) => Err(panic_error(stopped)),
        })
    }

    /// Waits until no invocation is running. What is started afterwards is not waited for.
    pub async fn drained(&self) {
        self.running.close();
        self.running.wait().await;
    }

    fn entry(&self, name: &str) -> Result<&Entry, InvokeError> {
        self.functions.get(name).ok_or_else(|| InvokeError::NotFound(name.to_owned()))
    }
}

fn context(config: &Arc<Config>, timeout: Duration) -> Context {
    let deadline_ms = u128::from(clock::now().as_millisecond().unsigned_abs()) + timeout.as_millis();
    let mut context = Context::default();
    context.request_id = Uuid::new_v4().to_string();
    context.deadline = u64::try_from(deadline_ms).unwrap_or(u64::MAX);
    context.invoked_function_arn = function_arn(&config.function_name);
    context.env_config = Arc::clone(config);
    context
}

/// What `lambda_runtime` answers when a handler panics.
fn panic_error(stopped: tokio::task::JoinError) -> FunctionError {
    let message = match stopped.try_into_panic() {
        Ok(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(message), _) => format!("Lambda panicked: {message}"),
            (_, Some(message)) => format!("Lambda panicked: {message}"),
            _ => "Lambda panicked".to_owned(),
        },
        Err(cancelled) => format!("the process is stopping: {cancelled}"),
    };
    FunctionError::new(std::any::type_name::<Box<dyn Any + Send>>(), message)
}
