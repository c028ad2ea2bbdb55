//! A system of its own for each test, the callers who use it, and what looks at it from outside.

mod folio;
mod meter;
mod system;

pub(crate) use folio::{FolioEvent, SAMPLES};
pub(crate) use meter::Meter;
pub(crate) use system::{Answer, Caller, System, org};
