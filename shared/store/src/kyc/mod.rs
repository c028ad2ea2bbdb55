//! The logs of KYC cases: numbered entries, so that any page is one query between two keys.
//!
//! The entries of a case have the numbers 1, 2, 3 and so on in the order in which the log took them, and those of each action
//! have numbers of their own. The head of the case knows the last number and how many of the oldest entries retention has
//! deleted; what lies between is there, without gaps. Start with `append.rs`, the one way in.
//!
//! Architecture invariant: `removed` and `removed_<ACTION>` are raised in one write, before the rows that they stand for go.
//! So a row that is missing above them is damage, whoever reads meanwhile.

mod append;
mod batch;
mod head;
mod item;
mod page;
mod rows;
mod status;

pub use append::{CaseAppend, CaseReceipt, MAX_CASE_ACTIONS, MAX_CASE_ENTRIES};
pub(crate) use batch::CaseBatch;
pub(crate) use head::{CaseHead, removed_of};
pub use page::{CasePage, CasePageQuery};
pub use status::{CaseStatus, CaseStatuses};
