//! Changes of one item by itself, which have no token by which DynamoDB knows a repeat.

use sporlog_auth::KeyScope;
use sporlog_model::{Actor, ApiKeySecret, Clock, Name};
use sporlog_store::{ApiKeyCreation, ConnectionTest, NewApiKey, Store};

use super::faults::store_behind;
use crate::harness::Fault::{InternalError, LostAnswer, Throttle, TransactionConflict};
use crate::harness::{Fault, Faults, System, scope_of, soon};

/// An organization's new key.
async fn key(store: &Store, org: &str) -> ApiKeySecret {
    let (scope, secret) = (scope_of(org), ApiKeySecret::generate().unwrap());
    store.put_organization(&scope, None, &Actor::default()).await.unwrap();
    let new = NewApiKey { name: Name::parse("a").unwrap(), scopes: KeyScope::ALL.into(), expires_at: None };
    let made = store.create_api_key(&scope, &secret, &new, &Actor::default()).await.unwrap();
    assert!(matches!(made, ApiKeyCreation::Created(_)));
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_item_gets_through_what_passes() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let store = store_behind(&system, &faults, soon());
    let cases: [&[Fault]; 6] = [
        &[TransactionConflict; 4],
        &[Throttle, InternalError],
        &[LostAnswer],
        &[LostAnswer, LostAnswer],
        &[LostAnswer, TransactionConflict],
        &[TransactionConflict, LostAnswer, Throttle],
    ];
    for (number, met) in cases.into_iter().enumerate() {
        let (org, case) = (format!("org-{number}"), format!("{met:?}"));
        let scope = scope_of(&org);

        let secret = key(&store, &org).await;
        let known = store.api_key_by_hash(&secret.hash()).await.unwrap().unwrap();
        faults.on("UpdateItem", met.iter().copied());
        store.touch_api_key(&known).await;
        assert_eq!(faults.clear(), 0, "{case}");
        let used = store.api_key_by_hash(&secret.hash()).await.unwrap().unwrap();
        assert!(known.last_used_at.is_none() && used.last_used_at.is_some(), "{case}");

        faults.on("UpdateItem", met.iter().copied());
        let issued = store.export_external_id(&scope).await.unwrap();
        assert_eq!(faults.clear(), 0, "{case}");
        assert_eq!(store.export_external_id(&scope).await.unwrap(), issued, "{case}");

        system.enable_export(&org).await;
        let destination = store.export_config(&scope).await.unwrap().unwrap().destination;
        let test = ConnectionTest { at: Clock::system().now(), error: Some("no".to_owned()) };
        faults.on("UpdateItem", met.iter().copied());
        store.note_connection_test(&scope, &destination, &test).await.unwrap();
        assert_eq!(faults.clear(), 0, "{case}");
        assert_eq!(store.export_config(&scope).await.unwrap().unwrap().last_test, Some(test), "{case}");
    }
    system.stop().await;
}
