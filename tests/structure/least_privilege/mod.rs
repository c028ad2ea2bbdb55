//! The policies of the template grant what the functions do, and nothing else.

mod document;
mod grants;
mod journey;
mod refusals;
mod roles;

use self::grants::{differences, local_template};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_what_is_used() {
    let differences = differences(&local_template(), &journey::everything().await);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}
