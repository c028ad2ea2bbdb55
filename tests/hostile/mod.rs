//! A hostile world: faults by chance under load, an outage, a flood.
//!
//! Each test has a short form and, with the feature `long`, a long one: the same code with larger numbers ([`size`]). Each prints a
//! line with its figures, which `docs/reliability.md` quotes.

mod clerks;
mod faults;
mod flood;
mod outage;
mod size;
mod tally;
mod world;
