//! The whole template on `MiniStack`: SAM's translator expands it, CloudFormation creates it, and the functions are the executables that
//! Lambda would start, each in a process and with the session of its own role.
//!
//! `docs/second-opinion.md`, "The whole template", tells what of it has no meaning there.

mod hosted;
mod openapi;
mod stack;
mod template;

pub(crate) use stack::Deployed;
