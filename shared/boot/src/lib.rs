//! How a process starts, once, before its first event: [`Environment`], [`Aws`], [`init_logging`]; and how it tells what
//! somebody should be woken for: [`Metrics`].
//!
//! Architecture invariant: nothing else in the workspace reads the environment (clippy's `disallowed-methods` holds it). A
//! function gets an [`Environment`], so the local run can start all of them in one process, each with its own.

mod aws;
mod environment;
mod logging;
mod metric;

pub use aws::{Aws, AwsService};
pub use environment::{Environment, EnvironmentError, Reader};
pub use logging::{INVOCATION_SPAN, OWN_TARGETS, init_logging, log_lines};
pub use metric::{METRIC_DIMENSION, METRIC_NAMESPACE, METRIC_TARGET, Metric, Metrics};
