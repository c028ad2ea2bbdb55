//! Whatever stands in the path, the query, the headers and the body of a request. Every answer is held against the API's description by
//! the harness; here, none is a fault of Sporlog's.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use reqwest::header::HeaderValue;
use sporlog_auth::Role;
use sporlog_model::EntityType;

use super::{any_json, for_all, hostile_text, near};
use crate::harness::{Caller, FolioEvent, System, in_batch};

const ENTITY: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// An operation: its path, in which `{}` may be anything, and a body that it takes.
struct Operation {
    method: &'static str,
    path: &'static str,
    /// What the path is for, mostly.
    known: &'static str,
    body: Option<&'static str>,
}

const fn get(path: &'static str, known: &'static str) -> Operation {
    Operation { method: "GET", path, known, body: None }
}

const OPERATIONS: [Operation; 19] = [
    get("/audit-data/acquisition/order/{}", ENTITY),
    get("/audit-data/acquisition/piece/{}/status-change-history", ENTITY),
    get("/audit/config/groups/{}/settings", "audit.acquisition"),
    Operation {
        method: "PUT",
        path: "/audit/config/groups/audit.acquisition/settings/{}",
        known: "records.retention.period",
        body: Some(r#"{"key":"records.retention.period","value":30,"type":"INTEGER"}"#),
    },
    Operation {
        method: "PUT",
        path: "/audit/config/groups/audit.inventory/settings/{}",
        known: "excluded.fields",
        body: Some(r#"{"key":"excluded.fields","value":"[\"a.b\"]","type":"STRING","description":null}"#),
    },
    get("/api/v1/kyc/cases/{}/audit-log", "42"),
    get("/api/v1/kyc/cases/{}/status-history", "42"),
    Operation {
        method: "POST",
        path: "/api/v1/kyc/cases/{}/audit-log",
        known: "42",
        body: Some(
            r#"{"entries":[{"user":"u","entity_type":"e","action":"STATUS_CHANGED","field":"status","new_value":"x","timestamp":"2025-03-10T10:15:00+01:00"}]}"#,
        ),
    },
    get("/api/v1/bufdir-export-audit{}", ""),
    get("/api/v1/bufdir-export-audit/{}", "aud-20260301-001"),
    Operation {
        method: "POST",
        path: "/api/v1/bufdir-export-audit{}",
        known: "",
        body: Some(
            r#"{"export_id":"e","org_id":"diku","triggered_by_user_id":"u","format":"pdf","period_from":"2025-01-01","period_to":"2025-12-31","activity_types":["a"]}"#,
        ),
    },
    Operation {
        method: "PUT",
        path: "/api/v1/bufdir-export-audit/{}/status",
        known: "aud-20260301-001",
        body: Some(r#"{"status":"failed","error_message":"m","activity_count":18446744073709551615}"#),
    },
    Operation {
        method: "PUT",
        path: "/api/v1/bufdir-export-audit/{}/file",
        known: "aud-20260301-001",
        body: Some(r#"{"file_url":"https://a.example/b","file_size_bytes":1}"#),
    },
    get("/orgs/{}", "diku"),
    get("/orgs/diku/audit-export/runs{}", ""),
    get("/orgs/{}/audit-export/setup", "diku"),
    Operation {
        method: "POST",
        path: "/orgs/{}/audit-export/config",
        known: "diku",
        body: Some(
            r#"{"bucket":"my-logs","region":"eu-north-1","roleArn":"arn:aws:iam::123456789012:role/a","enabled":false,"prefix":"a/b","kmsKeyId":null}"#,
        ),
    },
    get("/orgs/{}/api-keys", "diku"),
    Operation {
        method: "DELETE",
        path: "/orgs/diku/api-keys/{}",
        known: "00000000-0000-7000-8000-000000000000",
        body: None,
    },
];

fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string()
}

/// Names of every group, with values that suit none.
fn queries() -> impl Strategy<Value = String> {
    let names = vec![
        "limit",
        "offset",
        "page",
        "page_size",
        "before",
        "sortBy",
        "sortOrder",
        "action",
        "status",
        "format",
        "from",
        "to",
        "org_id",
        "bucket",
        "region",
        "prefix",
        "kmsKeyId",
    ];
    let values = prop_oneof![
        1 => hostile_text().prop_filter("short", |text| text.len() < 1_000),
        1 => prop::sample::select(vec![
            "", "0", "1", "-1", "+1", "1e3", "1.0", "２", "2147483647", "2147483648", "18446744073709551615", "18446744073709551616", "desc", "action_date",
            "2026-03-01T08:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "-009999-01-01T00:00:00Z", "diku", "other", "my-logs", "eu-north-1",
            "cn-north-1", "a/b", "STATUS_CHANGED", "queued", "pdf", ENTITY,
        ]).prop_map(str::to_owned),
    ];
    let pair = (prop_oneof![8 => prop::sample::select(names).prop_map(str::to_owned), 1 => "[a-z]{0,5}"], values)
        .prop_map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)));
    let raw = prop::sample::select(vec![
        "&&",
        "=",
        "limit",
        "limit=%",
        "limit=%zz",
        "limit=%ff",
        "%00=%00",
        "limit=1&limit=x",
        "a=b=c",
        "+",
        "limit=+1",
        "limit=1%2B",
    ]);
    let part = prop_oneof![6 => pair, 1 => raw.prop_map(str::to_owned)];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.join("&"))
}

/// Headers that some operation reads.
fn headers() -> impl Strategy<Value = Vec<(&'static str, HeaderValue)>> {
    let names = vec![
        "x-okapi-tenant",
        "x-snapshot-format",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "accept-encoding",
        "content-type",
    ];
    let values = prop_oneof![
        1 => hostile_text().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::sample::select(vec!["diku", "other", "plain", "WRAPPED", "*", "\"1\"", "W/\"1\", \"2\"", "\"", "k", "gzip", "identity;q=0", "application/json", "text/plain"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let header = (prop::sample::select(names), values).prop_filter_map("HTTP lets stand", |(name, value)| {
        let value = HeaderValue::from_bytes(value.trim_ascii()).ok()?;
        (value.len() < 4_000).then_some((name, value))
    });
    prop::collection::vec(header, 0..3)
}

#[test]
fn whatever_a_request_says_the_answer_is_one_of_those_described() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let system = runtime.block_on(System::start());
    let caller = Caller {
        scopes: vec!["audit.all".to_owned(), "audit.config.all".to_owned()],
        ..Caller::of_role("diku", Role::Admin)
    };
    let token = system.token(&caller);
    let key = runtime.block_on(system.api_key("diku", &["kyc:read", "kyc:write"]));
    let events = [EntityType::Order, EntityType::Piece]
        .map(|kind| in_batch("diku", kind, &FolioEvent::of(kind, ENTITY).payload()));
    runtime.block_on(system.ingest(events.to_vec()));

    let part = prop_oneof![3 => Just(None), 2 => hostile_text().prop_filter("short", |text| text.len() < 2_000).prop_map(Some)];
    let bodies = (0..OPERATIONS.len()).prop_flat_map(|number| {
        let sample = OPERATIONS[number].body.unwrap_or("{}").as_bytes().to_vec();
        let body = prop_oneof![
            4 => near(vec![sample]),
            1 => any_json().prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..100),
        ];
        (Just(number), body)
    });
    for_all(&(bodies, part, queries(), headers()), |((number, body), part, query, odd)| {
        let operation = &OPERATIONS[number];
        let filling = part.map_or_else(|| operation.known.to_owned(), |part| encoded(&part));
        let path = operation.path.replace("{}", &filling);
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let credentials = [
            ("authorization", format!("Bearer {token}")),
            ("x-okapi-token", token.clone()),
            ("x-api-key", key.clone()),
        ];
        let credentials = credentials.iter().filter(|(name, _)| *name == credential_of(operation.path));
        let mut headers: Vec<(&str, HeaderValue)> =
            credentials.map(|(name, value)| (*name, HeaderValue::from_str(value).unwrap())).collect();
        for (name, value) in [("x-okapi-tenant", "diku"), ("content-type", "application/json")] {
            if !odd.iter().any(|(odd, _)| *odd == name) {
                headers.push((name, HeaderValue::from_static(value)));
            }
        }
        // FOLIO's tenant must be the token's.
        let is_refused = odd.iter().any(|(name, value)| *name == "x-okapi-tenant" && value != "diku");
        headers.extend(odd);
        let body = operation.body.map(|_| body);
        let answer = runtime.block_on(system.send_bytes(operation.method, &path, &headers, body));
        prop_assert!(answer.status < 500, "{}: {}", answer.status, answer.text());
        prop_assert!(answer.status != 401 || is_refused, "{} {}", operation.method, path);
        Ok(())
    });
    runtime.block_on(system.finish_runs());
    runtime.block_on(system.stop());
}

fn credential_of(path: &str) -> &'static str {
    if path.starts_with("/audit") {
        "x-okapi-token"
    } else if path.contains("/kyc/") {
        "x-api-key"
    } else {
        "authorization"
    }
}
