//! What each public operation consumes of `DynamoDB`, counted while the functions do it, and the least that `DynamoDB` allows for it.
//!
//! `operations.rs` has the requests and the least of each, with its formula: the one place where such a bound is stated.

mod operations;
mod size;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sporlog_model::{Clock, EntityType, Instant};

use super::Context;
use super::export::{Log, sizes};
use crate::Failure;
use crate::bucket::Services;
use crate::child::ORDER;
use crate::engine::{TABLE, TestEngine, scope, store, variables};
use crate::events::{Generator, ORG, numbered};
use crate::feed::org_of;
use crate::front::{Front, Manner};
use crate::gateway::body;
use crate::process::{FunctionProcess, Program};
use crate::report::{Goal, Section, Table, figure, ratio};
use crate::units::Units;
use crate::workspace::binary;

use operations::{Least, OPERATIONS, Operation, Request};
pub(super) use size::item_bytes;

const GOAL: Goal = Goal::AtMost(1.5);
/// A write unit costs five times what a read unit costs, on demand, in every Region.
const WRITE_PRICE: f64 = 5.0;
/// Events of one batch that is taken in.
const BATCH: u64 = 100;

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let mut table = Table::new([
        "operation",
        "read",
        "write",
        "least read",
        "least write",
        "ratio",
        "goal",
        "verdict",
        "the least is",
    ]);
    let mut desk = Desk::open().await?;
    for operation in &OPERATIONS {
        let units = desk.perform(operation).await?;
        let least = desk.least(operation.least)?;
        row(&mut table, operation.name, units, least, operation.formula);
    }
    taken_in(&mut desk, &mut table).await?;
    desk.services.stop().await;
    exported(context, &mut table).await?;
    Ok(vec![table.section("units")])
}

fn row(table: &mut Table, name: &str, units: Units, (read, write): (f64, f64), formula: &str) {
    let (cost, least) = (units.read + WRITE_PRICE * units.write, read + WRITE_PRICE * write);
    let value = if least > 0.0 {
        cost / least
    } else if cost > 0.0 {
        f64::INFINITY
    } else {
        1.0
    };
    table.row([
        name.to_owned(),
        figure(units.read),
        figure(units.write),
        figure(read),
        figure(write),
        ratio(value),
        GOAL.text(),
        GOAL.verdict(value).to_owned(),
        formula.to_owned(),
    ]);
}

/// The functions before one metered table.
struct Desk {
    engine: TestEngine,
    front: Front,
    services: Services,
    functions: BTreeMap<&'static str, FunctionProcess>,
    /// What answers have said that later requests need.
    known: BTreeMap<&'static str, String>,
}

impl Desk {
    async fn open() -> Result<Self, Failure> {
        let engine = TestEngine::memory()?;
        let front = Front::before(engine.address(), Manner { metered: true, ..Manner::default() }).await?;
        let services = Services::start().await?;
        let store = store(&engine.endpoint(), Clock::system())?;
        // A role and a bucket that work; what is configured is told to Sporlog by a request.
        let role = services.role_for(&store, ORG).await?.role_arn.as_str().to_owned();
        let mut generator = Generator::new(7);
        for second in 0..10 {
            let at = Instant::parse("2026-11-01T08:00:00Z")?.plus(Duration::from_secs(second));
            for kind in [EntityType::Order, EntityType::Piece] {
                let event = generator.event_of(kind, ORDER, at)?;
                store.append(&scope(ORG)?, &event).await?;
            }
        }
        Ok(Self { engine, front, services, functions: BTreeMap::new(), known: BTreeMap::from([("role", role)]) })
    }

    async fn invoke(&mut self, function: &'static str, event: &Bytes) -> Result<Bytes, Failure> {
        if !self.functions.contains_key(function) {
            let variables = [variables(self.front.endpoint(), None), self.services.variables()].concat();
            let process = FunctionProcess::start(&Program::binary(&binary(function)), &variables).await?;
            self.functions.insert(function, process);
        }
        let process = self.functions.get_mut(function).ok_or("just started")?;
        let invocation = process.invoke(event).await.map_err(|error| format!("{function}: {error}"))?;
        Ok(invocation.answer)
    }

    /// Does the operation and says what that consumed.
    async fn perform(&mut self, operation: &Operation) -> Result<Units, Failure> {
        self.front.take_units();
        let named = |error| Failure::from(format!("{}: {error}", operation.name));
        match operation.request {
            Request::Http { caller, call } => {
                let event = call(&self.known).event(caller);
                let answer = body(&self.invoke(operation.function, &event).await?).map_err(named)?;
                if let Some((name, member)) = operation.teaches {
                    let said = &answer[member];
                    self.known.insert(name, said.as_str().map_or_else(|| said.to_string(), str::to_owned));
                }
            }
            Request::Event(event) => {
                let event = Bytes::from(event(&self.known).to_string());
                self.invoke(operation.function, &event).await.map_err(named)?;
            }
        }
        Ok(self.front.take_units())
    }

    fn least(&self, least: Least) -> Result<(f64, f64), Failure> {
        Ok(match least {
            Least::Of { read, write } => (read, write),
            Least::HeadAndRows { partition, prefix, limit } => {
                let bytes: u64 = self.rows(partition, prefix, limit)?.iter().map(item_bytes).sum();
                (1.0 + read_units(bytes), 0.0)
            }
        })
    }

    fn rows(&self, partition: &str, prefix: &str, limit: usize) -> Result<Vec<Value>, Failure> {
        let query = json!({
            "TableName": TABLE, "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)", "Limit": limit,
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":prefix": {"S": prefix}},
        });
        let page = serde_json::to_value(self.engine.database().query(serde_json::from_value(query)?)?)?;
        page["Items"].as_array().cloned().ok_or_else(|| "no rows".into())
    }
}

fn read_units(bytes: u64) -> f64 {
    super::export::float(bytes.div_ceil(4_096))
}

fn write_units(bytes: u64) -> f64 {
    super::export::float(bytes.div_ceil(1_024))
}

/// A batch of events of as many orders, in units of one event.
async fn taken_in(desk: &mut Desk, table: &mut Table) -> Result<(), Failure> {
    let (mut generator, now) = (Generator::new(3), Clock::system().now());
    let payloads = (0..BATCH)
        .map(|number| json!({"orgId": ORG, "type": "order", "payload": generator.payload(&numbered(number), now)}));
    let event = Bytes::from(json!({"events": payloads.collect::<Vec<_>>()}).to_string());
    // The day's listing and the organization's settings, once a process and once in a while, are the first batch's.
    let first = Bytes::from(
        json!({"events": [{"orgId": ORG, "type": "order", "payload": generator.payload(&numbered(BATCH), now)}]})
            .to_string(),
    );
    desk.invoke("ingest", &first).await?;
    desk.front.take_units();
    desk.invoke("ingest", &event).await?;
    let units = each(desk.front.take_units(), BATCH);
    let row_of = |number| desk.rows(&format!("ORG#{ORG}#order#{}", numbered(number)), "EV#", 1);
    let mut least = 0.0;
    for number in 0..BATCH {
        let bytes = row_of(number)?.first().map(item_bytes).ok_or("an event is not there")?;
        least += 2.0 * (1.0 + 1.0 + 2.0 * write_units(bytes));
    }
    let formula = "2 × (mark + count + the event by its entity + the event in the feed), rows rounded up to 1 KB";
    row(table, "take in an event of 1.5 KB", units, (0.0, least / super::export::float(BATCH)), formula);
    Ok(())
}

fn each(units: Units, count: u64) -> Units {
    let count = super::export::float(count);
    Units { read: units.read / count, write: units.write / count, ..units }
}

/// A whole export and one with nothing to do, before a meter of their own.
async fn exported(context: &Context, table: &mut Table) -> Result<(), Failure> {
    let [_, count, ..] = sizes(context);
    let log = Log::of(count).await?;
    let front = Front::before(log.engine.address(), Manner { metered: true, ..Manner::default() }).await?;
    let (services, org) = (Services::start().await?, org_of(count));
    services.enable_export(&store(&log.engine.endpoint(), Clock::system())?, &org).await?;
    let variables = [variables(front.endpoint(), None), services.variables()].concat();
    let mut function = FunctionProcess::start(&Program::binary(&binary("export-run")), &variables).await?;
    let event = Bytes::from(json!({"orgId": org, "trigger": "manual"}).to_string());
    let answer: Value = serde_json::from_slice(&function.invoke(&event).await?.answer)?;
    if answer["eventCount"] != count {
        return Err(format!("not a whole export: {answer}").into());
    }
    let whole = front.take_units();
    let bytes = log.feed_bytes()?;
    let name = format!("export an event of 1.5 KB ({count} in a run)");
    let formula = "its bytes in the feed, 4 KB a unit";
    row(
        table,
        &name,
        each(whole, count),
        (super::export::float(bytes) / 4_096.0 / super::export::float(count), 0.0),
        formula,
    );
    function.invoke(&event).await?;
    let formula = "configuration, state, the feed's days; the state for the lease, 2 × (the state, the run) at the end, its place in the index twice";
    row(table, "an export with nothing to do", front.take_units(), (3.0, 7.0), formula);
    drop(function);
    services.stop().await;
    log.forget_export(&org)
}
