//! Empty: this package holds the tests in `main.rs` and beside it.
