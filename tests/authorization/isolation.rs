use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_model::EntityType;

use super::{ENTITY, register, whole};
use crate::harness::{Answer, Caller, FolioEvent, System};

/// In every text of ours that is free to choose.
const OURS: &str = "alphamark";
/// The same of the others: in no answer of ours.
const THEIRS: &str = "betamark";

const OUR_ORG: &str = "alpha";
const THEIR_ORG: &str = "betamark-org";

const OUR_USER: &str = "11111111-1111-4111-8111-111111111111";
const THEIR_USER: &str = "22222222-2222-4222-8222-222222222222";

/// An entity that only the others have, and one that nobody has.
const THEIR_ENTITY: &str = "33333333-3333-4333-8333-333333333333";
const NO_ENTITY: &str = "44444444-4444-4444-8444-444444444444";
const NO_KEY: &str = "0197b0b4-0000-7000-8000-000000000000";

/// How much of everything there is: the others have more.
const OUR_COUNT: usize = 2;
const THEIR_COUNT: usize = 5;

/// Two organizations that differ in marks and counts only.
struct Lookalikes {
    system: System,
    our_keys: Vec<Value>,
    their_keys: Vec<Value>,
}

/// The `n`th event: organizations have the same ids, times and actions.
fn event(entity_type: EntityType, entity_id: &str, n: usize, mark: &str, user: &str) -> FolioEvent {
    let text = format!("{mark} {n}");
    let snapshot = json!({
        "id": entity_id, "n": n, "note": text, text.as_str(): 1, "nested": [{"text": text}],
        "receivingStatus": if n.is_multiple_of(2) { "Expected" } else { "Received" },
    });
    FolioEvent {
        id: format!("{n:08x}-0000-4000-8000-000000000000"),
        user_id: Some(user.to_owned()),
        snapshot,
        ..FolioEvent::nth(entity_type, entity_id, n)
    }
}

/// Every read of an entity.
fn reads(id: &str) -> Vec<String> {
    let reads = EntityType::ACQUISITION.iter().map(|entity_type| format!("/audit-data/acquisition/{entity_type}/{id}"));
    reads.chain([format!("/audit-data/acquisition/piece/{id}/status-change-history")]).collect()
}

impl Lookalikes {
    async fn start() -> Self {
        let system = System::start().await;
        // Theirs first and last, so that ours are between them in every order of writing.
        register(&system, THEIR_ORG, THEIRS).await;
        register(&system, OUR_ORG, OURS).await;
        for entity_type in EntityType::ACQUISITION {
            let theirs = |n, id| event(entity_type, id, n, THEIRS, THEIR_USER).in_batch(THEIR_ORG);
            let ours = |n| event(entity_type, ENTITY, n, OURS, OUR_USER).in_batch(OUR_ORG);
            let mut events: Vec<Value> = (0..OUR_COUNT).flat_map(|n| [theirs(n, ENTITY), ours(n)]).collect();
            events.extend((OUR_COUNT..THEIR_COUNT).map(|n| theirs(n, ENTITY)));
            events.extend((0..THEIR_COUNT).map(|n| theirs(n + 100, THEIR_ENTITY)));
            let sent = events.len();
            assert_eq!(system.ingest(events).await["stored"], sent);
        }
        let (mut our_keys, mut their_keys) = (Vec::new(), Vec::new());
        for n in 0..THEIR_COUNT {
            their_keys.push(key(&system, THEIR_ORG, n).await);
            if n < OUR_COUNT {
                our_keys.push(key(&system, OUR_ORG, n).await);
            }
        }
        Self { system, our_keys, their_keys }
    }

    /// What is theirs alone.
    fn secrets(&self) -> Vec<String> {
        let of_keys = self
            .their_keys
            .iter()
            .flat_map(|key| ["id", "key", "prefix"].map(|member| key[member].as_str().unwrap().to_owned()));
        of_keys.chain([THEIRS, THEIR_USER, THEIR_ENTITY].map(ToOwned::to_owned)).collect()
    }

    #[track_caller]
    fn assert_ours(&self, what: &str, answer: &Answer) {
        let told = whole(answer);
        for secret in self.secrets() {
            assert!(!told.contains(&secret), "{what} tells {secret}: {told}");
        }
    }
}

/// Makes a key: its name is the same in every organization.
async fn key(system: &System, org: &str, n: usize) -> Value {
    let body = json!({"name": format!("key {n}"), "scopes": ["kyc:read"]});
    let owner = Caller::of_role(org, Role::Owner);
    let answer = system.call(&owner, "POST", &format!("/orgs/{org}/api-keys"), Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// Status, headers and body.
type Comparable = (u16, Vec<(String, Vec<u8>)>, Vec<u8>);

/// An answer without what differs between any two: the time, and the id of the request.
fn comparable(answer: &Answer) -> Comparable {
    let headers = answer.headers.iter().filter(|(name, _)| !["date", "apigw-requestid"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    (answer.status, headers, answer.bytes.clone())
}

/// The events of a read, and how many there are in all.
fn events(answer: &Answer) -> (usize, u64) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let events = body.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    (events.len(), body["totalItems"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn histories_tell_nothing_of_another_organization() {
    let orgs = Lookalikes::start().await;
    let (us, them) = (Caller::auditor(OUR_ORG), Caller::auditor(THEIR_ORG));
    for path in reads(ENTITY) {
        // The marks are where they belong; otherwise their absence would say nothing.
        let (ours, theirs) = (orgs.system.get(&us, &path).await, orgs.system.get(&them, &path).await);
        assert!(ours.text().contains(OURS) && ours.text().contains(OUR_USER), "{path}");
        assert!(theirs.text().contains(THEIRS) && theirs.text().contains(THEIR_USER), "{path}");
        assert_eq!((events(&ours), events(&theirs)), ((2, 2), (5, 5)), "{path}");
        for (query, shown) in [
            ("", 2),
            ("?limit=0", 0),
            ("?limit=1", 1),
            ("?limit=100", 2),
            ("?offset=1", 1),
            ("?offset=2", 0),
            ("?offset=3&limit=100", 0),
            ("?sortOrder=asc", 2),
            ("?sortOrder=desc&limit=1&offset=1", 1),
        ] {
            let answer = orgs.system.get(&us, &format!("{path}{query}")).await;
            orgs.assert_ours(&format!("{path}{query}"), &answer);
            assert_eq!(events(&answer), (shown, 2), "{path}{query}");
        }
        for query in ["?limit=x", "?offset=-1", "?sortOrder=x", "?sortBy=x"] {
            let answer = orgs.system.get(&us, &format!("{path}{query}")).await;
            orgs.assert_ours(&format!("{path}{query}"), &answer);
        }
    }
    orgs.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_entity_of_another_organization_is_one_that_there_is_not() {
    let orgs = Lookalikes::start().await;
    let callers = [Caller::auditor(OUR_ORG), Caller::with(OUR_ORG, &[])];
    for (theirs, nobodys) in reads(THEIR_ENTITY).into_iter().zip(reads(NO_ENTITY)) {
        for query in ["", "?limit=1", "?offset=1", "?sortOrder=asc", "?limit=x"] {
            for caller in &callers {
                let (path, unknown) = (format!("{theirs}{query}"), format!("{nobodys}{query}"));
                let (theirs, nobodys) = (orgs.system.get(caller, &path).await, orgs.system.get(caller, &unknown).await);
                orgs.assert_ours(&path, &theirs);
                assert_eq!(comparable(&theirs), comparable(&nobodys), "{path}");
            }
            // Whose header names the others' tenant is told the same as one who names none that there is.
            let path = format!("{theirs}{query}");
            let named = async |tenant| orgs.system.get_with(&callers[0], &path, &[("x-okapi-tenant", tenant)]).await;
            let (theirs, nobodys) = (named(THEIR_ORG).await, named("nobody").await);
            orgs.assert_ours(&path, &theirs);
            assert_eq!((theirs.status, comparable(&theirs)), (401, comparable(&nobodys)), "{path}");
        }
        assert!(orgs.system.get(&Caller::auditor(THEIR_ORG), &theirs).await.text().contains(THEIRS));
    }
    orgs.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn organizations_and_keys_tell_nothing_of_another_organization() {
    let orgs = Lookalikes::start().await;
    let us = Caller::of_role(OUR_ORG, Role::Owner);
    let get = async |path: &str| {
        let answer = orgs.system.call(&us, "GET", path, None).await;
        orgs.assert_ours(path, &answer);
        answer
    };
    assert_eq!(get("/orgs/alpha").await.json()["name"], OURS);
    let keys = "/orgs/alpha/api-keys";
    assert_eq!(get(keys).await.json().as_array().unwrap().len(), OUR_COUNT);
    for query in ["?limit=1", "?limit=100", "?limit=x", "?before=x"] {
        get(&format!("{keys}{query}")).await;
    }
    for key in orgs.their_keys.iter().chain(&orgs.our_keys) {
        let before = format!("{keys}?before={}", key["id"].as_str().unwrap());
        let answer = get(&before).await;
        assert_eq!(answer.status, 200, "{before}: {}", answer.text());
        let ours = |shown: &Value| orgs.our_keys.iter().any(|key| key["id"] == shown["id"]);
        assert!(answer.json().as_array().unwrap().iter().all(ours), "{before}");
    }
    orgs.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn another_organization_and_its_keys_are_what_there_is_not() {
    let orgs = Lookalikes::start().await;
    let body = json!({"name": "key 0", "scopes": ["kyc:read"]});
    let wrong = json!({"name": 1});
    let their_key = orgs.their_keys[0]["id"].as_str().unwrap();
    let of_org = |org: &str, key: &str| {
        [
            ("GET", format!("/orgs/{org}"), None),
            ("PUT", format!("/orgs/{org}"), None),
            ("PUT", format!("/orgs/{org}"), Some(wrong.clone())),
            ("GET", format!("/orgs/{org}/api-keys"), None),
            ("GET", format!("/orgs/{org}/api-keys?limit=x"), None),
            ("GET", format!("/orgs/{org}/api-keys?limit=1&before={key}"), None),
            ("POST", format!("/orgs/{org}/api-keys"), Some(body.clone())),
            ("POST", format!("/orgs/{org}/api-keys"), Some(wrong.clone())),
            ("DELETE", format!("/orgs/{org}/api-keys/{key}"), None),
        ]
    };
    let mut pairs: Vec<_> = of_org(THEIR_ORG, their_key).into_iter().zip(of_org("nobody", NO_KEY)).collect();
    // Their key in our organization.
    let delete = |key: &str| ("DELETE", format!("/orgs/{OUR_ORG}/api-keys/{key}"), None);
    pairs.push((delete(their_key), delete(NO_KEY)));
    for role in Role::ALL {
        let us = Caller::of_role(OUR_ORG, role);
        for ((method, path, body), (_, unknown, _)) in &pairs {
            let theirs = orgs.system.call(&us, method, path, body.as_ref()).await;
            let nobodys = orgs.system.call(&us, method, unknown, body.as_ref()).await;
            orgs.assert_ours(&format!("{method} {path}"), &theirs);
            assert_eq!(comparable(&theirs), comparable(&nobodys), "{role:?} {method} {path}");
            assert!([400, 403, 404].contains(&theirs.status), "{role:?} {method} {path}");
        }
    }
    // And nothing has happened to them.
    let them = Caller::of_role(THEIR_ORG, Role::Owner);
    let keys = orgs.system.call(&them, "GET", &format!("/orgs/{THEIR_ORG}/api-keys"), None).await;
    assert_eq!(keys.json().as_array().unwrap().len(), THEIR_COUNT);
    orgs.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_tells_nothing_of_another_organization() {
    let orgs = Lookalikes::start().await;
    let (ours, theirs) = (orgs.system.enable_export(OUR_ORG).await, orgs.system.enable_export(THEIR_ORG).await);
    for org in [OUR_ORG, THEIR_ORG] {
        orgs.system.export(org).await;
    }
    let (text, control) = (orgs.system.exported_text(&ours), orgs.system.exported_text(&theirs));
    assert!(text.contains(OURS) && control.contains(THEIRS));
    let told = format!("{text}{:?}", orgs.system.keys(&ours));
    for secret in orgs.secrets() {
        assert!(!told.contains(&secret), "{secret}");
    }
    orgs.system.stop().await;
}
