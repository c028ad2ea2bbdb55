use std::collections::BTreeMap;

use futures_util::future::join_all;
use sporlog_model::EntityType;
use sporlog_store::Appended;

use super::{ORDER, counts, history, whole_feed};
use crate::harness::{FolioEvent, System, scope_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_telling_stays() {
    let system = System::start().await;
    let store = &system.stack.store;
    let told = FolioEvent::of(EntityType::Order, ORDER);
    let told_again = FolioEvent { snapshot: serde_json::json!({"other": true}), ..told.clone() };
    // One organization's repeat is another's first.
    for org in ["a", "b"] {
        let scope = scope_of(org);
        assert_eq!(store.append(&scope, &told.event()).await.unwrap(), Appended::Stored);
        assert_eq!(store.append(&scope, &told.event()).await.unwrap(), Appended::Duplicate);
        assert_eq!(store.append(&scope, &told_again.event()).await.unwrap(), Appended::Duplicate);
        let page = history(store, &scope, ORDER).await.unwrap();
        assert_eq!((page.total, page.events.len()), (1, 1));
        assert_eq!(page.events[0].event, told.event());
        assert_eq!(whole_feed(store, &scope).await, page.events);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_taken_within_its_organization_and_type() {
    let system = System::start().await;
    let store = &system.stack.store;
    let order = FolioEvent::of(EntityType::Order, ORDER);
    let other_order = FolioEvent { entity_id: uuid::Uuid::new_v4().to_string(), ..order.clone() };
    let invoice = FolioEvent { entity_type: EntityType::Invoice, ..order.clone() };
    let scope = scope_of("a");
    assert_eq!(store.append(&scope, &order.event()).await.unwrap(), Appended::Stored);
    assert_eq!(store.append(&scope, &other_order.event()).await.unwrap(), Appended::Duplicate);
    assert_eq!(store.append(&scope, &invoice.event()).await.unwrap(), Appended::Stored);
    assert_eq!(whole_feed(store, &scope).await.len(), 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_kept_per_action_and_organization() {
    let system = System::start().await;
    let store = &system.stack.store;
    let actions = ["Create", "Edit", "Edit", "Edit", "Delete"];
    for (n, action) in actions.into_iter().enumerate() {
        let event = FolioEvent { action, ..FolioEvent::nth(EntityType::Order, ORDER, n) }.event();
        store.append(&scope_of("a"), &event).await.unwrap();
        store.append(&scope_of("a"), &event).await.unwrap();
    }
    store.append(&scope_of("b"), &FolioEvent::of(EntityType::Order, ORDER).event()).await.unwrap();
    let named = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let of_a = [("total", 5), ("total_Create", 1), ("total_Delete", 1), ("total_Edit", 3)];
    assert_eq!(counts(&system, "a", ORDER).await, named(&of_a));
    assert_eq!(counts(&system, "b", ORDER).await, named(&[("total", 1), ("total_Edit", 1)]));
    assert_eq!(counts(&system, "c", ORDER).await, named(&[]));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_who_bring_the_same_event_store_it_once() {
    let system = System::start().await;
    let event = FolioEvent::of(EntityType::Order, ORDER).event();
    let (own, other) = (scope_of("a"), scope_of("b"));
    let appends = (0..16).map(|_| {
        let (store, scope, event) = (system.stack.store.clone(), own.clone(), event.clone());
        tokio::spawn(async move { store.append(&scope, &event).await.unwrap() })
    });
    let appended: Vec<Appended> = join_all(appends).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(appended.iter().filter(|appended| **appended == Appended::Stored).count(), 1);
    assert_eq!(counts(&system, "a", ORDER).await["total"], 1);
    assert_eq!(whole_feed(&system.stack.store, &own).await.len(), 1);
    assert!(whole_feed(&system.stack.store, &other).await.is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_events_of_one_entity_at_once_are_all_counted() {
    let system = System::start().await;
    let scope = scope_of("a");
    let appends = (0..16).map(|n| {
        let (store, scope) = (system.stack.store.clone(), scope.clone());
        let event = FolioEvent::nth(EntityType::Order, ORDER, n).event();
        tokio::spawn(async move { store.append(&scope, &event).await.unwrap() })
    });
    let appended: Vec<Appended> = join_all(appends).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(appended, [Appended::Stored; 16]);
    let page = history(&system.stack.store, &scope, ORDER).await.unwrap();
    assert_eq!((page.total, page.events.len()), (16, 16));
    assert_eq!(whole_feed(&system.stack.store, &scope).await.len(), 16);
    system.stop().await;
}
