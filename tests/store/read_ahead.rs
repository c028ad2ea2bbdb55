//! A page of the feed that is read ahead, and fails.

use std::iter::repeat_n;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use sporlog_model::{EntityType, Instant, RecordedEvent};
use sporlog_store::{Feed, StoreError};

use super::faults::store_behind;
use super::{ORDER, feed};
use crate::harness::Fault::{InternalError, LostAnswer, Pass, Throttle};
use crate::harness::{Faults, FolioEvent, ManualClock, System, scope_of, store};

/// What the feed reads of a shard at a time.
const PAGE: usize = 250;
/// Two full pages and a part of a third.
const EVENTS: usize = 620;

/// The events up to the end, or up to an error.
async fn read_on(feed: &mut Feed) -> (Vec<RecordedEvent>, Option<StoreError>) {
    let mut events = Vec::new();
    loop {
        match feed.next().await {
            Ok(Some(recorded)) => events.push(recorded),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_is_an_error_and_never_the_end() {
    let system = System::start().await;
    let clock = ManualClock::at("2026-03-01T10:00:00Z");
    let direct = store(&system.environment(&[]), clock.clock());
    let (scope, day) = (scope_of("a"), clock.now().day());
    // One entity, so one shard.
    for n in 0..EVENTS {
        direct.append(&scope, &FolioEvent::nth(EntityType::Order, ORDER, n).event()).await.unwrap();
        clock.advance(Duration::from_micros(1));
    }
    let faults = Faults::before(&system.stack).await;
    // Nothing is tried again, so each fault is met by whoever asked.
    let store = store_behind(&system, &faults, RetryConfig::disabled());
    let all = feed(&store, &scope, day).await.unwrap();
    let instants: Vec<Instant> = all.iter().map(|event| event.recorded_at).collect();
    assert!(all.len() == EVENTS && instants.is_sorted(), "{}", all.len());
    let queries = faults.operations().len();
    assert_eq!(faults.operations(), vec!["Query"; queries]);

    for (number, fault) in (0..queries).zip([Throttle, InternalError, LostAnswer].into_iter().cycle()) {
        faults.on("Query", repeat_n(Pass, number).chain([fault]));
        let mut failing = store.feed(&scope, day, Instant::MIN, Instant::MAX);
        let (before, error) = read_on(&mut failing).await;
        let error = error.unwrap_or_else(|| panic!("query {number} failed, and the feed ended after {}", before.len()));
        assert!(error.is_transient(), "{error:?}");
        // The first pages are asked for at once and arrive in any order; the last one is behind all others.
        assert!(before.len() % PAGE == 0 && before == all[..before.len()], "query {number}: {}", before.len());
        assert!(number + 1 < queries || before.len() == 2 * PAGE, "query {number}: {}", before.len());
        // Where it failed it goes on, and a new one has everything.
        let (rest, error) = read_on(&mut failing).await;
        assert!(error.is_none() && rest == all[before.len()..], "query {number}: {error:?}");
        assert_eq!(faults.clear(), 0);
        assert_eq!(feed(&store, &scope, day).await.unwrap(), all);
    }
    system.stop().await;
}
