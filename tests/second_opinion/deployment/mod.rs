//! The whole template on `MiniStack`: SAM's translator expands it, CloudFormation creates it, and the functions are the executables that
//! Lambda would start, each in a process and with the session of its own role.
//!
//! `docs/second-opinion.md`, "The whole template", tells what of it has no meaning there.

mod export;
mod hosted;
mod openapi;
mod rights;
mod stack;
mod template;

use std::time::Duration;

pub(crate) use stack::Deployed;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
