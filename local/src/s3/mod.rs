//! The local stand-in for Amazon S3 and AWS STS: one `SQLite` file, one port.
//!
//! It owns buckets, objects, roles and temporary credentials, and refuses what AWS refuses, with AWS's own codes. The
//! protocol and the `SigV4` verification are those of `s3s`. It must not know anything about Sporlog: to the rest of the
//! system it is AWS behind another endpoint.
//!
//! The way of a request: [`server`] → [`gate`] (whose key, which session, which region) → `s3s` (signature) →
//! [`access`] (may they) → [`service`] (the S3 operations) or [`sts`] (`AssumeRole`, `GetCallerIdentity`). Start there.

mod access;
mod attributes;
mod buckets;
mod checksum;
mod gate;
mod identity;
mod listing;
mod objects;
mod put;
mod read;
mod refusal;
mod roles;
mod server;
mod service;
mod sessions;
mod storage;
mod sts;
mod sts_form;
mod sts_xml;

#[cfg(test)]
mod tests;

pub use objects::{ListedObject, StoredObject};
pub use roles::{Deny, RoleArn, RoleDefinition};
pub use server::{Clock, Server};
pub use storage::{Storage, StorageError};

/// The region that the local run uses unless it is told otherwise, and in which [`Storage::define_role`] creates buckets.
pub const DEFAULT_REGION: &str = "eu-north-1";

/// The account that owns everything here.
pub const ACCOUNT_ID: &str = "000000000000";

/// The access key of the administrator, who may do everything. Public knowledge: this engine listens on loopback.
pub const ROOT_ACCESS_KEY: &str = "sporlog";

/// The secret key that goes with [`ROOT_ACCESS_KEY`].
pub const ROOT_SECRET_KEY: &str = "sporlog-local";
