//! What a page costs wherever it is: in the log of a KYC case and in the history of an order.

use bytes::Bytes;
use serde_json::Value;
use sporlog_model::{CaseAction, CaseChange, CaseId, CaseLabel, CaseText, Clock};

use super::{Context, milliseconds};
use crate::Failure;
use crate::engine::{TestEngine, scope, store, variables};
use crate::events::{ORG, numbered};
use crate::feed::{cached, fill_history};
use crate::front::{Front, Manner};
use crate::gateway::{Call, Caller, body};
use crate::process::{FunctionProcess, Program};
use crate::report::{Goal, Section, Table, figure, grouped, ratio, spread};
use crate::statistics::Sample;
use crate::units::Units;
use crate::workspace::binary;

const READER: Caller = Caller { org: ORG, role: None, scopes: &["audit.all", "kyc:read"] };
const CASE: u64 = 42;
const PAGE: u64 = 10;
const GOAL: Goal = Goal::AtMost(1.0);

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let places = [1, 100, context.size(10_000, 200)];
    let offsets = [0, context.size(1_000, 100), context.size(100_000, 1_000)];
    let path = filled(places[2] * PAGE, offsets[2] + PAGE).await?;
    let engine = TestEngine::file(&path)?;
    let pages = places.map(|page| {
        (
            format!("page {}", grouped_count(page)),
            Call::get(format!("/api/v1/kyc/cases/{CASE}/audit-log?page={page}&page_size={PAGE}")),
        )
    });
    let offsets = offsets.map(|offset| {
        let path = format!("/audit-data/acquisition/order/{}?limit={PAGE}&offset={offset}", numbered(1));
        (format!("offset {}", grouped_count(offset)), Call::get(path))
    });
    let kyc = places_of(context, &engine, "kyc-audit-log", &pages, "data", Some(GOAL)).await?;
    let history = places_of(context, &engine, "acquisition-audit", &offsets, "orderAuditEvents", None).await?;
    Ok(vec![kyc.section("kyc-pages"), history.section("history-pages")])
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn grouped_count(count: u64) -> String {
    grouped(count as f64)
}

/// A case with so many entries, an order with so many events.
async fn filled(entries: u64, events: u64) -> Result<std::path::PathBuf, Failure> {
    cached("pages", &format!("{entries} {events}"), async |engine| {
        let (store, scope) = (store(&engine.endpoint(), Clock::system())?, scope(ORG)?);
        let case = CaseId::parse(&CASE.to_string())?;
        let numbers: Vec<u64> = (0..entries).collect();
        for numbers in numbers.chunks(40) {
            let changes =
                numbers.iter().map(|number| change(*number)).collect::<Option<Vec<_>>>().ok_or("not an entry")?;
            store.append_case_entries(&scope, case, &changes, Clock::system().now(), None).await?;
        }
        fill_history(engine.database(), ORG, &numbered(1), events).await
    })
    .await
}

fn change(number: u64) -> Option<CaseChange> {
    Some(CaseChange {
        user: CaseLabel::parse("Anna Jensen")?,
        entity_type: CaseLabel::parse("kyc_answer")?,
        action: CaseAction::parse("ANSWER_SAVED")?,
        field: None,
        old_value: None,
        new_value: Some(CaseText::parse(&format!("The answer that was given at the {number}th time"))?),
        reason: None,
        occurred_at: Clock::system().now(),
    })
}

/// The times and the costs of each of these reads; ratios are against the first.
async fn places_of(
    context: &Context,
    engine: &TestEngine,
    function: &str,
    reads: &[(String, Call); 3],
    member: &str,
    goal: Option<Goal>,
) -> Result<Table, Failure> {
    let program = Program::binary(&binary(function));
    let front = Front::before(engine.address(), Manner { metered: true, ..Manner::default() }).await?;
    let mut metered = FunctionProcess::start(&program, &variables(front.endpoint(), None)).await?;
    let mut timed = FunctionProcess::start(&program, &variables(&engine.endpoint(), None)).await?;
    let events: Vec<Bytes> = reads.iter().map(|(_, call)| call.event(READER)).collect();
    let mut costs: Vec<Units> = Vec::new();
    // The first read also asks for settings, which are remembered for a while.
    for event in events.first().into_iter().chain(&events) {
        front.take_units();
        let answer: Value = body(&metered.invoke(event).await?.answer)?;
        if answer[member].as_array().map(Vec::len) != Some(usize::try_from(PAGE)?) {
            return Err(format!("not a whole page: {answer}").into());
        }
        costs.push(front.take_units());
    }
    let costs = costs.split_off(1);
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); events.len()];
    for round in 0..=context.rounds {
        for (event, times) in events.iter().zip(&mut times) {
            let took = timed.invoke(event).await?.took;
            times.extend((round > 0).then(|| milliseconds(took)));
        }
    }
    let mut table = Table::new([
        "",
        "items read",
        "read units",
        "requests",
        "time",
        "items, ratio to the first",
        "goal",
        "verdict",
    ]);
    for (((name, _), units), times) in reads.iter().zip(&costs).zip(times) {
        #[expect(clippy::cast_precision_loss, reason = "up to some hundred thousand")]
        let value = units.items_read as f64 / costs[0].items_read as f64;
        table.row([
            name.clone(),
            grouped_count(units.items_read),
            figure(units.read),
            units.requests.to_string(),
            spread(&Sample::of(times).ok_or("nothing was measured")?, "ms"),
            if value < 1_000.0 { ratio(value) } else { format!("{}×", grouped(value)) },
            goal.map_or_else(|| "–".to_owned(), Goal::text),
            goal.map_or("–", |goal| goal.verdict(value)).to_owned(),
        ]);
    }
    Ok(table)
}
