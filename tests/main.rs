//! Tests across crates, against the real engines: nothing of ours is mocked, every test has a system of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should; Clippy knows only the functions marked as tests"
)]

mod acquisition;
mod audit_config;
mod audit_export;
mod authorization;
mod bufdir;
mod docs;
mod export;
mod fuzz;
mod harness;
mod hostile;
mod ingest;
mod kyc;
mod lines;
mod openapi;
mod organizations;
mod restore;
mod retention;
#[cfg(feature = "second-opinion")]
mod second_opinion;
mod smoke;
mod store;
mod structure;
mod verify;
