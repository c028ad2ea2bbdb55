//! The whole system on one machine: what `template.yaml` describes, run in one process.

mod clock;
pub mod dynamodb;
pub mod functions;
pub mod gateway;
pub mod invoke;
pub mod queue;
pub mod scheduler;
pub mod template;
