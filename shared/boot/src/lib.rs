//! How a process starts, once, before its first event: [`Environment`], [`Aws`], [`init_logging`].
//!
//! Architecture invariant: nothing else in the workspace reads the environment (clippy's `disallowed-methods` holds it). A
//! function gets an [`Environment`], so the local run can start all of them in one process, each with its own.

mod aws;
mod environment;
mod logging;

pub use aws::{Aws, AwsService};
pub use environment::{Environment, EnvironmentError, Reader};
pub use logging::{OWN_TARGETS, init_logging};
