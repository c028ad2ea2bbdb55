//! The API's description: that what is served is made from its sources, says what the template says, and is whole.
//!
//! Whether it is true is asked of every answer that any test receives (`harness/contract.rs`).

mod assembly;
mod examples;
mod served;
mod structure;
