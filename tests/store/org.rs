use sporlog_auth::KeyScope;
use sporlog_model::{Actor, ApiKeySecret, Clock, Name};
use sporlog_store::{ApiKeyCreation, NewApiKey, PutOrganization, Store, StoreError};

use super::whole_feed;
use crate::harness::Fault::{InternalError, LostAnswer, Throttle, TransactionConflict};
use crate::harness::{Fault, Faults, System, dynamodb, scope_of, soon};

fn new_key() -> NewApiKey {
    NewApiKey { name: Name::parse("a").unwrap(), scopes: [KeyScope::KycRead].into(), expires_at: None }
}

/// Whatever a write meets on its way, the change and its event are both there, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_its_event_are_written_together_once() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let endpoints = faults.endpoints();
    let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let store = Store::new(dynamodb(&system.environment(&endpoints), soon()), "Table", Clock::system());
    let cases: [&[Fault]; 5] = [
        &[TransactionConflict; 4],
        &[Throttle, InternalError],
        &[LostAnswer],
        &[LostAnswer, LostAnswer],
        &[LostAnswer, TransactionConflict],
    ];
    for (number, met) in cases.into_iter().enumerate() {
        let (scope, by, secret) =
            (scope_of(&format!("org-{number}")), Actor::default(), ApiKeySecret::generate().unwrap());
        let meet = || faults.on("TransactWriteItems", met.iter().copied());
        meet();
        let put = store.put_organization(&scope, None, &by).await.unwrap();
        assert!(matches!(put, PutOrganization::Created(_)), "{met:?}");
        meet();
        let made = store.create_api_key(&scope, &secret, &new_key(), &by).await.unwrap();
        let ApiKeyCreation::Created(key) = made else { panic!("{met:?}: {made:?}") };
        assert_eq!(store.api_keys(&scope, None, 10).await.unwrap(), [*key.clone()], "{met:?}");
        meet();
        store.revoke_api_key(&scope, key.id, &by).await.unwrap();
        assert_eq!(faults.clear(), 0, "{met:?}");

        assert!(store.api_keys(&scope, None, 10).await.unwrap().is_empty(), "{met:?}");
        let known = store.api_key_by_hash(&secret.hash()).await.unwrap().unwrap();
        assert!(known.revoked_at.is_some() && !known.is_live(key.created_at), "{met:?}");
        let told: Vec<String> =
            whole_feed(&store, &scope).await.iter().map(|told| told.event.action.to_string()).collect();
        let mut told_in_any_order = told.clone();
        told_in_any_order.sort_unstable();
        assert_eq!(told_in_any_order, ["Create", "Create", "Revoke"], "{met:?}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_condition_does_not_hold_leaves_no_event() {
    let system = System::start().await;
    let (store, scope, by) = (&system.stack.store, scope_of("a"), Actor::default());
    let secret = ApiKeySecret::generate().unwrap();
    let made = store.create_api_key(&scope, &secret, &new_key(), &by).await.unwrap();
    assert!(matches!(made, ApiKeyCreation::NoOrganization));
    assert!(whole_feed(store, &scope).await.is_empty());
    assert!(store.api_key_by_hash(&secret.hash()).await.unwrap().is_none());

    store.put_organization(&scope, None, &by).await.unwrap();
    let ApiKeyCreation::Created(key) = store.create_api_key(&scope, &secret, &new_key(), &by).await.unwrap() else {
        panic!("the organization is registered");
    };
    // Another organization can neither revoke it nor tell that it exists.
    store.put_organization(&scope_of("b"), None, &by).await.unwrap();
    let other = store.revoke_api_key(&scope_of("b"), key.id, &by).await;
    assert!(matches!(other, Err(StoreError::NotFound)));
    // Of two who revoke it at once, one does.
    let (one, two) = tokio::join!(store.revoke_api_key(&scope, key.id, &by), store.revoke_api_key(&scope, key.id, &by));
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {two:?}");
    assert_eq!(whole_feed(store, &scope).await.len(), 3);
    assert_eq!(whole_feed(store, &scope_of("b")).await.len(), 1);
    system.stop().await;
}
