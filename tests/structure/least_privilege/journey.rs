use std::collections::BTreeSet;

use sporlog_local::iam::Used;

use crate::docs::PAGES;
use crate::harness::System;

/// Does everything that Sporlog does, and tells what of its policies that used. Nothing may be refused.
pub(super) async fn everything() -> BTreeSet<Used> {
    let mut used = BTreeSet::new();
    // Every operation of the API, as its page has it.
    for page in &PAGES {
        let system = System::start().await;
        assert_eq!(page.run(&system).await, None);
        used.extend(leave(system).await);
    }
    used
}

async fn leave(system: System) -> BTreeSet<Used> {
    system.finish_runs().await;
    let iam = system.stack.iam.clone();
    system.stop().await;
    assert_eq!(iam.refused(), []);
    iam.used()
}
