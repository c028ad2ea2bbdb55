use aws_sdk_dynamodb::config::retry::RetryConfig;
use sporlog_auth::TenantScope;
use sporlog_model::{Clock, IdempotencyKey, Instant, RecordedEvent, RequestDigest};
use sporlog_store::{CaseAppend, CasePageQuery, NamedRequest, Operation, Store, StoreError};

use super::{case, change};
use crate::harness::Fault::{Hold, InternalError, LostAnswer, Throttle, TransactionConflict};
use crate::harness::{Fault, Faults, System, dynamodb, scope_of, soon};

/// A store that reaches the engine through `faults`.
fn store_behind(system: &System, faults: &Faults, retry: RetryConfig) -> Store {
    let endpoints = faults.endpoints();
    let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Store::new(dynamodb(&system.environment(&endpoints), retry), "Table", Clock::system())
}

/// Appends the entries of these numbers to case 42.
async fn append(
    store: &Store,
    scope: &TenantScope,
    numbers: std::ops::Range<usize>,
    name: Option<&str>,
) -> Result<CaseAppend, StoreError> {
    let now = Clock::system().now();
    let changes: Vec<_> = numbers.map(|number| change(number, now)).collect();
    let request = name.map(|name| NamedRequest {
        operation: Operation::AppendCaseAuditLog,
        key: IdempotencyKey::parse(name).unwrap(),
        digest: RequestDigest::of(&name),
    });
    store.append_case_entries(scope, case(42), &changes, now, request.as_ref()).await
}

/// The numbers in the log of case 42, oldest first, and their ids; the feed has the same.
async fn log(system: &System, scope: &TenantScope) -> (Vec<usize>, Vec<u64>) {
    let store = &system.stack.store;
    let query = CasePageQuery { action: None, page: 1, size: 100 };
    let page = store.case_page(scope, case(42), &query).await.unwrap();
    let mut entries = page.map(|page| page.entries).unwrap_or_default();
    entries.reverse();
    let number = |text: &str| text.parse::<usize>().unwrap();
    let numbers = entries.iter().map(|entry| number(entry.change.new_value.as_ref().unwrap().as_str())).collect();

    let mut feed: Vec<RecordedEvent> = Vec::new();
    for day in store.feed_days(scope, Instant::MIN, Instant::MAX).await.unwrap() {
        let mut events = store.feed(scope, day, Instant::MIN, Instant::MAX);
        while let Some(event) = events.next().await.unwrap() {
            feed.push(event);
        }
    }
    let in_feed = feed.iter().map(|recorded| {
        let data: serde_json::Value = serde_json::from_str(recorded.event.data.as_ref().unwrap().as_str()).unwrap();
        number(data["newValue"].as_str().unwrap())
    });
    assert_eq!(in_feed.collect::<Vec<_>>(), numbers);
    (numbers, entries.iter().map(|entry| entry.id).collect())
}

fn first_id(appended: &CaseAppend) -> u64 {
    match appended {
        CaseAppend::Appended(receipt) => receipt.first_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_gets_through_what_passes_and_is_there_once() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let cases: &[(&str, &[Fault])] = &[
        ("TransactWriteItems", &[TransactionConflict; 3]),
        ("TransactWriteItems", &[Throttle, InternalError]),
        ("TransactWriteItems", &[LostAnswer]),
        ("TransactWriteItems", &[LostAnswer; 3]),
        ("TransactWriteItems", &[TransactionConflict, LostAnswer]),
        ("TransactWriteItems", &[LostAnswer, TransactionConflict]),
        ("TransactWriteItems", &[LostAnswer, Throttle, InternalError]),
        ("UpdateItem", &[LostAnswer, Throttle]),
        ("GetItem", &[LostAnswer, InternalError]),
        ("PutItem", &[LostAnswer]),
    ];
    for (number, (operation, met)) in cases.iter().enumerate() {
        for name in [None, Some("a-name")] {
            let (org, case) = (format!("org-{number}-{}", name.is_some()), format!("{operation} {met:?} {name:?}"));
            let (scope, store) = (scope_of(&org), store_behind(&system, &faults, soon()));
            faults.on(operation, met.iter().copied());
            let one = append(&store, &scope, 0..3, name).await.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(faults.clear(), 0, "{case}");
            let two = append(&store, &scope, 3..5, None).await.unwrap();
            let (numbers, ids) = log(&system, &scope).await;
            assert_eq!(numbers, [0, 1, 2, 3, 4], "{case}");
            let (one, two) = (first_id(&one), first_id(&two));
            assert_eq!(ids, [one, one + 1, one + 2, two, two + 1], "{case}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_is_lost_is_recognized_behind_a_rival() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    for name in [None, Some("a-name")] {
        let scope = scope_of(&format!("org-{}", name.is_some()));
        let store = store_behind(&system, &faults, soon());
        append(&system.stack.store, &scope, 0..1, None).await.unwrap();
        // It is carried out; before it is sent as a new request (the SDK's own would have the old one's token), the rival gets
        // in behind it.
        faults.on("TransactWriteItems", [LostAnswer, TransactionConflict, Hold]);
        let rival = async {
            append(&system.stack.store, &scope, 10..12, None).await.unwrap();
        };
        let (ours, held) = Box::pin(faults.hold(append(&store, &scope, 1..3, name), rival)).await;
        assert!(held);
        let (numbers, ids) = log(&system, &scope).await;
        assert_eq!(numbers, [0, 1, 2, 10, 11]);
        assert_eq!(ids[1], first_id(&ours.unwrap()));
        faults.clear();
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_a_rival_overtakes_goes_behind_it_with_higher_ids() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let (scope, store) = (scope_of("a"), store_behind(&system, &faults, soon()));
    for (round, name) in [None, Some("a-name")].into_iter().enumerate() {
        faults.on("TransactWriteItems", [Hold]);
        let from = round * 10;
        let rival = async {
            append(&system.stack.store, &scope, from + 5..from + 7, None).await.unwrap();
        };
        let (ours, held) = Box::pin(faults.hold(append(&store, &scope, from..from + 2, name), rival)).await;
        assert!(held);
        let (numbers, ids) = log(&system, &scope).await;
        assert_eq!(numbers[round * 4..], [from + 5, from + 6, from, from + 1]);
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[round * 4 + 2], first_id(&ours.unwrap()));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_append_that_seemed_to_fail_is_done_once_when_it_comes_again() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    for (number, fault) in [LostAnswer, InternalError, Throttle].into_iter().enumerate() {
        let scope = scope_of(&format!("org-{number}"));
        let store = store_behind(&system, &faults, RetryConfig::disabled());
        faults.on("TransactWriteItems", [fault]);
        let error = append(&store, &scope, 0..3, Some("a-name")).await.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error:?}");
        let again = append(&store, &scope, 0..3, Some("a-name")).await.unwrap();
        let (numbers, ids) = log(&system, &scope).await;
        assert_eq!((numbers, ids[0]), (vec![0, 1, 2], first_id(&again)), "{fault:?}");
    }
    system.stop().await;
}
