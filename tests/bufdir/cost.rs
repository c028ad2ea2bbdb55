use futures_util::stream::{self, StreamExt};
use sporlog_model::bufdir::{ExportFormat, ExportId, NewExportAudit, Period, UserId};
use sporlog_model::{Actor, Clock, Day};

use super::function::Function;
use super::{BASE, ORG, listed};
use crate::harness::{Meter, System, scope_of};

/// Enough that a read which touches more than its page stands out.
const MANY: usize = 2_000;

/// Makes records in the store itself: the whole way in takes several times as long.
async fn fill(system: &System, numbers: std::ops::Range<usize>) {
    let (store, scope, by) = (&system.stack.store, scope_of(ORG), Actor::default());
    let day = Day::parse("2025-01-01").unwrap();
    let creates = numbers.map(|number| {
        let new = NewExportAudit {
            export_id: ExportId::parse(&format!("exp-{number}")).unwrap(),
            triggered_by: UserId::parse("usr-0042").unwrap(),
            format: ExportFormat::Csv,
            period: Period::new(day, day).unwrap(),
            activity_types: None,
        };
        let (scope, by) = (scope.clone(), by.clone());
        async move { store.create_export_audit(&scope, new, &by, None, |record| record.id.to_string()).await.unwrap() }
    });
    stream::iter(creates).buffer_unordered(16).for_each(|_| async {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_at_any_number_of_records() {
    let system = System::start().await;
    let meter = Meter::before(system.stack.dynamodb).await;
    let endpoint = format!("http://{}", meter.address);
    let variables = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let function = Function::with(&system, Clock::system(), &variables);
    // The head and the page; the page before is counted, and nothing is read behind the end.
    let pages =
        [("", 21), ("?limit=10", 11), ("?limit=10&page=2", 21), ("?page=1000000", 1), ("?limit=100&page=1000", 1)];
    let mut costs = Vec::new();
    for (from, total) in [(0, 30), (30, MANY)] {
        fill(&system, from..total).await;
        let mut cost = Vec::new();
        for (query, most) in pages {
            meter.take();
            let (status, body) = function.call("GET", &format!("{BASE}{query}"), None).await;
            let items = meter.take();
            assert_eq!((status, listed(&body).1), (200, total as u64));
            assert!(items <= most && items > listed(&body).0.len(), "{query} read {items} items of {total}");
            cost.push(items);
        }
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1], "with 30 and with {MANY} records");
    // A filter counts what it matches, so it reads what the time asked for holds.
    meter.take();
    let (_, body) = function.call("GET", &format!("{BASE}?format=csv&limit=1"), None).await;
    assert_eq!(listed(&body).1, MANY as u64);
    // The engine counts a row that does not fit into a megabyte twice.
    assert!((MANY..MANY + 10).contains(&meter.take()));
    function.call("GET", &format!("{BASE}?format=csv&to=2026-01-01T00:00:00Z"), None).await;
    assert_eq!(meter.take(), 0);
    // Somebody else's record costs the one read that an unknown one costs.
    let theirs = function.for_org("other");
    let id = &listed(&body).0[0];
    for (id, status) in [(id.as_str(), 404), ("aud-20200101-001", 404)] {
        meter.take();
        assert_eq!(theirs.call("GET", &format!("{BASE}/{id}"), None).await.0, status);
        assert!(meter.take() <= 1);
    }
    system.stop().await;
}
