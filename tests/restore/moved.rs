//! An organization moves to another table, as of another stack.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use export_run::RunOutcome;
use sporlog_auth::KeyScope;
use sporlog_model::{Actor, ApiKeySecret, Name};
use sporlog_store::{CopyError, CopyReport, Copying, NewApiKey, StoreError};

use super::tables::{Item, Tables};
use super::{Scene, record, resume, send};
use crate::export::bucket::verified;
use crate::export::{Exporter, MORNING};
use crate::harness::{Caller, ManualClock, System, scope_of, store_of};

const THERE: &str = "OtherStack";

fn counted(report: &CopyReport) -> [u64; 4] {
    [report.rows, report.same, report.absent, report.different]
}

async fn outcome_code(exporter: &Exporter) -> &'static str {
    match exporter.run().await {
        RunOutcome::Failed { error_code, .. } => error_code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_moves_with_its_chain_and_its_keys() {
    let Scene { system, tables, clock, bucket, exporter: here } = Scene::set().await;
    tables.create(THERE).await;
    let there = Exporter::in_table(&system, "diku", &clock, THERE, &[]);
    let neighbour = Exporter::with(&system, "diku.b", &clock, &[]);
    record(&neighbour, &clock, 2).await;
    let known = record(&here, &clock, 3).await;
    here.exports(3).await;
    here.store.put_organization(&here.scope, None, &Actor::default()).await.unwrap();
    let secret = ApiKeySecret::generate().unwrap();
    let scopes = BTreeSet::from([KeyScope::ALL[0]]);
    let key = NewApiKey { name: Name::parse("producer").unwrap(), scopes, expires_at: None };
    here.store.create_api_key(&here.scope, &secret, &key, &Actor::default()).await.unwrap();

    // Compared only; then copied; then nothing is left to copy.
    let compared = here.store.copy_org(&here.scope, &there.store, 3, Copying::Compare).await.unwrap();
    let [rows, 0, absent, 0] = counted(&compared) else { panic!("{compared:?}") };
    assert!(rows == absent && tables.items(THERE, None).await.is_empty());
    assert_eq!(
        counted(&here.store.copy_org(&here.scope, &there.store, 3, Copying::Write).await.unwrap()),
        [rows, 0, rows, 0]
    );
    for write in [Copying::Compare, Copying::Write] {
        let again = here.store.copy_org(&here.scope, &there.store, 1, write).await.unwrap();
        assert_eq!(counted(&again), [rows, rows, 0, 0]);
    }
    // Nothing of anybody else came along, and the key opens what it opened.
    let pks: BTreeSet<_> =
        tables.items(THERE, None).await.iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
    let own = |pk: &String| pk == "ORG#diku" || pk.starts_with("ORG#diku#") || pk.starts_with("KEY#");
    assert!(pks.iter().all(own), "{pks:?}");
    let found = there.store.api_key_by_hash(&secret.hash()).await.unwrap().unwrap();
    assert_eq!((found.org.as_str(), found.name.as_str()), ("diku", "producer"));

    // Before it is handed over, only the old table exports; then neither does, until somebody has looked into the bucket.
    assert_eq!(outcome_code(&there).await, "restored_table");
    here.store.hand_over_export(&here.scope, &there.store).await.unwrap();
    assert_eq!(outcome_code(&here).await, "restored_table");
    let state = resume(&system, &there, &bucket, "diku").await.unwrap();
    assert_eq!((state.next_seq, state.plan), (4, None));
    assert_eq!(outcome_code(&here).await, "restored_table");

    // What its source sends again is known there; what is new follows.
    send(&there, &clock, &known).await;
    record(&there, &clock, 2).await;
    // Beside the new ones: the organization, its key, and that the export was resumed.
    there.exports(5).await;
    let report = verified(&system, &[&bucket], "diku", &sporlog_verify::Options::default());
    assert_eq!((report.events, report.repeated), (8, 0));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_never_written_over() {
    let system = System::start().await;
    let (tables, clock) = (Tables::of(&system), ManualClock::at(MORNING));
    tables.create(THERE).await;
    let (here, there) = (store_of(&system.environment(&[]), "Table", clock.clock()), THERE);
    let there = store_of(&system.environment(&[]), there, clock.clock());
    let item = |pk: &str, sk: &str, value: &str| -> Item {
        let texts = [("pk", pk), ("sk", sk), ("org", "diku"), ("value", value)];
        texts.into_iter().map(|(name, text)| (name.to_owned(), S(text.to_owned()))).collect()
    };
    let with_ttl = |mut item: Item, seconds: i64| -> Item {
        item.insert("ttl".to_owned(), N(seconds.to_string()));
        item
    };
    let now = clock.now().epoch_seconds();
    let rows = [
        item("ORG#diku#X", "1", "a"),
        item("ORG#diku#X", "2", "a"),
        item("BUFDIRAUD#aud-20260301-007", "META", "a"),
        item("BUFDIRAUD#aud-20260301-012", "META", "a"),
        item("BUFDIRAUD#aud-20260228-003", "META", "a"),
        with_ttl(item("ORG#diku#X", "3", "a"), now),
        with_ttl(item("ORG#diku#X", "4", "a"), now + 1),
    ];
    let put = async |table: &str, item: Item| {
        tables.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    };
    for row in rows {
        put("Table", row).await;
    }
    put(THERE, item("ORG#diku#X", "2", "b")).await;
    // Taken by another organization of that stack, which has given out more numbers on the second day.
    put(THERE, item("BUFDIRAUD#aud-20260301-007", "META", "other")).await;
    let mut counter = item("BUFDIRDAY#2026-02-28", "COUNTER", "");
    counter.insert("last_number".to_owned(), N("9".to_owned()));
    put(THERE, counter).await;

    let report = here.copy_org(&scope_of("diku"), &there, 2, Copying::Write).await.unwrap();
    assert_eq!(counted(&report), [6, 0, 4, 2]);
    assert_eq!(report.different_keys, ["BUFDIRAUD#aud-20260301-007 META", "ORG#diku#X 2"]);
    assert_eq!(tables.item(THERE, "ORG#diku#X", "2").await.unwrap()["value"], S("b".to_owned()));
    assert_eq!(tables.item(THERE, "ORG#diku#X", "3").await, None);
    // The next id of a day is none that came along, and none that was given out.
    for (day, last) in [("2026-03-01", "12"), ("2026-02-28", "9")] {
        let counter = tables.item(THERE, &format!("BUFDIRDAY#{day}"), "COUNTER").await.unwrap();
        assert_eq!(counter["last_number"], N(last.to_owned()), "{day}");
    }
    let same = here.copy_org(&scope_of("diku"), &here.clone(), 1, Copying::Write).await;
    assert!(matches!(same, Err(CopyError::SameTable)), "{same:?}");
    let missing = store_of(&system.environment(&[]), "NoTable", clock.clock());
    let missing = here.copy_org(&scope_of("diku"), &missing, 1, Copying::Write).await;
    assert!(matches!(missing, Err(CopyError::Store(StoreError::Refused(_)))), "{missing:?}");
    system.stop().await;
}

/// Every record of an organization is found by its id where it moved to.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_found_by_an_id_are_found_after_the_move() {
    let system = System::start().await;
    let tables = Tables::of(&system);
    tables.create(THERE).await;
    let caller = Caller::of_role("diku", sporlog_auth::Role::Member);
    let body = serde_json::json!({
        "export_id": "exp-1", "org_id": "diku", "triggered_by_user_id": "usr-0042", "format": "excel",
        "period_from": "2025-01-01", "period_to": "2025-12-31",
    });
    let created = system.call(&caller, "POST", "/api/v1/bufdir-export-audit", Some(&body)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let environment = system.environment(&[]);
    let clock = sporlog_model::Clock::system();
    let (here, there) = (store_of(&environment, "Table", clock.clone()), store_of(&environment, THERE, clock));
    here.copy_org(&scope_of("diku"), &there, 4, Copying::Write).await.unwrap();
    let id = sporlog_model::bufdir::AuditId::parse(created.json()["audit_id"].as_str().unwrap()).unwrap();
    let found = there.export_audit(&scope_of("diku"), id).await.unwrap().unwrap();
    assert_eq!(found.id, id);
    assert_eq!(there.export_audit(&scope_of("other"), id).await.unwrap(), None);
    system.stop().await;
}

/// Of what a table that exports by itself has passed nothing is put there without being told: it would never be exported.
#[tokio::test(flavor = "multi_thread")]
async fn a_straggler_that_would_never_be_exported_is_not_copied() {
    let Scene { system, tables, clock, bucket, exporter: here } = Scene::set().await;
    tables.create(THERE).await;
    let there = Exporter::in_table(&system, "diku", &clock, THERE, &[]);
    record(&here, &clock, 2).await;
    here.exports(2).await;
    here.store.copy_org(&here.scope, &there.store, 2, Copying::Write).await.unwrap();
    here.store.hand_over_export(&here.scope, &there.store).await.unwrap();
    // Sent to the old stack, which nobody had stopped; then the other goes on.
    record(&here, &clock, 1).await;
    resume(&system, &there, &bucket, "diku").await.unwrap();
    record(&there, &clock, 1).await;
    there.exports(2).await;
    let before = tables.items(THERE, None).await.len();
    match here.store.copy_org(&here.scope, &there.store, 2, Copying::Write).await {
        Err(CopyError::Passed { count: 1, first }) => assert!(first.starts_with("ORG#diku#FEED#"), "{first}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(tables.items(THERE, None).await.len(), before);
    let compared = here.store.copy_org(&here.scope, &there.store, 2, Copying::Compare).await.unwrap();
    assert_eq!(compared.passed, 1);
    let copied = here.store.copy_org(&here.scope, &there.store, 2, Copying::WriteExported).await.unwrap();
    assert!(
        copied.absent > 0 && tables.items(THERE, None).await.len() == before + usize::try_from(copied.absent).unwrap()
    );
    system.stop().await;
}
