//! What the HTTP functions share.
//!
//! Owns who is calling ([`Caller`]), how a body is read ([`JsonBody`]), how an error leaves ([`ApiError`], [`ErrorShape`]) and the layer around every group's
//! router ([`group`]). Must not know the store, nor any group's resources.
//!
//! Architecture invariant: a handler says what went wrong ([`ApiError`]); the group's shape, chosen once in [`group`], says
//! how that looks. No handler writes an error body.

mod caller;
mod error;
mod folio_caller;
mod group;
mod idempotency;
mod json_body;
mod query;
mod shape;

pub use caller::Caller;
pub use error::ApiError;
pub use folio_caller::FolioCaller;
pub use group::{LONGEST_WORK, Rows, group};
pub use idempotency::Idempotency;
pub use json_body::{JsonBody, Members, RequestBody};
pub use query::{OutOfRange, QueryParameters};
pub use shape::ErrorShape;
