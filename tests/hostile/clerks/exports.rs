use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_local::s3::{DEFAULT_REGION, RoleDefinition};

use super::of_type;
use crate::harness::{Caller, scope_of};
use crate::hostile::world::World;
use crate::structure::root;

/// What a test of the connection may find where only AWS is at fault.
const TRANSIENT: [&str; 4] = ["slow_down", "s3_unavailable", "sts_unavailable", "timed_out"];
/// How a run may fail where only AWS is at fault.
const TRANSIENT_RUN: [&str; 7] = [
    "slow_down",
    "s3_unavailable",
    "sts_unavailable",
    "signing_unavailable",
    "store_unavailable",
    // What failed before has left no time for the write.
    "out_of_time",
    // The end of the run could not be stored.
    "interrupted",
];

/// Configures the export of an organization, tests its connection, starts and lists runs.
pub(in crate::hostile) struct Exports<'a> {
    world: &'a World,
    org: String,
    /// What is configured.
    config: Value,
    /// The answered changes, and how often they were sent.
    changes: (usize, usize),
    /// The ids of runs that were answered with 202.
    started: Vec<Value>,
}

impl<'a> Exports<'a> {
    /// Its export must be configured.
    pub(in crate::hostile) async fn of(world: &'a World, org: &str) -> Self {
        let stored = world.system.stack.store.export_config(&scope_of(org)).await.unwrap().unwrap();
        let role_arn = stored.destination.role_arn.as_str();
        let config = json!({
            "bucket": stored.destination.bucket.as_str(), "region": DEFAULT_REGION, "roleArn": role_arn, "enabled": true,
        });
        Self { world, org: org.to_owned(), config, changes: (0, 0), started: Vec::new() }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        let probe = self.probe().await;
        for round in 0..rounds {
            self.configure().await;
            self.test_connection(&probe).await;
            if round % 2 == 0 {
                self.start_run().await;
            }
            self.list_runs().await;
        }
        self
    }

    fn path(&self, rest: &str) -> String {
        format!("/orgs/{}/audit-export/{rest}", self.org)
    }

    fn admin(&self) -> Caller {
        Caller::of_role(&self.org, Role::Admin)
    }

    /// A bucket beside the export's, for what a test may leave behind when its delete meets a fault.
    async fn probe(&self) -> Value {
        let external_id = self.world.system.stack.store.export_external_id(&scope_of(&self.org)).await.unwrap();
        let bucket = format!("probe-of-{}", self.org);
        let name = format!("probe-{}", self.org);
        let role = RoleDefinition {
            name,
            bucket: bucket.clone(),
            external_id: Some(external_id.as_str().to_owned()),
            deny: None,
        };
        let arn = self.world.system.stack.storage.define_role(&role).unwrap();
        json!({"bucket": bucket, "region": DEFAULT_REGION, "roleArn": arn.as_str()})
    }

    /// Says again what is configured.
    async fn configure(&mut self) {
        let (answer, tries) = self.world.call(&self.admin(), "POST", &self.path("config"), Some(&self.config)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.changes = (self.changes.0 + 1, self.changes.1 + tries);
        let (read, _) = self.world.call(&self.admin(), "GET", &self.path("config"), None).await;
        assert_eq!((read.status, &read.json()["bucket"]), (200, &self.config["bucket"]));
        let setup = self.path("setup?bucket=any-bucket");
        assert_eq!(self.world.call(&self.admin(), "GET", &setup, None).await.0.status, 200);
    }

    /// Nothing is wrong with bucket and role, and no fault makes it say so.
    async fn test_connection(&self, probe: &Value) {
        let (answer, _) = self.world.call(&self.admin(), "POST", &self.path("test-connection"), Some(probe)).await;
        let test = answer.json();
        assert_eq!(answer.status, 200, "{test}");
        for stage in test["stages"].as_array().unwrap().iter().filter(|stage| stage["ok"] == false) {
            assert!(TRANSIENT.contains(&stage["code"].as_str().unwrap()), "{test}");
        }
    }

    async fn start_run(&mut self) {
        let (answer, _) = self.world.call(&self.admin(), "POST", &self.path("runs"), None).await;
        match answer.status {
            202 => self.started.push(answer.json()["id"].clone()),
            status => assert_eq!((status, &answer.json()["code"]), (409, &json!("run_in_progress"))),
        }
    }

    /// Runs fail for what AWS does, and for nothing else.
    async fn list_runs(&self) {
        let (answer, _) = self.world.call(&self.admin(), "GET", &self.path("runs?limit=200"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for run in answer.json().as_array().unwrap().iter().filter(|run| run["status"] == "failed") {
            assert!(TRANSIENT_RUN.contains(&run["errorCode"].as_str().unwrap()), "{run}");
        }
    }

    /// Holds the export against what was done: each change once, or as often as who sent it again may have made it; each run that
    /// was promised is told of.
    pub(in crate::hostile) async fn check(self, lines: &[Value]) -> usize {
        self.list_runs().await;
        let told =
            |action: &str| of_type(lines, "export-config").filter(|line| line["action"] == action).collect::<Vec<_>>();
        let asked: Vec<&Value> = told("StartRun").iter().map(|line| &line["data"]["runId"]).collect();
        for id in &self.started {
            assert_eq!(asked.iter().filter(|asked| **asked == id).count(), 1, "{id}");
        }
        let (least, most) = self.changes;
        assert!((least..=most).contains(&told("Edit").len()), "{} of {least} to {most}", told("Edit").len());
        self.started.len()
    }
}

#[test]
fn the_page_names_these_codes_of_a_run_and_no_other() {
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let (_, sentence) = page.split_once("In the meantime its record says ").unwrap();
    let (sentence, _) = sentence.split_once("no other code").unwrap();
    let named: BTreeSet<&str> = sentence.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, BTreeSet::from(TRANSIENT_RUN));
}
