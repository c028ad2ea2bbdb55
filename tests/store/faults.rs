use std::iter::repeat_n;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use sporlog_model::{Clock, Day, EntityType};
use sporlog_store::{Appended, SortField, Store, StoreError};

use super::{ORDER, counts, feed, history, history_by, whole_feed};
use crate::harness::Fault::{InternalError, LostAnswer, Throttle, TransactionConflict};
use crate::harness::{Fault, Faults, FolioEvent, System, dynamodb, scope_of, soon};

/// More than anything tries.
const FOREVER: usize = 100_000;

/// A store that reaches the engine through `faults`.
pub(super) fn store_behind(system: &System, faults: &Faults, retry: RetryConfig) -> Store {
    let endpoints = faults.endpoints();
    let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Store::new(dynamodb(&system.environment(&endpoints), retry), "Table", Clock::system())
}

/// What must be there after an event was sent any number of times in any way: the event, once.
async fn assert_stored_once(system: &System, org: &str, case: &str) {
    let (store, scope) = (&system.stack.store, scope_of(org));
    let page = history(store, &scope, ORDER).await.unwrap();
    assert_eq!((page.total, page.events.len()), (1, 1), "{case}");
    assert_eq!(whole_feed(store, &scope).await, page.events, "{case}");
    assert_eq!(counts(system, org, ORDER).await["total_Edit"], 1, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_gets_through_what_passes() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let cases: &[(&str, &[Fault])] = &[
        ("TransactWriteItems", &[TransactionConflict]),
        ("TransactWriteItems", &[TransactionConflict; 8]),
        ("TransactWriteItems", &[Throttle, Throttle, Throttle]),
        ("TransactWriteItems", &[InternalError, InternalError]),
        ("TransactWriteItems", &[LostAnswer]),
        ("TransactWriteItems", &[LostAnswer, LostAnswer]),
        ("TransactWriteItems", &[TransactionConflict, LostAnswer]),
        ("TransactWriteItems", &[LostAnswer, TransactionConflict]),
        ("TransactWriteItems", &[LostAnswer, Throttle, InternalError]),
        ("PutItem", &[Throttle, InternalError, LostAnswer]),
    ];
    for (number, (operation, met)) in cases.iter().enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{operation} {met:?}"));
        let (scope, event) = (scope_of(&org), FolioEvent::of(EntityType::Order, ORDER).event());
        let store = store_behind(&system, &faults, soon());
        faults.on(operation, met.iter().copied());
        store.append(&scope, &event).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(faults.clear(), 0, "{case}");
        assert_stored_once(&system, &org, &case).await;
        assert_eq!(store.append(&scope, &event).await.unwrap(), Appended::Duplicate, "{case}");
        assert_stored_once(&system, &org, &case).await;
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_does_not_get_through_may_be_sent_again() {
    type Expected = fn(&StoreError) -> bool;
    let throttled: Expected = |error| matches!(error, StoreError::Throttled(_));
    let unavailable: Expected = |error| matches!(error, StoreError::Unavailable(_));
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let cases = [
        ("TransactWriteItems", Throttle, throttled),
        ("TransactWriteItems", InternalError, unavailable),
        ("TransactWriteItems", LostAnswer, unavailable),
        // Tried for ten seconds.
        ("TransactWriteItems", TransactionConflict, throttled),
        ("PutItem", Throttle, throttled),
        ("PutItem", LostAnswer, unavailable),
    ];
    for (number, (operation, fault, expected)) in cases.into_iter().enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{operation} {fault:?}"));
        let (scope, event) = (scope_of(&org), FolioEvent::of(EntityType::Order, ORDER).event());
        let store = store_behind(&system, &faults, RetryConfig::disabled());
        faults.on(operation, repeat_n(fault, FOREVER));
        let error = store.append(&scope, &event).await.expect_err(&case);
        assert!(expected(&error) && error.is_transient(), "{case}: {error:?}");
        faults.clear();
        store.append(&scope, &event).await.unwrap();
        assert_stored_once(&system, &org, &case).await;
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_is_an_error_and_never_an_empty_answer() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let store = store_behind(&system, &faults, RetryConfig::disabled());
    let scope = scope_of("a");
    store.append(&scope, &FolioEvent::of(EntityType::Order, ORDER).event()).await.unwrap();
    let day: Day = Clock::system().now().day();
    for fault in [Throttle, InternalError, LostAnswer] {
        for operation in ["GetItem", "Query", "BatchGetItem"] {
            // All of them: a read asks for several at once, and what it has given up may still arrive.
            faults.on(operation, repeat_n(fault, FOREVER));
            let error = history_by(&store, &scope, ORDER, SortField::Action).await.unwrap_err();
            assert!(error.is_transient(), "{operation} {fault:?}: {error:?}");
            faults.clear();
        }
        faults.on("Query", repeat_n(fault, FOREVER));
        assert!(feed(&store, &scope, day).await.unwrap_err().is_transient(), "{fault:?}");
        faults.on("GetItem", repeat_n(fault, FOREVER));
        assert!(store.export_state(&scope).await.unwrap_err().is_transient(), "{fault:?}");
        faults.clear();
    }
    assert_eq!(history_by(&store, &scope, ORDER, SortField::Action).await.unwrap().events.len(), 1);
    system.stop().await;
}
