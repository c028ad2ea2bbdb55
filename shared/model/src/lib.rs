//! The domain of Sporlog, pure: no AWS, no HTTP, no async runtime.
//!
//! Owns what an audit event is ([`Event`]), how a FOLIO payload becomes one ([`folio`]), how events become export lines,
//! segments and digests ([`export`]), what the record of an export to Bufdir may become ([`bufdir`]), and the validated ids, instants and names all of these are made of.
//! Must not know how anything is stored, sent or authorized.
//!
//! Start with [`Event`], then [`folio::parse_event`] for the way in and [`export::Segment`] for the way out.

mod api_key;
pub mod bufdir;
mod clock;
mod destination;
mod entity;
mod error;
mod event;
pub mod export;
pub mod folio;
mod idempotency;
mod ids;
mod instant;
mod json;
mod kms_key;
mod kyc;
mod name;
mod piece_status;
mod retention;
pub mod settings;

pub use api_key::{ApiKeyHash, ApiKeySecret, NoRandomNumbers};
pub use clock::{Clock, elapsed_ms};
pub use destination::{AwsRegion, BucketName, Destination, ExternalId, InvalidDestination, KeyPrefix, RoleArn};
pub use entity::{EntityType, Source};
pub use error::{Classified, ErrorKind, error_chain};
pub use event::{Action, Actor, Event, RecordedEvent};
pub use idempotency::{IdempotencyKey, RequestDigest};
pub use ids::{ApiKeyId, CaseId, EntityId, EventId, ExportConfigId, InvalidId, OrgId, RunId};
pub use instant::{Day, Instant, InvalidInstant};
pub use json::{InvalidJson, JsonObject};
pub use kms_key::KmsKey;
pub use kyc::{CaseAction, CaseChange, CaseEntry, CaseLabel, CaseText};
pub use name::{InvalidName, Name};
pub use piece_status::{PieceStatus, status_changes};
pub use retention::{RetentionDays, RetentionGroup, aged_from};
