//! The EventBridge Scheduler of the local run: starts functions as the template's schedules say.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock,
    invoke::AsyncInvoker,
    template::{ACCOUNT, REGION, Schedule, Template},
};

/// Runs every schedule of the template until `stop`, with `every` in place of the template's interval if it is given. What a tick has
/// started is waited for: a function that takes longer than its interval misses ticks and never runs twice at once.
pub async fn run(template: &Template, invoker: &Arc<AsyncInvoker>, every: Option<Duration>, stop: &CancellationToken) {
    let schedules = template.functions.iter().flat_map(|function| {
        function.schedules.iter().map(move |schedule| tick(&function.logical_id, schedule, invoker, every, stop))
    });
    join_all(schedules).await;
}

async fn tick(
    function: &str,
    schedule: &Schedule,
    invoker: &Arc<AsyncInvoker>,
    every: Option<Duration>,
    stop: &CancellationToken,
) {
    let every = every.unwrap_or(schedule.every);
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match invoker.submit(function, event(schedule)) {
            // A panic of the function is its failure, not the end of the task.
            Ok(running) => drop(running.await),
            Err(error) => tracing::error!(schedule = schedule.name, %error, "a schedule could not start its function"),
        }
    }
}

/// What the function receives: the input of the schedule, or the scheduler's own event.
fn event(schedule: &Schedule) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{}", schedule.name)],
        "detail": "{}",
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests;
