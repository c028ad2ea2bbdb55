//! The SQS of the local run: the queues of the template, their wire protocol, and what feeds their messages to functions.

mod digest;
mod message;
mod poller;
mod protocol;
mod store;
mod wire;

pub use message::{MAX_MESSAGE_BYTES, Message, MessageAttribute};
pub use poller::{Poller, run_pollers};
pub use protocol::router;
pub use store::{QueueError, Queues};

#[cfg(test)]
mod tests;
