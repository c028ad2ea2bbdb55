use aws_sdk_dynamodb::config::retry::RetryConfig;
use sporlog_auth::TenantScope;
use sporlog_model::bufdir::{
    AttachedFile, AuditId, AuditStatus, ExportAudit, ExportFormat, ExportId, FileUrl, NewExportAudit, NewStatus,
    Period, StatusUpdate, UpdateRefused, UserId,
};
use sporlog_model::{Actor, Clock, Day, EntityId, EntityType, IdempotencyKey, RequestDigest};
use sporlog_store::{
    ExportAuditCreation, ExportAuditQuery, HistoryQuery, NamedRequest, Operation, SortField, SortOrder, Store,
    StoreError,
};

use crate::harness::Fault::{Hold, InternalError, LostAnswer, Throttle, TransactionConflict};
use crate::harness::{Fault, Faults, System, dynamodb, scope_of, soon};

/// A store that reaches the engine through `faults`.
fn store_behind(system: &System, faults: &Faults, retry: RetryConfig) -> Store {
    let endpoints = faults.endpoints();
    let endpoints: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Store::new(dynamodb(&system.environment(&endpoints), retry), "Table", Clock::system())
}

fn new() -> NewExportAudit {
    let day = Day::parse("2025-01-01").unwrap();
    NewExportAudit {
        export_id: ExportId::parse("exp-1").unwrap(),
        triggered_by: UserId::parse("usr-1").unwrap(),
        format: ExportFormat::Csv,
        period: Period::new(day, day).unwrap(),
        activity_types: None,
    }
}

fn named() -> NamedRequest {
    NamedRequest {
        operation: Operation::CreateExportAudit,
        key: IdempotencyKey::parse("key").unwrap(),
        digest: RequestDigest::of(&"request"),
    }
}

fn answer(record: &ExportAudit) -> String {
    record.id.to_string()
}

fn to(status: NewStatus) -> StatusUpdate {
    StatusUpdate { status, updated_at: None, activity_count: None }
}

async fn create(store: &Store, scope: &TenantScope, request: Option<&NamedRequest>) -> ExportAuditCreation {
    try_create(store, scope, request).await.unwrap()
}

async fn try_create(
    store: &Store,
    scope: &TenantScope,
    request: Option<&NamedRequest>,
) -> Result<ExportAuditCreation, StoreError> {
    store.create_export_audit(scope, new(), &Actor::default(), request, answer).await
}

fn id_of(created: &ExportAuditCreation) -> AuditId {
    match created {
        ExportAuditCreation::Answered(id) => AuditId::parse(id).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The actions that the log tells of a record, and the records that there are.
async fn told(system: &System, scope: &TenantScope, id: AuditId) -> (Vec<String>, u64) {
    let query = HistoryQuery {
        sort: SortField::OccurredAt,
        order: SortOrder::Ascending,
        offset: 0,
        limit: 100,
        max_body_bytes: usize::MAX,
    };
    let (kind, entity) = (EntityType::BufdirExport, EntityId::from(id));
    let page = system.stack.store.history(scope, kind, &entity, query).await.unwrap();
    let actions = page.events.iter().map(|recorded| recorded.event.action.to_string()).collect();
    let all = ExportAuditQuery { limit: 100, ..ExportAuditQuery::default() };
    let listed = system.stack.store.export_audits(scope, &all).await.unwrap();
    assert_eq!(listed.total, listed.audits.len() as u64);
    (actions, listed.total)
}

/// A record that is made, moved, given a file and deleted while `met` happens to each of its transactions.
async fn whole_life(system: &System, faults: &Faults, org: &str, met: &[Fault], request: Option<&NamedRequest>) {
    let (scope, case) = (scope_of(org), format!("{met:?} {}", request.is_some()));
    let store = store_behind(system, faults, soon());
    let by = Actor::default();
    faults.on("TransactWriteItems", met.iter().copied());
    let id = id_of(&create(&store, &scope, request).await);
    assert_eq!((faults.clear(), told(system, &scope, id).await), (0, (vec!["Create".to_owned()], 1)), "{case}");
    // A create whose answer was lost is the record; only another call finds the export taken.
    assert_eq!(create(&store, &scope, None).await, ExportAuditCreation::ExportTaken(id), "{case}");

    faults.on("TransactWriteItems", met.iter().copied());
    let moved = store.update_export_audit_status(&scope, id, &to(NewStatus::Processing), &by).await.unwrap();
    assert_eq!((faults.clear(), moved.unwrap().status), (0, AuditStatus::Processing), "{case}");
    faults.on("TransactWriteItems", met.iter().copied());
    let file = AttachedFile { url: FileUrl::parse("https://a/b").unwrap(), size_bytes: None };
    let attached = store.attach_export_audit_file(&scope, id, &file, &by).await.unwrap();
    assert_eq!((faults.clear(), attached.unwrap().file_url), (0, Some(file.url)), "{case}");
    let actions = ["Create", "StatusChange", "FileAttach", "Delete"].map(str::to_owned);
    assert_eq!(told(system, &scope, id).await, (actions[..3].to_vec(), 1), "{case}");
    faults.on("TransactWriteItems", met.iter().copied());
    store.delete_export_audit(&scope, id, &by).await.unwrap();
    assert_eq!((faults.clear(), told(system, &scope, id).await), (0, (actions.to_vec(), 0)), "{case}");
    assert_eq!(store.export_audit(&scope, id).await.unwrap(), None, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_gets_through_what_passes_and_happens_once() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let cases: &[&[Fault]] = &[
        &[LostAnswer],
        &[LostAnswer, LostAnswer],
        &[TransactionConflict, LostAnswer],
        &[LostAnswer, TransactionConflict],
        &[TransactionConflict; 4],
        &[Throttle, InternalError, LostAnswer],
    ];
    for (number, met) in cases.iter().enumerate() {
        whole_life(&system, &faults, &format!("plain-{number}"), met, None).await;
        whole_life(&system, &faults, &format!("named-{number}"), met, Some(&named())).await;
    }
    system.stop().await;
}

/// A number that was given and not answered is a gap, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_number_is_a_gap() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let (store, scope) = (store_behind(&system, &faults, soon()), scope_of("a"));
    faults.on("UpdateItem", [LostAnswer, Throttle, LostAnswer]);
    let id = id_of(&create(&store, &scope, None).await);
    assert_eq!((faults.clear(), id.number()), (0, 3));
    assert_eq!(told(&system, &scope, id).await.1, 1);
    system.stop().await;
}

/// The client gave up; whether it was done only the next request shows.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_given_up_can_be_asked_for_again() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let store = store_behind(&system, &faults, RetryConfig::disabled());
    for (number, fault, done) in [(0, LostAnswer, true), (1, InternalError, false)] {
        let (scope, request) = (scope_of(&format!("org-{number}")), named());
        faults.on("TransactWriteItems", [fault]);
        assert!(try_create(&store, &scope, Some(&request)).await.unwrap_err().is_transient());
        let again = create(&store, &scope, Some(&request)).await;
        let id = id_of(&again);
        assert_eq!(create(&store, &scope, Some(&request)).await, again);
        assert_eq!(create(&store, &scope, None).await, ExportAuditCreation::ExportTaken(id));
        assert_eq!(told(&system, &scope, id).await, (vec!["Create".to_owned()], 1), "{fault:?} {done}");
    }
    system.stop().await;
}

/// Somebody else is between the reading and the writing: the decision is made again.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_overtaken_decides_again() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let (slow, fast) = (store_behind(&system, &faults, soon()), &system.stack.store);
    let (scope, by) = (scope_of("a"), Actor::default());
    let id = id_of(&create(&slow, &scope, None).await);
    let processing = to(NewStatus::Processing);
    let move_fast = async |update: StatusUpdate| {
        fast.update_export_audit_status(&scope, id, &update, &by).await.unwrap().unwrap();
    };

    faults.on("TransactWriteItems", [Hold]);
    let work = slow.update_export_audit_status(&scope, id, &processing, &by);
    let (refused, held) = faults.hold(Box::pin(work), Box::pin(move_fast(processing.clone()))).await;
    let no_move = UpdateRefused::NoSuchMove { from: AuditStatus::Processing, to: AuditStatus::Processing };
    assert_eq!((refused.unwrap(), held), (Err(no_move), true));

    // A file may follow after all, and is attached to the record as it is by then.
    faults.on("TransactWriteItems", [Hold]);
    let file = AttachedFile { url: FileUrl::parse("https://a/b").unwrap(), size_bytes: Some(1) };
    let work = slow.attach_export_audit_file(&scope, id, &file, &by);
    let (attached, held) = faults.hold(Box::pin(work), Box::pin(move_fast(to(NewStatus::Completed)))).await;
    assert_eq!((attached.unwrap().unwrap().status, held), (AuditStatus::Completed, true));

    faults.on("TransactWriteItems", [Hold]);
    let work = slow.attach_export_audit_file(&scope, id, &file, &by);
    assert_eq!(work.await.unwrap().unwrap().file_url, Some(file.url.clone()), "a repeat writes nothing to hold");
    let other = AttachedFile { size_bytes: None, ..file };
    let work = slow.attach_export_audit_file(&scope, id, &other, &by);
    let deleted = async { fast.delete_export_audit(&scope, id, &by).await.unwrap() };
    let (gone, held) = faults.hold(Box::pin(work), Box::pin(deleted)).await;
    assert!(matches!(gone, Err(StoreError::NotFound)) && held);
    let actions = ["Create", "StatusChange", "StatusChange", "FileAttach", "Delete"].map(str::to_owned);
    assert_eq!(told(&system, &scope, id).await, (actions.to_vec(), 0));
    system.stop().await;
}

/// The record in the way is deleted before the create looks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_met_a_record_which_is_gone_is_done() {
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let (slow, fast) = (store_behind(&system, &faults, soon()), &system.stack.store);
    let (scope, by) = (scope_of("a"), Actor::default());
    let first = id_of(&create(fast, &scope, None).await);
    // Its transaction is refused; the look that follows is held.
    faults.on("GetItem", [Hold]);
    let deleted = async { fast.delete_export_audit(&scope, first, &by).await.unwrap() };
    let (created, held) = faults.hold(Box::pin(create(&slow, &scope, None)), Box::pin(deleted)).await;
    assert!(held);
    let second = id_of(&created);
    assert_ne!(first, second);
    assert_eq!(told(&system, &scope, second).await, (vec!["Create".to_owned()], 1));
    system.stop().await;
}
