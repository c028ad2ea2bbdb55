//! The `sporlog` command as somebody uses it: real processes, ports, signals and files.

#![allow(
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should; Clippy knows only the functions marked as tests"
)]

mod commands;
mod crash;
mod log;
mod restore;
mod server;
mod start;
mod verify;
mod walk;
