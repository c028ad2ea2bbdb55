//! The same read by the same kind of process: how long from its start to the first answer, how long each further one takes, and how
//! much memory it needs.

use bytes::Bytes;
use serde_json::Value;
use sporlog_model::{Clock, Instant};
use tempfile::TempDir;

use super::{Context, milliseconds};
use crate::Failure;
use crate::child::{EVENT, ORDER};
use crate::engine::{TestEngine, scope, store, variables};
use crate::events::{Generator, ORG};
use crate::front::{Front, Manner};
use crate::process::{FunctionProcess, Program};
use crate::report::{Goal, Section, Table, ratio, spread};
use crate::statistics::Sample;
use crate::tls::Tls;
use crate::workspace::binary;

/// An order with ten events, behind TLS.
pub(crate) struct History {
    _engine: TestEngine,
    _front: Front,
    _directory: TempDir,
    pub(crate) variables: Vec<(String, String)>,
}

impl History {
    pub(crate) async fn start(latency: std::time::Duration) -> Result<Self, Failure> {
        let engine = TestEngine::memory()?;
        let (store, scope) = (store(&engine.endpoint(), Clock::system())?, scope(ORG)?);
        let mut generator = Generator::new(10);
        for second in 0..10 {
            let at = Instant::parse("2026-11-01T08:00:00Z")?.plus(std::time::Duration::from_secs(second));
            store.append(&scope, &generator.event(ORDER, at)?).await?;
        }
        let directory = tempfile::tempdir()?;
        let tls = Tls::new(directory.path())?;
        let manner = Manner { tls: Some(tls.clone()), latency, ..Manner::default() };
        let front = Front::before(engine.address(), manner).await?;
        let variables = variables(front.endpoint(), Some(tls.authority()));
        Ok(Self { _engine: engine, _front: front, _directory: directory, variables })
    }
}

/// The three that are compared: name, program, and what is to be reached of its time to start and of its memory.
fn contestants(context: &Context) -> Result<[(&'static str, Program); 3], Failure> {
    let peers = context.peers()?;
    Ok([
        ("Sporlog", Program::binary(&binary("acquisition-audit"))),
        ("Python 3.11, boto3", peers.python_history.clone()),
        ("Node.js 20, SDK v3", peers.node_history.clone()),
    ])
}

const COLD_GOALS: [Goal; 2] = [Goal::AtMost(1.0 / 40.0), Goal::AtMost(1.0 / 20.0)];
const MEMORY_GOALS: [Goal; 2] = [Goal::AtMost(1.0 / 4.0), Goal::AtMost(1.0 / 8.0)];

/// What an answer says, whatever the order of its members.
fn body_of(answer: &Bytes) -> Result<Value, Failure> {
    let answer: Value = serde_json::from_slice(answer)?;
    if answer["statusCode"] != 200 {
        return Err(format!("not an answer: {answer}").into());
    }
    Ok(serde_json::from_str(answer["body"].as_str().unwrap_or_default())?)
}

/// Fails when somebody answered something else than Sporlog, which is the first.
fn assert_equal(answers: &[Value]) -> Result<(), Failure> {
    let complete = answers[0]["orderAuditEvents"].as_array().is_some_and(|events| events.len() == 10);
    match answers.iter().position(|answer| *answer != answers[0]) {
        _ if !complete => Err("the answer has not ten events".into()),
        Some(other) => Err(format!("answer {other} differs:\n{}\n{}", answers[0], answers[other]).into()),
        None => Ok(()),
    }
}

/// From the start of the process to its first answer.
pub(crate) async fn cold(context: &Context) -> Result<Vec<Section>, Failure> {
    let history = History::start(std::time::Duration::ZERO).await?;
    let contestants = contestants(context)?;
    let event = Bytes::from_static(EVENT);
    let mut times: [Vec<f64>; 3] = Default::default();
    // The first round only fills the caches: of files, and Python's of compiled modules.
    for round in 0..=context.rounds {
        let mut answers = Vec::new();
        for ((_, program), times) in contestants.iter().zip(&mut times) {
            let mut function = FunctionProcess::start(program, &history.variables).await?;
            let invocation = function.invoke(&event).await?;
            if round > 0 {
                times.push(milliseconds(function.since_start(&invocation)));
            }
            answers.push(body_of(&invocation.answer)?);
            drop(function);
        }
        assert_equal(&answers)?;
    }
    Ok(vec![compared("cold", "start → first answer", &contestants, times, "ms", Some(COLD_GOALS))?])
}

/// A thousand requests to one process each: the times of all, and the memory after the last.
pub(crate) async fn memory(context: &Context) -> Result<Vec<Section>, Failure> {
    let history = History::start(std::time::Duration::ZERO).await?;
    let contestants = contestants(context)?;
    let event = Bytes::from_static(EVENT);
    let requests = context.size(1_000, 50);
    let (mut medians, mut tails): ([Vec<f64>; 3], [Vec<f64>; 3]) = Default::default();
    let (mut peaks, mut residents): ([Vec<f64>; 3], [Vec<f64>; 3]) = Default::default();
    for _ in 0..context.rounds {
        for (number, (_, program)) in contestants.iter().enumerate() {
            let mut function = FunctionProcess::start(program, &history.variables).await?;
            let mut times = Vec::new();
            for request in 0..requests {
                let took = function.invoke(&event).await?.took;
                // The first one connects.
                times.extend((request > 0).then(|| milliseconds(took)));
            }
            let times = Sample::of(times).ok_or("no request")?;
            medians[number].push(times.median());
            tails[number].push(times.percentile(99.0));
            let memory = function.memory()?;
            peaks[number].push(megabytes(memory.peak));
            residents[number].push(megabytes(memory.resident));
            drop(function);
        }
    }
    let warm = [
        compared("warm", "request, p50", &contestants, medians, "ms", None)?,
        compared("warm", "request, p99", &contestants, tails, "ms", None)?,
    ];
    let memory = [
        compared("memory", "peak (`VmHWM`)", &contestants, peaks, "MB", Some(MEMORY_GOALS))?,
        compared("memory", "resident (`VmRSS`)", &contestants, residents, "MB", Some(MEMORY_GOALS))?,
    ];
    Ok(vec![joined(&warm), joined(&memory)])
}

#[expect(clippy::cast_precision_loss, reason = "sizes of processes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn compared(
    name: &'static str,
    what: &str,
    contestants: &[(&'static str, Program); 3],
    values: [Vec<f64>; 3],
    unit: &str,
    goals: Option<[Goal; 2]>,
) -> Result<Section, Failure> {
    let [sporlog, peers @ ..] = values.map(|values| Sample::of(values).ok_or("nothing was measured"));
    let sporlog = sporlog?;
    let mut table = Table::new(["", "Sporlog", "against", "", "ratio", "goal", "verdict"]);
    for (number, peer) in peers.into_iter().enumerate() {
        let peer = peer?;
        let value = sporlog.median() / peer.median();
        let goal = goals.map(|goals| goals[number]);
        table.row([
            what.to_owned(),
            spread(&sporlog, unit),
            contestants[number + 1].0.to_owned(),
            spread(&peer, unit),
            ratio(value),
            goal.map_or_else(|| "–".to_owned(), Goal::text),
            goal.map_or("–", |goal| goal.verdict(value)).to_owned(),
        ]);
    }
    Ok(table.section(name))
}

/// Tables with the same columns as one.
fn joined(sections: &[Section; 2]) -> Section {
    let rows: String = sections[1].markdown.split_inclusive('\n').skip(2).collect();
    Section { name: sections[0].name, markdown: format!("{}{rows}", sections[0].markdown) }
}
