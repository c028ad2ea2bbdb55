//! The whole system on one machine: what `template.yaml` describes, run in one process.
//!
//! [`stack::Stack`] starts it, for the `sporlog` command and for tests. The engines under it stand in for AWS and know
//! nothing of Sporlog: [`dynamodb`], [`s3`] (with STS), [`queue`], [`kms`], [`invoke`] (Lambda), [`gateway`] (API Gateway),
//! [`scheduler`], and [`iam`], which they ask what a function may do; routes, tables, queues, schedules and policies come from
//! [`template`].

pub mod bucket_end;
pub mod cli;
mod clock;
pub mod demo;
pub mod dynamodb;
pub mod functions;
pub mod gateway;
pub mod iam;
pub mod identity;
mod in_flight;
pub mod invoke;
mod key_file;
pub mod kms;
pub mod queue;
pub mod s3;
pub mod scheduler;
pub mod stack;
pub mod template;
