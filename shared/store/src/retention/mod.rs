//! Deletes what an organization's retention periods no longer allow: a group at a time, in transactions of about twenty
//! events each, so that counts are exact at every point and a sweep that is cut goes on where it was.
//!
//! An event's age counts from when it happened. Nothing is indexed by that; instead a sweep reads
//!
//! - the feed, from where the last sweep ended up to the age that is to go, and an hour further for events that were recorded
//!   within an hour of happening;
//! - the rows of events that were recorded later than that after they happened ([`crate::keys::late`]).
//!
//! So it costs what it deletes, an hour of feed, and once what other groups keep of the feed; not what is kept of its own.
//!
//! Architecture invariant: what an enabled export has not delivered stays, and so does what a planned segment holds; a
//! transaction that deletes for a switched-off export checks that it still is. Otherwise the export could not finish its plan.

mod acquisition;
mod due;
mod floor;
mod kyc;
mod pass;
mod sweep;

pub use due::DueRetention;
pub use sweep::SweepOutcome;
