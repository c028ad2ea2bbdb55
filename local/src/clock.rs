//! The time of the stand-ins for AWS.

use jiff::Timestamp;

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "what stands in for AWS has AWS's clock: the wall's, not one that a function could be given"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
