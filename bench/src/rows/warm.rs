//! What Sporlog adds to the one query that it cannot do without: the router with a whole event, beside a bare query for the same items,
//! in one process, with one client configuration, behind TLS.

use std::time::Duration;

use serde_json::Value;
use std::process::Command;

use super::Context;
use super::start::History;
use crate::Failure;
use crate::process::output;
use crate::report::{Goal, Section, Table, ratio, spread};
use crate::statistics::Sample;

/// What a request to `DynamoDB` takes at the least, seen from a function in the same Region.
const SERVICE_LATENCY: Duration = Duration::from_millis(4);

const GOAL: Goal = Goal::AtMost(1.25);

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let mut table = Table::new(["", "router", "bare `Query`", "ratio", "goal", "verdict"]);
    let calls = context.size(300, 20);
    let cases = [("engine as it is", Duration::ZERO), ("4 ms more for each request", SERVICE_LATENCY)];
    for (name, latency) in cases {
        let history = History::start(latency).await?;
        let [mut medians, mut tails]: [[Vec<f64>; 2]; 2] = Default::default();
        for _ in 0..context.rounds {
            let measured = run(&history, calls).await?;
            for (side, name) in ["router", "query"].into_iter().enumerate() {
                let times = measured[name].as_array().into_iter().flatten().filter_map(Value::as_f64);
                let times = Sample::of(times).ok_or_else(|| format!("no times of the {name}"))?;
                medians[side].push(times.median());
                tails[side].push(times.percentile(99.0));
            }
        }
        for (what, [router, query], goal) in [("p50", medians, Some(GOAL)), ("p99", tails, None)] {
            let (router, query) = Sample::of(router).zip(Sample::of(query)).ok_or("nothing was measured")?;
            let value = router.median() / query.median();
            table.row([
                format!("{name}, {what}"),
                spread(&router, "ms"),
                spread(&query, "ms"),
                ratio(value),
                goal.map_or_else(|| "–".to_owned(), Goal::text),
                goal.map_or("–", |goal| goal.verdict(value)).to_owned(),
            ]);
        }
    }
    Ok(vec![table.section("query")])
}

async fn run(history: &History, calls: u64) -> Result<Value, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["router", &calls.to_string()]).env_clear();
    command.envs(history.variables.iter().map(|(name, value)| (name, value)));
    let output = output(command).await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
