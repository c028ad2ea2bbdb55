//! A flood.
