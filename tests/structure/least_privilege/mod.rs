//! The policies of the template grant what the functions do, and nothing else.

mod grants;
mod journey;
mod refusals;
mod roles;

use std::collections::BTreeSet;

use sporlog_local::iam::Used;

use self::grants::differences;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_what_is_used() {
    let used: BTreeSet<Used> = journey::everything().await;
    for u in &used { eprintln!("USED {} {} {} {:?}", u.function, u.sid, u.action, u.leading_keys); }
    let differences = differences(&grants::local_template(), &used);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}
