//! The operations, in an order in which each finds what it needs, and the least that `DynamoDB` allows for each.
//!
//! The least keeps what Sporlog promises: reads strongly consistent, what belongs together in one transaction (twice the units), an
//! event once, in its entity's history and in the feed, with exact counts. Rows are below 1 KB, so one unit each, where the formula
//! does not say otherwise. An event is at the least 8 write units: 2 × (the mark that takes its id, the count, the history's row, the feed's).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::child::ORDER;
use crate::events::ORG;
use crate::gateway::{Call, Caller};

/// What earlier answers have said.
type Known = BTreeMap<&'static str, String>;

#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) function: &'static str,
    pub(super) request: Request,
    /// A member of the answer that later requests need, and under which name.
    pub(super) teaches: Option<(&'static str, &'static str)>,
    pub(super) least: Least,
    pub(super) formula: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum Request {
    Http { caller: Caller, call: fn(&Known) -> Call },
    Event(fn(&Known) -> Value),
}

#[derive(Clone, Copy)]
pub(super) enum Least {
    Of {
        read: f64,
        write: f64,
    },
    /// An item for the total, and these rows at 4 KB a unit.
    HeadAndRows {
        partition: &'static str,
        prefix: &'static str,
        limit: usize,
    },
}

const ADMIN: Caller =
    Caller { org: ORG, role: Some("admin"), scopes: &["audit.all", "audit.config.all", "kyc:read", "kyc:write"] };
const PLATFORM: Caller = Caller { org: "sporlog", role: None, scopes: &["platform:admin"] };

const ORDER_ROWS: &str = "ORG#diku#order#c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
const PIECE_ROWS: &str = "ORG#diku#piece#c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
const CASE_ROWS: &str = "ORG#diku#kyc-case#42";
const BUFDIR_ROWS: &str = "ORG#diku#BUFDIR";

const fn of(read: f64, write: f64) -> Least {
    Least::Of { read, write }
}

const fn http(
    name: &'static str,
    function: &'static str,
    call: fn(&Known) -> Call,
    least: Least,
    formula: &'static str,
) -> Operation {
    Operation { name, function, request: Request::Http { caller: ADMIN, call }, teaches: None, least, formula }
}

const fn teaching(operation: Operation, name: &'static str, member: &'static str) -> Operation {
    Operation { teaches: Some((name, member)), ..operation }
}

const fn event(
    name: &'static str,
    function: &'static str,
    event: fn(&Known) -> Value,
    least: Least,
    formula: &'static str,
) -> Operation {
    Operation { name, function, request: Request::Event(event), teaches: None, least, formula }
}

const HISTORY: &str = "acquisition-audit";
const KYC: &str = "kyc-audit-log";
const BUFDIR: &str = "bufdir-export-audit";
const EXPORT: &str = "audit-export";
const ORGANIZATIONS: &str = "organizations";
const SETTINGS: &str = "audit-config";

pub(super) const OPERATIONS: [Operation; 30] = [
    http(
        "ten events of an order",
        HISTORY,
        |_| Call::get(format!("/audit-data/acquisition/order/{ORDER}?limit=10")),
        Least::HeadAndRows { partition: ORDER_ROWS, prefix: "EV#", limit: 10 },
        "the total, and the ten rows",
    ),
    http(
        "the same again within 2 s",
        HISTORY,
        |_| Call::get(format!("/audit-data/acquisition/order/{ORDER}?limit=10")),
        Least::HeadAndRows { partition: ORDER_ROWS, prefix: "EV#", limit: 10 },
        "the same",
    ),
    http(
        "the same by event date",
        HISTORY,
        |_| Call::get(format!("/audit-data/acquisition/order/{ORDER}?limit=10&sortBy=event_date")),
        Least::HeadAndRows { partition: ORDER_ROWS, prefix: "EV#", limit: 10 },
        "the same, if whole rows were kept in this order too",
    ),
    http(
        "status changes of a piece with ten events",
        HISTORY,
        |_| Call::get(format!("/audit-data/acquisition/piece/{ORDER}/status-change-history?limit=10")),
        Least::HeadAndRows { partition: PIECE_ROWS, prefix: "EV#", limit: 10 },
        "the total, and the rows, if the changes were kept as such",
    ),
    Operation {
        request: Request::Http {
            caller: PLATFORM,
            call: |_| Call::with_body("PUT", format!("/orgs/{ORG}"), json!({"name": "Diku Library"})),
        },
        ..http(
            "register an organization",
            ORGANIZATIONS,
            |_| Call::get(""),
            of(0.0, 10.0),
            "2 × (the organization) + its event",
        )
    },
    http("see an organization", ORGANIZATIONS, |_| Call::get(format!("/orgs/{ORG}")), of(1.0, 0.0), "one item"),
    teaching(teaching_key(), "key", "key"),
    http("list the API keys", ORGANIZATIONS, |_| Call::get(format!("/orgs/{ORG}/api-keys")), of(1.0, 0.0), "one query"),
    event(
        "authorize an API key, first time in an hour",
        "authorizer",
        authorization,
        of(1.0, 1.0),
        "the key; when it was used",
    ),
    event("authorize an API key", "authorizer", authorization, of(1.0, 0.0), "the key"),
    http(
        "append an entry to a case",
        KYC,
        |_| Call::with_body("POST", "/api/v1/kyc/cases/42/audit-log", entry()),
        of(1.0, 9.0),
        "the case's head; 2 × (head, the entry by number and by action, the feed), and the counter of ids",
    ),
    http(
        "append 40 entries to a case",
        KYC,
        |_| Call::with_body("POST", "/api/v1/kyc/cases/42/audit-log", json!({"entries": vec![entry(); 40]})),
        of(1.0, 165.0),
        "the same: 2 × (1 + 2 × 40 + 1) + 1",
    ),
    http(
        "a page of ten entries",
        KYC,
        |_| Call::get("/api/v1/kyc/cases/42/audit-log?page_size=10"),
        Least::HeadAndRows { partition: CASE_ROWS, prefix: "EV#", limit: 10 },
        "the head, and the ten rows",
    ),
    http(
        "the status history of a case",
        KYC,
        |_| Call::get("/api/v1/kyc/cases/42/status-history"),
        Least::HeadAndRows { partition: CASE_ROWS, prefix: "ACT#STATUS_CHANGED#", limit: 100 },
        "the head, and the rows of these changes",
    ),
    http(
        "list the groups of settings",
        SETTINGS,
        |_| Call::get("/audit/config/groups"),
        of(0.0, 0.0),
        "nothing: they are in the program",
    ),
    http(
        "the settings of a group",
        SETTINGS,
        |_| Call::get("/audit/config/groups/audit.acquisition/settings"),
        of(1.0, 0.0),
        "one query",
    ),
    http(
        "change a setting",
        SETTINGS,
        |_| {
            Call::with_body(
                "PUT",
                "/audit/config/groups/audit.acquisition/settings/snapshot.format",
                json!({"key": "snapshot.format", "value": "wrapped", "type": "STRING"}),
            )
        },
        of(1.0, 10.0),
        "what was before; 2 × (the setting) + its event",
    ),
    http(
        "what the export wants set up",
        EXPORT,
        |_| Call::get(format!("/orgs/{ORG}/audit-export/setup?bucket=bench-bucket&region=eu-north-1")),
        of(2.0, 0.0),
        "external id, configuration",
    ),
    http(
        "configure the export",
        EXPORT,
        |known| {
            Call::with_body(
                "POST",
                format!("/orgs/{ORG}/audit-export/config"),
                json!({"bucket": "bench-bucket", "region": "eu-north-1", "roleArn": known["role"]}),
            )
        },
        of(3.0, 14.0),
        "external id, configuration, state; 2 × (configuration, state and its place in the index) + the event",
    ),
    http(
        "see the configuration",
        EXPORT,
        |_| Call::get(format!("/orgs/{ORG}/audit-export/config")),
        of(2.0, 0.0),
        "configuration, state",
    ),
    http(
        "test the connection",
        EXPORT,
        |_| Call::without_body("POST", format!("/orgs/{ORG}/audit-export/test-connection")),
        of(1.0, 1.0),
        "the configuration; what was found",
    ),
    http(
        "ask for a run",
        EXPORT,
        |_| Call::without_body("POST", format!("/orgs/{ORG}/audit-export/runs")),
        of(2.0, 8.0),
        "configuration, state; the event",
    ),
    http(
        "list the runs, before the first",
        EXPORT,
        |_| Call::get(format!("/orgs/{ORG}/audit-export/runs")),
        of(2.0, 0.0),
        "one query; the organization, which is looked for where there is no run",
    ),
    teaching(
        http(
            "record an export to Bufdir",
            BUFDIR,
            |_| Call::with_body("POST", "/api/v1/bufdir-export-audit", record()),
            of(0.0, 17.0),
            "2 × (the record, its id, its export, the count) + the event, and the day's counter",
        ),
        "audit",
        "audit_id",
    ),
    http(
        "see the record",
        BUFDIR,
        |known| Call::get(format!("/api/v1/bufdir-export-audit/{}", known["audit"])),
        of(2.0, 0.0),
        "where it is, and the record",
    ),
    http(
        "list the records",
        BUFDIR,
        |_| Call::get("/api/v1/bufdir-export-audit"),
        Least::HeadAndRows { partition: BUFDIR_ROWS, prefix: "AUD#", limit: 25 },
        "the total, and the rows",
    ),
    http(
        "move it to another status",
        BUFDIR,
        |known| {
            Call::with_body(
                "PUT",
                format!("/api/v1/bufdir-export-audit/{}/status", known["audit"]),
                json!({"status": "processing"}),
            )
        },
        of(2.0, 14.0),
        "where it is, and the record; 2 × (the record) + the event, 12 since its rows hold the record twice and are above 1 KB",
    ),
    http(
        "attach its file",
        BUFDIR,
        |known| {
            Call::with_body(
                "PUT",
                format!("/api/v1/bufdir-export-audit/{}/file", known["audit"]),
                json!({"file_url": "https://storage.example.no/exports/x.pdf", "file_size_bytes": 1_048_576}),
            )
        },
        of(2.0, 14.0),
        "the same",
    ),
    http(
        "delete the record",
        BUFDIR,
        |known| Call::without_body("DELETE", format!("/api/v1/bufdir-export-audit/{}", known["audit"])),
        of(2.0, 16.0),
        "where it is, and the record; 2 × (the record, its id, its export, the count) + the event",
    ),
    event(
        "a tick of the dispatcher, nothing due",
        "export-dispatch",
        |_| json!({}),
        of(16.0, 0.0),
        "16 partitions of what is due and 16 of what is behind, eventually consistent; one would do up to 1,000 changes a second",
    ),
];

const fn teaching_key() -> Operation {
    http(
        "make an API key",
        ORGANIZATIONS,
        |_| {
            Call::with_body(
                "POST",
                format!("/orgs/{ORG}/api-keys"),
                json!({"name": "KYC reader", "scopes": ["kyc:read"]}),
            )
        },
        of(0.0, 14.0),
        "2 × (the key, its place in the list, the organization's count) + its event",
    )
}

fn entry() -> Value {
    json!({"user": "Anna Jensen", "entity_type": "kyc_case", "action": "STATUS_CHANGED", "field": "status", "old_value": "OPEN", "new_value": "REVIEWED"})
}

fn record() -> Value {
    json!({
        "export_id": "exp-20260326-xyz789", "org_id": ORG, "triggered_by_user_id": "usr-0099", "format": "pdf",
        "period_from": "2025-01-01", "period_to": "2025-12-31", "activity_types": ["group_session"],
    })
}

/// What API Gateway asks the authorizer about a request with the key that was made.
fn authorization(known: &Known) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/authorizer-api-key.json")).unwrap_or_default();
    event["identitySource"] = json!([known["key"]]);
    event["headers"] = json!({"x-api-key": known["key"], "host": "api.example"});
    event
}
