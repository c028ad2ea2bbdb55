use serde_json::{Value, json};

use crate::hostile::tally::BROKEN;
use crate::hostile::world::World;

/// What a run may come to.
const OUTCOMES: [&str; 5] = ["succeeded", "empty", "failed", "busy", "lost"];

/// What the schedules and Lambda invoke, over and over.
pub(in crate::hostile) struct Schedule<'a> {
    world: &'a World,
    orgs: Vec<String>,
    /// Invocations that answered, and those that failed, which Lambda would try again.
    pub(in crate::hostile) invoked: (usize, usize),
}

impl<'a> Schedule<'a> {
    pub(in crate::hostile) fn of(world: &'a World, orgs: &[String]) -> Self {
        Self { world, orgs: orgs.to_vec(), invoked: (0, 0) }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            self.invoke("ExportDispatchFunction", &json!({})).await;
            self.invoke("RetentionFunction", &json!({})).await;
            let run = json!({"orgId": self.orgs[round % self.orgs.len()], "trigger": "manual"});
            if let Some(run) = self.invoke("ExportRunFunction", &run).await {
                assert!(OUTCOMES.contains(&run["outcome"].as_str().unwrap()), "{run}");
            }
        }
        self
    }

    async fn invoke(&mut self, function: &str, event: &Value) -> Option<Value> {
        let answer = self.world.system.try_invoke(function, event).await;
        if let Err(error) = &answer {
            assert!(!BROKEN.iter().any(|broken| error.to_string().contains(broken)), "{function}: {error}");
        }
        let (good, bad) = &mut self.invoked;
        *(if answer.is_ok() { good } else { bad }) += 1;
        answer.ok()
    }
}
