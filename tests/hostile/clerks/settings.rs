use serde_json::{Value, json};

use super::of_type;
use crate::harness::Caller;
use crate::hostile::world::World;

/// One that is only stored.
const SETTINGS: &str = "/audit/config/groups/audit.inventory/settings";
const KEY: &str = "records.retention.period";

/// Changes a setting of an organization.
pub(in crate::hostile) struct Settings<'a> {
    world: &'a World,
    org: String,
    /// Each value, with how often it was sent: the log has it once at least.
    sent: Vec<(usize, usize)>,
}

impl<'a> Settings<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str) -> Self {
        Self { world, org: org.to_owned(), sent: Vec::new() }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for value in 1..=rounds {
            let body = json!({"key": KEY, "value": value, "type": "INTEGER"});
            let token = self.world.system.token(&Caller::with(&self.org, &["audit.config.all"]));
            let okapi = [("x-okapi-tenant", self.org.as_str()), ("x-okapi-token", &token)];
            let headers = [&okapi[..], &[("content-type", "application/json")]].concat();
            let (answer, tries) = self.world.send("PUT", &format!("{SETTINGS}/{KEY}"), &headers, Some(&body)).await;
            assert_eq!(answer.status, 204, "{}", answer.text());
            self.sent.push((value, tries));
            let (answer, _) = self.world.send("GET", SETTINGS, &okapi, None).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let settings = answer.json();
            let setting = settings["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == KEY);
            assert_eq!(setting.unwrap()["value"], value);
        }
        self
    }

    /// Holds the export against what was sent: each change once, or as often as it may have been made by who sent it again; each
    /// begins where the one before ended.
    pub(in crate::hostile) fn check(self, lines: &[Value]) -> usize {
        let changes: Vec<&Value> =
            of_type(lines, "setting").filter(|line| line["data"]["groupId"] == "audit.inventory").collect();
        for pair in changes.windows(2) {
            assert_eq!(pair[1]["original"], pair[0]["data"]);
        }
        let mut left = changes.iter().map(|line| line["data"]["value"].as_u64().unwrap()).peekable();
        for (value, tries) in &self.sent {
            let mut times = 0;
            while left.next_if_eq(&(*value as u64)).is_some() {
                times += 1;
            }
            assert!((1..=*tries).contains(&times), "{value} is there {times} times, sent {tries} times");
        }
        assert_eq!(left.next(), None, "nobody sent this");
        self.sent.len()
    }
}
