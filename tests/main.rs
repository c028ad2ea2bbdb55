//! Tests across crates, against the real engines: nothing of ours is mocked, every test has a system of its own.

mod harness;
mod smoke;
