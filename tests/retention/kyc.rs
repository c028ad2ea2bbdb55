use std::time::Duration;

use sporlog_model::{CaseAction, CaseChange, CaseId, CaseLabel, EntityType, Instant, RetentionGroup};
use sporlog_store::{CaseAppend, CasePage, CasePageQuery, SortField, SweepOutcome};

use super::{Keeper, NOW};
use crate::harness::{Fault, Faults, ManualClock, Meter, System};

/// What is younger than ten days.
const YOUNG: &str = "2026-11-15T10:00:00Z";
const OLD: &str = "2026-11-01T10:00:00Z";

fn change(action: &str, at: &str) -> CaseChange {
    CaseChange {
        user: CaseLabel::parse("Anna Jensen").unwrap(),
        entity_type: CaseLabel::parse("kyc_answer").unwrap(),
        action: CaseAction::parse(action).unwrap(),
        field: None,
        old_value: None,
        new_value: None,
        reason: None,
        occurred_at: Instant::parse(at).unwrap(),
    }
}

fn case(number: u64) -> CaseId {
    CaseId::parse(&number.to_string()).unwrap()
}

impl Keeper {
    async fn append(&self, case: CaseId, changes: &[CaseChange]) {
        let appended = self.store.append_case_entries(&self.scope, case, changes, self.clock.now(), None).await;
        assert!(matches!(appended.unwrap(), CaseAppend::Appended(_)));
    }

    async fn page(&self, case: CaseId, action: Option<&str>) -> CasePage {
        let query = CasePageQuery { action: action.and_then(CaseAction::parse), page: 1, size: 100_000 };
        let page = self.store.case_page(&self.scope, case, &query).await.unwrap().unwrap();
        assert_eq!(page.total, page.entries.len() as u64);
        page
    }

    async fn kyc_entries_in_feed(&self) -> usize {
        let feed = self.feed().await;
        feed.iter().filter(|recorded| recorded.event.entity_type == EntityType::KycCase).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_entries_of_a_case_go_and_its_numbers_stay_whole() {
    let system = System::start().await;
    let keeper = Keeper::of(&system, "auditply");
    keeper.keep(RetentionGroup::Kyc, 10).await;
    // Recorded as they happened; an append of entries of two ages; old ones behind a young one; a case of old ones only.
    keeper.clock.set(OLD);
    keeper.append(case(1), &[change("A", OLD), change("B", OLD)]).await;
    keeper.clock.set(NOW);
    keeper.append(case(1), &[change("A", OLD), change("A", YOUNG), change("B", OLD), change("A", YOUNG)]).await;
    keeper.append(case(2), &[change("A", OLD), change("B", OLD)]).await;
    keeper.append(case(3), &[change("A", YOUNG)]).await;
    assert_eq!(keeper.sweep(RetentionGroup::Acquisition).await, SweepOutcome::NoPeriod);
    assert_eq!(keeper.kyc_entries_in_feed().await, 9);

    assert_eq!(keeper.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 5 });
    let ages = |page: &CasePage| page.entries.iter().map(|entry| entry.change.occurred_at).collect::<Vec<_>>();
    let [old, young] = [OLD, YOUNG].map(|instant| Instant::parse(instant).unwrap());
    let one = keeper.page(case(1), None).await;
    assert_eq!(ages(&one), [young, old, young], "an old one waits behind a younger");
    assert_eq!(keeper.page(case(1), Some("A")).await.total, 2);
    assert_eq!(keeper.page(case(1), Some("B")).await.total, 1);
    assert_eq!(keeper.page(case(2), None).await.total, 0, "a case is known from its first entry on");
    assert_eq!(keeper.page(case(3), None).await.total, 1);
    assert_eq!(keeper.kyc_entries_in_feed().await, 4);
    assert_eq!(keeper.reported().await, [5]);

    // Numbers go on behind those that are gone.
    keeper.append(case(2), &[change("A", YOUNG)]).await;
    assert_eq!(keeper.page(case(2), Some("A")).await.total, 1);
    assert_eq!(keeper.page(case(2), None).await.total, 1);
    // The old one goes when the young ones before it are old.
    keeper.clock.set("2026-11-25T10:00:01Z");
    assert_eq!(keeper.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 5 });
    assert_eq!(keeper.kyc_entries_in_feed().await, 0);
    assert_eq!(keeper.history(EntityType::Order, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9", SortField::Id).await.len(), 0);
    system.stop().await;
}

/// An append of which a young entry keeps the old ones: its row is read again when that one is old, not every night.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_waits_is_read_when_its_time_has_come() {
    let system = System::start().await;
    let keeper = Keeper::of(&system, "auditply");
    keeper.keep(RetentionGroup::Kyc, 10).await;
    keeper.append(case(1), &[change("A", YOUNG), change("A", OLD)]).await;
    let endpoint = Meter::before(system.stack.dynamodb).await;
    let url = format!("http://{}", endpoint.address);
    let metered =
        Keeper::through(&system.environment(&[("AWS_ENDPOINT_URL_DYNAMODB", &url)]), "auditply", &keeper.clock);
    assert_eq!(metered.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 0 });
    let first = endpoint.take();
    assert_eq!(metered.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 0 });
    let second = endpoint.take();
    assert!(second < first, "{second} items after {first}");
    keeper.clock.set("2026-11-25T10:00:01Z");
    assert_eq!(metered.sweep(RetentionGroup::Kyc).await, SweepOutcome::Finished { removed: 2 });
    assert_eq!(keeper.page(case(1), None).await.total, 0);
    system.stop().await;
}

/// Half of very many go, and the sweep is cut three times on the way: exactly the right half remains, and the totals agree.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_right_half_of_very_many_entries_remains() {
    const CASES: u64 = 50;
    const ENTRIES_OF_A_CASE: u64 = 1_000;
    let system = System::start().await;
    let faults = Faults::before(&system.stack).await;
    let clock = ManualClock::at(OLD);
    let keeper = Keeper::behind(&system, "auditply", &clock, &faults);
    let direct = Keeper::through(&system.environment(&[]), "auditply", &clock);
    keeper.keep(RetentionGroup::Kyc, 10).await;
    for at in [OLD, YOUNG] {
        clock.set(at);
        // Of each forty, one of an action of its own.
        let mut changes = vec![change("ANSWER_SAVED", at); 40];
        changes[7] = change("SANCTIONS_SEARCH", at);
        for number in 0..CASES * ENTRIES_OF_A_CASE / 80 {
            direct.append(case(1 + number % CASES), &changes[..]).await;
        }
    }
    clock.set(NOW);
    let mut swept = None;
    for (cut, fault) in [(150, Fault::CutBefore), (300, Fault::CutAfter), (450, Fault::CutBefore), (0, Fault::Pass)] {
        faults.at(faults.operations().len() + cut, fault);
        assert_eq!(swept, None, "cut three times");
        swept = faults.cut(keeper.sweep(RetentionGroup::Kyc)).await;
        clock.advance(Duration::from_mins(20));
    }
    let half = CASES * ENTRIES_OF_A_CASE / 2;
    assert_eq!(swept, Some(SweepOutcome::Finished { removed: half }));
    assert_eq!(direct.reported().await, [half]);
    let young = Instant::parse(YOUNG).unwrap();
    let (mut all, mut searches) = (0, 0);
    for number in 1..=CASES {
        let page = direct.page(case(number), None).await;
        assert!(page.entries.iter().all(|entry| entry.change.occurred_at == young));
        all += page.total;
        searches += direct.page(case(number), Some("SANCTIONS_SEARCH")).await.total;
    }
    assert_eq!((all, searches), (half, half / 40));
    assert_eq!(direct.kyc_entries_in_feed().await as u64, half);
    system.stop().await;
}
