use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_local::identity::{Issuer, TokenRequest};
use sporlog_model::{ApiKeySecret, Clock, EntityType, ExternalId};
use tracing_subscriber::EnvFilter;

use super::{ENTITY, register, send};
use crate::harness::{Caller, FolioEvent, System, in_batch, org};

/// In the body of every event, in every place that takes a text.
const BODY: &str = "bodymark";
/// In the body of every request.
const REQUEST: &str = "requestmark";
/// In every credential that is no token and no key.
const CREDENTIAL: &str = "credentialmark";

const ROLE_ARN: &str = "arn:aws:iam::000000000000:role/rolemark";

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What functions and the local run log at their most talkative.
fn filter() -> EnvFilter {
    let ours = [
        "acquisition_audit",
        "authorizer",
        "export_dispatch",
        "export_run",
        "ingest",
        "organizations",
        "sporlog",
        "sporlog_boot",
        "sporlog_export",
        "sporlog_http",
        "sporlog_local",
        "sporlog_store",
    ];
    EnvFilter::new(format!("warn,dynoxide=error,{}", ours.map(|name| format!("{name}=trace")).join(",")))
}

/// A run and everything that its log must not tell.
struct Run {
    system: System,
    secrets: Vec<String>,
}

impl Run {
    /// A token, as a whole and in each of its parts, is secret from here on. What all tokens begin with is none.
    fn secret_token(&mut self, token: String) -> String {
        let parts = token.split('.').skip(1).filter(|part| !part.is_empty()).map(ToOwned::to_owned);
        self.secrets.extend(parts.collect::<Vec<_>>());
        token
    }

    /// So is a key, and what is stored of it. What lists show of it is not.
    fn secret_key(&mut self, key: &str) -> String {
        let secret = ApiKeySecret::parse(key).unwrap();
        self.secrets.extend([secret.reveal()[12..].to_owned(), secret.hash().as_str().to_owned()]);
        key.to_owned()
    }

    fn token(&mut self, caller: &Caller) -> String {
        let token = self.system.token(caller);
        self.secret_token(token)
    }

    fn expired(&mut self, issuer: Option<&Issuer>) -> String {
        let request = TokenRequest {
            org: org("diku"),
            subject: "tester".to_owned(),
            roles: Vec::new(),
            scopes: Vec::new(),
            issued_at: Clock::system().now().minus(Duration::from_hours(1)),
            lifetime_seconds: 60,
        };
        let token = issuer.unwrap_or(&self.system.stack.issuer).token(&request).unwrap();
        self.secret_token(token)
    }

    async fn create_key(&mut self, token: &str) -> (String, String) {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let body = json!({"name": "a key", "scopes": ["kyc:read"]});
        let answer = send(&self.system, "POST", "/orgs/diku/api-keys", &headers, Some(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let key = answer.json();
        (key["id"].as_str().unwrap().to_owned(), self.secret_key(key["key"].as_str().unwrap()))
    }
}

/// Credentials of every kind, good and bad, in every header.
async fn use_credentials(run: &mut Run) {
    let (owner, auditor) = (Caller::of_role("diku", Role::Owner), Caller::auditor("diku"));
    let (owner, auditor) = (run.token(&owner), run.token(&auditor));
    let (id, revoked) = run.create_key(&owner).await;
    let (_, key) = run.create_key(&owner).await;
    let ask = async |run: &Run, key: &str| {
        let event = json!({"identitySource": [key], "headers": {"x-api-key": key}});
        run.system.try_invoke("AuthorizerFunction", &event).await.is_ok()
    };
    assert!(ask(run, &key).await && ask(run, &revoked).await);
    let headers = [("authorization", &*format!("Bearer {owner}"))];
    let deleted = send(&run.system, "DELETE", &format!("/orgs/diku/api-keys/{id}"), &headers, None).await;
    assert_eq!(deleted.status, 204);
    assert!(ask(run, &key).await && !ask(run, &revoked).await);

    let never = run.secret_key(ApiKeySecret::generate().unwrap().reveal());
    let (expired, foreign) = (run.expired(None), run.expired(Some(&Issuer::open(None).unwrap())));
    let broken = [format!("{CREDENTIAL}.{CREDENTIAL}.{CREDENTIAL}"), CREDENTIAL.to_owned(), format!("{owner}A")];
    let credentials = [owner, auditor, key, revoked, never, expired, foreign].into_iter().chain(broken);
    let mut statuses = std::collections::BTreeSet::new();
    for credential in credentials {
        for written in [credential.clone(), format!("Bearer {credential}"), format!("Basic {credential}")] {
            for header in ["authorization", "x-okapi-token", "x-api-key"] {
                let cookie = format!("okapiAccessToken={CREDENTIAL}");
                let headers = [(header, written.as_str()), ("x-okapi-tenant", "diku"), ("cookie", cookie.as_str())];
                for path in ["/orgs/diku", &format!("/audit-data/acquisition/order/{ENTITY}?token={CREDENTIAL}")] {
                    statuses.insert(send(&run.system, "GET", path, &headers, None).await.status);
                }
                let event = json!({"identitySource": [written], "headers": {header: written}});
                let _ = run.system.try_invoke("AuthorizerFunction", &event).await;
            }
        }
    }
    assert_eq!(statuses, [200, 401, 403].into());
}

/// Requests that are the caller's mistake, each with something in its body.
async fn make_mistakes(run: &mut Run) {
    let (owner, platform) = (run.token(&Caller::of_role("diku", Role::Owner)), run.token(&Caller::platform_admin()));
    for (token, method, path, body) in [
        (&owner, "POST", "/orgs/diku/api-keys", json!({"name": REQUEST, "scopes": [REQUEST]})),
        (&owner, "POST", "/orgs/diku/api-keys", json!({"name": [REQUEST], "scopes": REQUEST})),
        (&owner, "POST", "/orgs/diku/api-keys", json!({REQUEST: REQUEST})),
        (&owner, "POST", "/orgs/diku/api-keys", json!({"name": "a", "scopes": ["kyc:read"], "expiresAt": REQUEST})),
        (&owner, "POST", "/orgs/nobody/api-keys", json!({"name": REQUEST, "scopes": []})),
        (&owner, "PUT", "/orgs/diku", json!({"name": REQUEST})),
        (&platform, "PUT", "/orgs/diku", json!({"name": {REQUEST: 1}})),
        (&platform, "PUT", "/orgs/diku", json!(REQUEST)),
    ] {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let answer = send(&run.system, method, path, &headers, Some(&body)).await;
        assert!((400..500).contains(&answer.status), "{method} {path} {body}: {}", answer.text());
    }
}

/// Events that are stored, known already, and refused, each for another reason.
async fn ingest(run: &Run) {
    let event = FolioEvent { snapshot: json!({BODY: BODY}), ..FolioEvent::of(EntityType::Order, ENTITY) };
    let good = event.payload();
    let with = |member: &str, value: Value| {
        let mut payload = good.clone();
        payload[member] = value;
        in_batch("diku", EntityType::Order, &payload)
    };
    let events = vec![
        event.in_batch("diku"),
        event.in_batch("diku"),
        in_batch("diku", EntityType::Order, &json!(BODY)),
        in_batch("diku", EntityType::Order, &json!([BODY])),
        in_batch("diku", EntityType::Order, &json!({BODY: BODY})),
        with("id", json!(BODY)),
        with("id", json!([BODY])),
        with("orderId", json!(BODY)),
        with("orderId", json!({BODY: BODY})),
        with("action", json!({BODY: BODY})),
        with("actionDate", json!(BODY)),
        with("actionDate", json!({BODY: BODY})),
        with("eventDate", json!(BODY)),
        with("userId", json!([BODY])),
    ];
    let answer = run.system.ingest(events).await;
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&json!(1), &json!(3)), "{answer}");
    assert!(answer["rejected"].as_array().unwrap().len() > 8, "{answer}");
    // No batch at all, and no JSON within one.
    for event in [json!({BODY: BODY}), json!({"Records": [{"messageId": "m", "body": BODY, "eventSource": "aws:sqs"}]})]
    {
        let _ = run.system.try_invoke("IngestFunction", &event).await;
    }
}

/// An export that works, and one whose role is refused.
async fn export(run: &mut Run) {
    run.system.enable_export("diku").await;
    assert_eq!(run.system.export("diku").await["outcome"], "succeeded");
    let external_id = ExternalId::random();
    run.secrets.push(external_id.as_str().to_owned());
    run.system.configure_export("diku", "bucketmark", ROLE_ARN, external_id).await;
    let event = FolioEvent { snapshot: json!({BODY: BODY}), ..FolioEvent::of(EntityType::Piece, ENTITY) };
    run.system.ingest(vec![event.in_batch("diku")]).await;
    let failed = run.system.try_invoke("ExportRunFunction", &json!({"orgId": "diku", "trigger": "manual"})).await;
    assert!(failed.is_err() || failed.as_ref().unwrap()["outcome"] != "succeeded", "{failed:?}");
}

/// On one thread, because the subscriber is that thread's: every function, the gateway and the endpoints run on it.
#[tokio::test]
async fn the_log_of_a_run_holds_no_credential_and_no_body() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter()).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let secrets = [BODY, REQUEST, CREDENTIAL, "arn:aws", "rolemark"].map(ToOwned::to_owned).to_vec();
    let mut run = Run { system: System::start().await, secrets };
    register(&run.system, "diku", "Diku").await;
    use_credentials(&mut run).await;
    make_mistakes(&mut run).await;
    ingest(&run).await;
    export(&mut run).await;
    run.system.stop().await;
    drop(guard);

    let text = lines.text();
    // It was listened to.
    for told in ["credential refused", "request", "status=403", "ingested", "record set aside", "export failed"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let told = |line: &&str| run.secrets.iter().any(|secret| line.contains(secret.as_str()));
    let telling: Vec<&str> = text.lines().filter(told).collect();
    assert!(telling.is_empty(), "{}", telling.join("\n"));
}
