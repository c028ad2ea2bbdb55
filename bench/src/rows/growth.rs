//! How cost grows: with the events of a log, with what is done at once, with the organizations of one tick.

use bytes::Bytes;
use serde_json::Value;
use sporlog_model::Clock;

use super::append::{Endpoint, appends_per_second, events};
use super::export::{Log, float, sizes};
use super::{Context, milliseconds};
use crate::Failure;
use crate::bucket::Services;
use crate::engine::{TestEngine, store, variables};
use crate::front::{Front, Manner};
use crate::process::{FunctionProcess, Program};
use crate::report::{Section, Table, figure, grouped, spread};
use crate::statistics::Sample;
use crate::workspace::binary;

const AT_ONCE: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    Ok(vec![with_events(context).await?, with_concurrency(context).await?, with_organizations(context).await?])
}

/// Whole exports of logs of different lengths.
async fn with_events(context: &Context) -> Result<Section, Failure> {
    let mut table = Table::new([
        "events",
        "time",
        "events a second",
        "processor time of 1,000 events",
        "peak memory",
        "objects",
        "bytes of an event in them",
    ]);
    for count in sizes(context) {
        let (exported, services) = Log::of(count).await?.export().await?;
        services.stop().await;
        table.row([
            grouped(float(count)),
            format!("{} s", figure(exported.seconds)),
            grouped(float(count) / exported.seconds),
            format!("{} ms", figure(exported.processor_seconds * 1e6 / float(count))),
            format!("{} MB", figure(exported.peak_bytes / 1e6)),
            exported.objects.to_string(),
            figure(float(exported.object_bytes) / float(count)),
        ]);
    }
    Ok(table.section("growth-events"))
}

/// Appends at once, in one process, against the engine and against an endpoint that takes 4 ms for each request.
async fn with_concurrency(context: &Context) -> Result<Section, Failure> {
    let events = events(context.size(2_000, 64))?;
    let mut table = Table::new([
        "at once",
        "engine: appends a second",
        "4 ms for each request: appends a second",
        "of what 4 ms allow",
    ]);
    for at_once in AT_ONCE {
        let (mut engine, mut service) = (Vec::new(), Vec::new());
        for _ in 0..context.rounds.min(3) {
            let endpoint = Endpoint::start(true).await?;
            engine.push(appends_per_second(&endpoint.url(), &events, at_once).await?);
            let latency = std::time::Duration::from_millis(4);
            let front = Front::without_engine(Manner { latency, ..Manner::default() }).await?;
            let some = &events[..events.len().min(at_once * 100)];
            service.push(appends_per_second(front.endpoint(), some, at_once).await?);
        }
        let (engine, service) = Sample::of(engine).zip(Sample::of(service)).ok_or("nothing was measured")?;
        let allowed = float(at_once as u64) * 250.0;
        let share = format!("{:.0} %", service.median() / allowed * 100.0);
        table.row([at_once.to_string(), spread(&engine, "/s"), spread(&service, "/s"), share]);
    }
    Ok(table.section("growth-concurrency"))
}

/// One tick of the dispatcher with so many exports due.
async fn with_organizations(context: &Context) -> Result<Section, Failure> {
    let mut table =
        Table::new(["exports due", "time", "invocations", "DynamoDB requests", "read units", "write units"]);
    let counts: [u64; 4] = if context.quick { [1, 2, 4, 8] } else { [1, 10, 100, 1_000] };
    let (engine, services) = (TestEngine::memory()?, Services::start().await?);
    let store = store(&engine.endpoint(), Clock::system())?;
    let front = Front::before(engine.address(), Manner { metered: true, ..Manner::default() }).await?;
    let program = Program::binary(&binary("export-dispatch"));
    let with = |endpoint: &str| [variables(endpoint, None), services.variables()].concat();
    let mut metered = FunctionProcess::start(&program, &with(front.endpoint())).await?;
    let mut timed = FunctionProcess::start(&program, &with(&engine.endpoint())).await?;
    let mut configured = 0;
    for count in counts {
        for number in configured..count {
            services.enable_export(&store, &format!("org-{number}")).await?;
        }
        configured = count;
        let event = Bytes::from_static(b"{}");
        front.take_units();
        let answer: Value = serde_json::from_slice(&metered.invoke(&event).await?.answer)?;
        if answer["started"] != count {
            return Err(format!("not all were started: {answer}").into());
        }
        let units = front.take_units();
        let mut times = Vec::new();
        for _ in 0..context.rounds {
            times.push(milliseconds(timed.invoke(&event).await?.took));
        }
        let times = Sample::of(times).ok_or("nothing was measured")?;
        table.row([
            grouped(float(count)),
            spread(&times, "ms"),
            answer["started"].to_string(),
            units.requests.to_string(),
            figure(units.read),
            figure(units.write),
        ]);
    }
    services.stop().await;
    Ok(table.section("growth-organizations"))
}
