use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sporlog_local::identity::TokenRequest;
use sporlog_model::{Clock, EntityType};
use uuid::Uuid;

use crate::harness::{FolioEvent, System, org};

/// Orders, and cases, of an organization.
const THINGS: usize = 8;
/// Longer than any flood.
const TOKEN_SECONDS: i64 = 7_200;

/// An organization and what was acknowledged to it. Asks with a client of its own, not the harness's, which would hold each answer
/// against the API's description: that takes longer than the answer.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) org: String,
    key: String,
    token: String,
    orders: Vec<String>,
    events: [AtomicU64; THINGS],
    entries: [AtomicU64; THINGS],
}

impl Tenant {
    pub(super) async fn of(system: &System, id: String) -> Self {
        let request = TokenRequest {
            org: org(&id),
            subject: "tester".to_owned(),
            roles: Vec::new(),
            scopes: vec!["audit.all".to_owned()],
            issued_at: Clock::system().now(),
            lifetime_seconds: TOKEN_SECONDS,
        };
        Self {
            key: system.api_key(&id, &["kyc:read", "kyc:write"]).await,
            token: system.issuer().token(&request).unwrap(),
            orders: (0..THINGS).map(|_| Uuid::new_v4().to_string()).collect(),
            events: [const { AtomicU64::new(0) }; THINGS],
            entries: [const { AtomicU64::new(0) }; THINGS],
            org: id,
        }
    }

    /// One request: of a hundred 40 events, 15 entries of a case, 30 histories, 15 pages of a case. It must succeed.
    pub(super) async fn request(&self, system: &System, http: &reqwest::Client, random: &mut fastrand::Rng) {
        let thing = random.usize(0..THINGS);
        match random.u32(0..100) {
            0..40 => self.ingest(system, http, thing).await,
            40..55 => self.append(system, http, thing).await,
            // A case is there with its first entry.
            55..70 if self.entries[thing].load(Ordering::SeqCst) > 0 => drop(self.page(system, http, thing).await),
            _ => drop(self.history(system, http, thing).await),
        }
    }

    async fn ingest(&self, system: &System, http: &reqwest::Client, thing: usize) {
        let event = FolioEvent::of(EntityType::Order, &self.orders[thing]).in_batch(&self.org);
        let url = format!("http://{}/2015-03-31/functions/IngestFunction/invocations", system.stack.invoke);
        let answer = answered(http.post(url).body(json!({"events": [event]}).to_string()), 200).await;
        assert_eq!(answer["stored"], 1, "{answer}");
        self.events[thing].fetch_add(1, Ordering::SeqCst);
    }

    async fn append(&self, system: &System, http: &reqwest::Client, thing: usize) {
        let body = json!({"user": "Anna Jensen", "entity_type": "kyc_answer", "action": "SAVED", "new_value": "yes"});
        let request = http.post(system.url(&case(thing))).header("x-api-key", &self.key);
        answered(request.header("content-type", "application/json").body(body.to_string()), 201).await;
        self.entries[thing].fetch_add(1, Ordering::SeqCst);
    }

    /// How many entries a case has.
    async fn page(&self, system: &System, http: &reqwest::Client, thing: usize) -> u64 {
        let url = system.url(&format!("{}?page_size=20", case(thing)));
        let answer = answered(http.get(url).header("x-api-key", &self.key), 200).await;
        answer["pagination"]["total_count"].as_u64().unwrap()
    }

    /// How many events an order has.
    async fn history(&self, system: &System, http: &reqwest::Client, thing: usize) -> u64 {
        let url = system.url(&format!("/audit-data/acquisition/order/{}?limit=10", self.orders[thing]));
        let request = http.get(url).header("x-okapi-tenant", &self.org).header("x-okapi-token", &self.token);
        answered(request, 200).await["totalItems"].as_u64().unwrap()
    }

    /// That everything acknowledged is there, once. Answers how much that is.
    pub(super) async fn check(&self, system: &System, http: &reqwest::Client) -> u64 {
        let mut all = 0;
        for thing in 0..THINGS {
            let events = self.events[thing].load(Ordering::SeqCst);
            assert_eq!(self.history(system, http, thing).await, events, "{}", self.org);
            let entries = self.entries[thing].load(Ordering::SeqCst);
            if entries > 0 {
                assert_eq!(self.page(system, http, thing).await, entries, "{}", self.org);
            }
            all += events + entries;
        }
        all
    }
}

fn case(thing: usize) -> String {
    format!("/api/v1/kyc/cases/{}/audit-log", thing + 1)
}

async fn answered(request: reqwest::RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.unwrap();
    let (found, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}
