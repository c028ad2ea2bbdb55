//! A system of its own for each test, the callers who use it, and what looks at it from outside.

mod api_key;
mod captured;
pub(crate) mod contract;
mod engine;
mod faults;
mod filling;
mod folio;
mod kafka;
mod log_lines;
mod meter;
mod queue;
mod system;

pub(crate) use captured::Captured;
pub(crate) use engine::{ManualClock, dynamodb, soon, store, store_of};
pub(crate) use faults::{Chance, Fault, Faults};
pub(crate) use filling::{incompressible, random_base64, repetitive};
pub(crate) use folio::{FolioEvent, SAMPLES, in_batch};
pub(crate) use kafka::{kafka_event, kafka_record, topic};
pub(crate) use log_lines::LogLines;
pub(crate) use meter::Meter;
#[cfg(feature = "second-opinion")]
pub(crate) use system::Place;
pub(crate) use system::{Answer, Caller, NOBODY, System, answer, org, scope_of};
