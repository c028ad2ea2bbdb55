use std::collections::BTreeSet;

use serde_json::{Value, json};
use sporlog_auth::Role;

use super::of_type;
use crate::harness::Caller;
use crate::hostile::world::World;

/// Of an organization's keys at most so many are not revoked; one that was made without an answer stays.
const MOST_KEYS: usize = 60;

/// Renames an organization, makes, uses and revokes its API keys.
pub(in crate::hostile) struct Keys<'a> {
    world: &'a World,
    org: String,
    live: BTreeSet<String>,
    revoked: BTreeSet<String>,
    /// Requests for a key, those that were not answered among them.
    asked: usize,
}

impl<'a> Keys<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str) -> Self {
        Self { world, org: org.to_owned(), live: BTreeSet::new(), revoked: BTreeSet::new(), asked: 0 }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            self.rename(round).await;
            if self.asked - self.revoked.len() < MOST_KEYS {
                let id = self.make().await;
                if round % 2 == 1 {
                    self.revoke(&id).await;
                }
            }
            self.list().await;
        }
        self
    }

    async fn rename(&self, round: usize) {
        let (path, name) = (format!("/orgs/{}", self.org), format!("Name {round}"));
        let (put, _) = self.world.call(&Caller::platform_admin(), "PUT", &path, Some(&json!({"name": name}))).await;
        assert_eq!((put.status, &put.json()["name"]), (200, &json!(name)));
        let (read, _) = self.world.call(&Caller::of_role(&self.org, Role::Member), "GET", &path, None).await;
        assert_eq!((read.status, &read.json()["name"]), (200, &json!(name)));
    }

    /// A key that works at once. Its making has no `Idempotency-Key`: one whose answer was lost stays, unknown to all.
    async fn make(&mut self) -> String {
        let body = json!({"name": "a key", "scopes": ["kyc:read"]});
        let (made, tries) = self.world.call(&self.admin(), "POST", &self.path(), Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        self.asked += tries;
        let key = made.json()["key"].as_str().unwrap().to_owned();
        // A case that there is not.
        let headers = [("x-api-key", key.as_str())];
        let (used, _) = self.world.send("GET", "/api/v1/kyc/cases/999/audit-log", &headers, None).await;
        assert_eq!(used.status, 404, "{}", used.text());
        let id = made.json()["id"].as_str().unwrap().to_owned();
        self.live.insert(id.clone());
        id
    }

    async fn revoke(&mut self, id: &str) {
        let path = format!("{}/{id}", self.path());
        let (revoked, tries) = self.world.call(&self.admin(), "DELETE", &path, None).await;
        assert!(revoked.status == 204 || revoked.status == 404 && tries > 1, "{}", revoked.text());
        self.live.remove(id);
        self.revoked.insert(id.to_owned());
    }

    async fn list(&self) -> BTreeSet<String> {
        let (answer, _) = self.world.call(&self.admin(), "GET", &self.path(), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let listed: BTreeSet<String> =
            answer.json().as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect();
        assert!(self.live.is_subset(&listed), "lost");
        assert!(self.revoked.is_disjoint(&listed), "revoked and there");
        listed
    }

    fn admin(&self) -> Caller {
        Caller::of_role(&self.org, Role::Admin)
    }

    fn path(&self) -> String {
        format!("/orgs/{}/api-keys", self.org)
    }

    /// Holds list and export against what was done: of each key its making, and its end, once. Answers how many keys there were.
    pub(in crate::hostile) async fn check(self, lines: &[Value]) -> usize {
        let listed = self.list().await;
        let told = |action: &str| {
            let lines: Vec<&str> = of_type(lines, "api-key")
                .filter(|line| line["action"] == action)
                .map(|line| line["entityId"].as_str().unwrap())
                .collect();
            let ids: BTreeSet<String> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(ids.len(), lines.len(), "{action} is told twice");
            ids
        };
        let (made, revoked) = (told("Create"), told("Revoke"));
        assert_eq!(revoked, self.revoked);
        assert_eq!(made, listed.union(&revoked).cloned().collect());
        made.len()
    }
}
