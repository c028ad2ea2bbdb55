use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sporlog_auth::{Action, KeyScope, PLATFORM_ADMIN, Role};
use sporlog_local::identity::{Issuer, TokenRequest};
use sporlog_local::stack::Options;
use sporlog_local::template::{Deployment, Template};
use sporlog_model::Clock;
use uuid::Uuid;

use super::{ENTITY, register, send};
use crate::harness::{Answer, Caller, System, org};
use crate::structure::PUBLIC_ROUTES;

/// What every caller is answered on every route, about data of the organization `diku`.
///
/// `*`: 401 of API Gateway's own. Where the header of the tenant does not fit the credential, the function says so itself: `401`.
const TABLE: &str = "
  none old iss aud chg key hdr ak1 ak2 | else runs diku | bare memb serv admn ownr | orde line piec hist invo invl orga all  kycr kycw | cfga cfgg cfgs cfgp
GET /audit-data/acquisition/order/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 200  403  403  403  403  403  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/order-line/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  200  403  403  403  403  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/piece/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  200  403  403  403  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/piece/{id}/status-change-history
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  200  403  403  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/invoice/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  200  403  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/invoice-line/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  403  200  403  200  403  403  | 403  403  403  403
GET /audit-data/acquisition/organization/{id}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  403  403  200  200  403  403  | 403  403  403  403
PUT /orgs/{orgId}
  *    *   *   *   *   *   *   *   *   | 403  200  200  | 403  403  403  403  403  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /orgs/{orgId}
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  200  200  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /orgs/{orgId}/api-keys
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  201  201  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /orgs/{orgId}/api-keys
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
DELETE /orgs/{orgId}/api-keys/{keyId}
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  204  204  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /orgs/{orgId}/audit-export/config
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /orgs/{orgId}/audit-export/config
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  201  201  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /orgs/{orgId}/audit-export/test-connection
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /orgs/{orgId}/audit-export/runs
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /orgs/{orgId}/audit-export/runs
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  409  409  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /orgs/{orgId}/audit-export/setup
  *    *   *   *   *   *   *   *   *   | 404  404  403  | 403  403  403  200  200  | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /api/v1/bufdir-export-audit
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  200  200  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /api/v1/bufdir-export-audit
  *    *   *   *   *   *   *   *   *   | 404  201  201  | 403  201  201  201  201 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /api/v1/bufdir-export-audit/{audit_id}
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  200  200  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
PUT /api/v1/bufdir-export-audit/{audit_id}/status
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  200  200  403 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
PUT /api/v1/bufdir-export-audit/{audit_id}/file
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  200  200  403 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
DELETE /api/v1/bufdir-export-audit/{audit_id}
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  403  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  200  200  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
POST /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit
  *    *   *   *   *   *   *   *   *   | 404  201  201  | 403  201  201  201  201 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  200  200  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
PUT /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}/status
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  200  200  403 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
PUT /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}/file
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  200  200  403 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
DELETE /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}
  *    *   *   *   *   *   *   *   *   | 404  200  200  | 403  403  403  200  200 | 403  403  403  403  403  403  403  403  403  403  | 403  403  403  403
GET /audit/config/groups
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  403  403  403  403  403  403  | 200  200  403  403
GET /audit/config/groups/{groupId}/settings
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  403  403  403  403  403  403  | 200  403  403  403
PUT /audit/config/groups/{groupId}/settings/{settingId}
  *    *   *   *   *   *   *   *   *   | 401  401  403  | 403  403  403  403  403  | 403  403  403  403  403  403  403  403  403  403  | 204  403  403  403
GET /api/v1/kyc/cases/{id}/audit-log
  *    *   *   *   *   *   *   200 200 | *    *    *    | *    *    *    *    *    | *    *    *    *    *    *    *    *    *    *  | *    *    *    *
POST /api/v1/kyc/cases/{id}/audit-log
  *    *   *   *   *   *   *   201 201 | *    *    *    | *    *    *    *    *    | *    *    *    *    *    *    *    *    *    *  | *    *    *    *
GET /api/v1/kyc/cases/{id}/status-history
  *    *   *   *   *   *   *   200 200 | *    *    *    | *    *    *    *    *    | *    *    *    *    *    *    *    *    *    *  | *    *    *    *
";

/// What the columns stand for that are no single role or scope. The first ones would be let in everywhere but for the one thing.
const BAD_TOKENS: [&str; 6] = ["none", "old", "iss", "aud", "chg", "key"];
/// A good token in the other credential header; an API key in its header, and in the route's.
const WRONG_HEADERS: [&str; 3] = ["hdr", "ak1", "ak2"];

/// The columns of one scope each.
const SCOPES: [(&str, &str); 14] = [
    ("orde", "acquisition.order.events.get"),
    ("line", "acquisition.order-line.events.get"),
    ("piec", "acquisition.piece.events.get"),
    ("hist", "acquisition.piece.events.history.get"),
    ("invo", "acquisition.invoice.events.get"),
    ("invl", "acquisition.invoice-line.events.get"),
    ("orga", "acquisition.organization.events.get"),
    ("all", "audit.all"),
    ("kycr", "kyc:read"),
    ("kycw", "kyc:write"),
    ("cfga", "audit.config.all"),
    ("cfgg", "audit.config.groups.collection.get"),
    // Neither is enough: the settings of a group, and each setting, take one of their own besides.
    ("cfgs", "audit.config.groups.settings.collection.get"),
    ("cfgp", "audit.config.groups.settings.item.put"),
];

/// The columns of one role each.
const ROLES: [(&str, Role); 4] =
    [("memb", Role::Member), ("serv", Role::Service), ("admn", Role::Admin), ("ownr", Role::Owner)];

const EXPORT_AUDITS: &str = "/api/v1/bufdir-export-audit";

const EXPORT_CONFIG: &str = "/orgs/diku/audit-export/config";

/// An export that is switched off, so that a run of it is refused every time, with a role that there is not.
fn export_config() -> Value {
    let role = "arn:aws:iam::000000000000:role/nobodys";
    json!({"bucket": "bucket-of-diku", "region": "eu-north-1", "roleArn": role, "enabled": false})
}

/// What a new record of an export to Bufdir takes.
fn new_export_audit() -> Value {
    json!({
        "export_id": Uuid::new_v4(), "org_id": "diku", "triggered_by_user_id": "tester", "format": "csv",
        "period_from": "2025-01-01", "period_to": "2025-12-31",
    })
}

const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;

/// A signing key of this test's own, PKCS #8: the one that the system under test trusts.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2+1wtYdJD7HfPNP/dtxj05ic18uq6Q9IoLb1LNxoqNShRANCAAS2Mg8vM+PLlHGuHcd4g91Rg078x/nJFhP0vlzmwQIENXtsHCHD238ts3os50P3BvKALuU/F1PAaU1ZKyoZ20Qz";

/// Claims of somebody who may do everything until 2100, and what [`KEY`] signs them with (ES256).
struct Signed {
    issuer: &'static str,
    audience: &'static str,
    signature: &'static str,
}

const TRUSTED: Signed = Signed {
    issuer: "https://issuer.sporlog.localhost",
    audience: "sporlog",
    signature: "r5bhTzVJb7PA_8hiSzdVrkXUAb99f9qs25p6CVpBoMLqQL1sG_OXOfbAbIB3-QKAaNQPr3cWbYR0AX6LOZdylw",
};
const WRONG_ISSUER: Signed = Signed {
    issuer: "https://issuer.example",
    signature: "Wz_d07COAN3b3Ao3MlOSYtLX5zhauiTSqD52sjkxthapMLNuyqULxWsmZ237yvZGVJ1RoNF-eY7pedAwUMC4Lg",
    ..TRUSTED
};
const WRONG_AUDIENCE: Signed = Signed {
    audience: "other",
    signature: "Pmq1YhO9BQ74uOxVF9Iuw5zzzwfSgiaEKyFRmuMa-CbkWXYIl1ouAdy4HlEtfT9-uQ5X6quKYFHoXA4SkOI8uw",
    ..TRUSTED
};

impl Signed {
    fn token(&self) -> String {
        let Self { issuer, audience, signature } = self;
        let claims = format!(
            r#"{{"iss":"{issuer}","aud":"{audience}","sub":"tester","org":"diku","roles":["member","service","admin","owner"],"scope":"audit.all audit.config.all platform:admin","iat":1763683200,"exp":4102444800}}"#
        );
        let [header, claims] = [r#"{"typ":"JWT","alg":"ES256","kid":"development"}"#, &claims]
            .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}.{signature}")
    }
}

/// The cells of a line.
fn cells(line: &str) -> Vec<&str> {
    line.split_whitespace().filter(|cell| *cell != "|").collect()
}

/// The table: what each column of each route says.
fn table() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let lines: Vec<&str> = TABLE.trim_matches('\n').lines().collect();
    let (head, rows) = lines.split_first().unwrap();
    let (head, mut table) = (cells(head), BTreeMap::new());
    for row in rows.chunks(2) {
        let [route, row] = row else { panic!("a row is a route and its line: {row:?}") };
        let row = cells(row);
        assert_eq!(row.len(), head.len(), "{route}");
        let columns: BTreeMap<_, _> = head.iter().copied().zip(row).collect();
        assert!(table.insert(*route, columns).is_none(), "{route} has two rows");
    }
    table
}

/// Whose token a column is about; `None` for those whose credential is refused.
fn caller(column: &str) -> Option<Caller> {
    let everything = || Caller { roles: Role::ALL.to_vec(), ..Caller::with("other", &SCOPES.map(|(_, scope)| scope)) };
    let role = ROLES.iter().find(|(name, _)| *name == column).map(|(_, role)| Caller::of_role("diku", *role));
    let scope = SCOPES.iter().find(|(name, _)| *name == column).map(|(_, scope)| Caller::with("diku", &[scope]));
    match column {
        "else" => Some(everything()),
        "runs" => Some(Caller::platform_admin()),
        "diku" => Some(Caller::with("diku", &[PLATFORM_ADMIN])),
        "bare" => Some(Caller::with("diku", &[])),
        _ => role.or(scope),
    }
}

/// A request on a route of the template.
struct Request {
    method: String,
    path: String,
    body: Option<Value>,
    /// The header that its authorizer takes the credential from.
    header: String,
}

/// What is put into a header of credentials.
fn written(header: &str, credential: &str) -> String {
    if header == "authorization" { format!("Bearer {credential}") } else { credential.to_owned() }
}

struct Matrix {
    system: System,
    template: Template,
    /// Kept as long as the system runs.
    _directory: tempfile::TempDir,
    api_key: String,
}

impl Matrix {
    /// A system that trusts [`KEY`], with two organizations.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("issuer.pk8"), BASE64_STANDARD.decode(KEY).unwrap()).unwrap();
        let options = Options { data_dir: Some(directory.path().to_owned()), ..Options::default() };
        let system = System::with(options).await;
        for org in ["diku", "other"] {
            register(&system, org, org).await;
        }
        let template = Template::embedded(&Deployment::default()).unwrap();
        let mut matrix = Self { system, template, _directory: directory, api_key: String::new() };
        let created = matrix.create_key().await;
        matrix.api_key = created["key"].as_str().unwrap().into();
        let log = matrix.request("POST /api/v1/kyc/cases/{id}/audit-log").await;
        let (owner, config) = (Caller::of_role("diku", Role::Owner), export_config());
        assert_eq!(matrix.system.call(&owner, "POST", EXPORT_CONFIG, Some(&config)).await.status, 201);
        let key = ("x-api-key", matrix.api_key.as_str());
        assert_eq!(matrix.send(&log, Some(key)).await.status, 201);
        matrix
    }

    async fn create_key(&self) -> Value {
        let body = json!({"name": "a key", "scopes": ["kyc:read", "kyc:write"]});
        let owner = Caller::of_role("diku", Role::Owner);
        let answer = self.system.call(&owner, "POST", "/orgs/diku/api-keys", Some(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// The record of an export to Bufdir that a worker has begun.
    async fn create_export_audit(&self) -> String {
        let admin = Caller::of_role("diku", Role::Admin);
        let created = self.system.call(&admin, "POST", EXPORT_AUDITS, Some(&new_export_audit())).await;
        assert_eq!(created.status, 201, "{}", created.text());
        let id = created.json()["audit_id"].as_str().unwrap().to_owned();
        let path = format!("{EXPORT_AUDITS}/{id}/status");
        let moved = self.system.call(&admin, "PUT", &path, Some(&json!({"status": "processing"}))).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        id
    }

    /// What a request about such a record says.
    fn export_audit_body(method: &str, path: &str) -> Option<Value> {
        match method {
            "POST" => Some(new_export_audit()),
            "PUT" if path.ends_with("/status") => Some(json!({"status": "completed"})),
            "PUT" => Some(json!({"file_url": "https://storage.example.no/a.csv", "file_size_bytes": 1})),
            _ => None,
        }
    }

    /// A request about what is there.
    async fn request(&self, name: &str) -> Request {
        let (method, path) = name.split_once(' ').unwrap();
        let mut routes = self.template.functions.iter().flat_map(|function| &function.routes);
        let route = routes.find(|route| route.method == method && route.path == path).unwrap();
        let authorizer = &self.template.authorizers[route.authorizer.as_ref().unwrap()];
        let of_case = path.contains("/kyc/cases/");
        let mut path = path.replace("{id}", if of_case { "42" } else { ENTITY }).replace("{orgId}", "diku");
        if path.contains("{keyId}") {
            path = path.replace("{keyId}", self.create_key().await["id"].as_str().unwrap());
        }
        let mut body = (method == "POST").then(|| json!({"name": "another key", "scopes": ["kyc:read"]}));
        if path.contains("audit-export/") {
            body = path.ends_with("/config").then(export_config);
        }
        if path.contains("bufdir") {
            body = Self::export_audit_body(method, &path);
            // Who runs Sporlog says which organization; for others it is a way to ask for another one's.
            path = path.replace("{audit_id}", &self.create_export_audit().await) + "?org_id=diku";
        }
        if name.contains("/audit/config/") {
            path = path.replace("{groupId}", "audit.user").replace("{settingId}", "anonymize");
            body = (method == "PUT").then(|| json!({"key": "anonymize", "value": true, "type": "BOOLEAN"}));
        }
        if of_case && method == "POST" {
            body = Some(json!({"user": "a user", "entity_type": "kyc_case", "action": "STATUS_CHANGED"}));
        }
        Request { method: method.to_owned(), path, body, header: authorizer.identity_header.clone() }
    }

    async fn send(&self, request: &Request, credential: Option<(&str, &str)>) -> Answer {
        let mut headers = vec![("x-okapi-tenant", "diku")];
        headers.extend(credential);
        send(&self.system, &request.method, &request.path, &headers, request.body.as_ref()).await
    }

    /// A token of a column that the authorizer is to refuse.
    fn bad_token(&self, column: &str) -> Option<String> {
        let now = Clock::system().now();
        let request = |issued_at| TokenRequest {
            org: org("diku"),
            subject: "tester".to_owned(),
            roles: Role::ALL.to_vec(),
            scopes: vec!["audit.all".to_owned(), "audit.config.all".to_owned(), PLATFORM_ADMIN.to_owned()],
            issued_at,
            lifetime_seconds: 600,
        };
        let good = TRUSTED.token();
        match column {
            "none" => None,
            "old" => Some(self.system.issuer().token(&request(now.minus(Duration::from_hours(1)))).unwrap()),
            "iss" => Some(WRONG_ISSUER.token()),
            "aud" => Some(WRONG_AUDIENCE.token()),
            // The claims of one token, the signature of another.
            "chg" => {
                let (claims, _) = good.rsplit_once('.').unwrap();
                Some(format!("{claims}.{}", WRONG_AUDIENCE.signature))
            }
            "key" => Some(Issuer::open(None).unwrap().token(&request(now)).unwrap()),
            other => panic!("no such column: {other}"),
        }
    }

    async fn answer(&self, route: &str, column: &str) -> Answer {
        let request = self.request(route).await;
        let header = request.header.as_str();
        let other = if header == "authorization" { "x-okapi-token" } else { "authorization" };
        let (header, credential) = match column {
            "hdr" => (other, Some(TRUSTED.token())),
            "ak1" => ("x-api-key", Some(self.api_key.clone())),
            "ak2" => (header, Some(self.api_key.clone())),
            _ => match caller(column) {
                Some(caller) => (header, Some(self.system.token(&caller))),
                None => (header, self.bad_token(column)),
            },
        };
        let credential = credential.map(|credential| written(header, &credential));
        self.send(&request, credential.as_deref().map(|credential| (header, credential))).await
    }
}

#[test]
fn the_table_has_every_route_role_and_scope_and_no_other() {
    let template = Template::embedded(&Deployment::default()).unwrap();
    let routes = template.functions.iter().flat_map(|function| &function.routes);
    let routes = routes.map(|route| format!("{} {}", route.method, route.path));
    let routes: BTreeSet<String> = routes.filter(|route| !PUBLIC_ROUTES.contains(&route.as_str())).collect();
    assert_eq!(table().keys().map(ToString::to_string).collect::<BTreeSet<_>>(), routes);

    assert_eq!(ROLES.map(|(_, role)| role), Role::ALL);
    let of_keys = KeyScope::ALL.into_iter().map(KeyScope::name);
    let of_policy = Action::ALL.into_iter().flat_map(|action| action.rule().scopes.iter().copied()).chain(of_keys);
    assert_eq!(BTreeSet::from(SCOPES.map(|(_, scope)| scope)), of_policy.collect());

    let named = ROLES.iter().map(|(name, _)| *name).chain(SCOPES.iter().map(|(name, _)| *name));
    let named = named.chain(BAD_TOKENS).chain(WRONG_HEADERS).chain(["else", "runs", "diku", "bare"]);
    let named: BTreeSet<&str> = named.collect();
    for (route, columns) in table() {
        assert_eq!(columns.keys().copied().collect::<BTreeSet<_>>(), named, "{route}");
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_caller_is_answered_on_every_route_as_the_table_says() {
    let matrix = Matrix::start().await;
    let mut wrong = Vec::new();
    for (route, columns) in table() {
        for (column, expected) in columns {
            let answer = matrix.answer(route, column).await;
            let of_gateway = answer.status == 401 && answer.text() == UNAUTHORIZED;
            let actual = if of_gateway { "*".to_owned() } else { answer.status.to_string() };
            if actual != expected {
                wrong.push(format!("{route} for {column}: {actual} instead of {expected}: {}", answer.text()));
            }
            assert_shape(route, &answer, of_gateway);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    matrix.system.stop().await;
}

/// What refused tokens would be but for the one thing: let in everywhere, also with other credentials beside them.
#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_same_token_without_its_fault_is_let_in() {
    let matrix = Matrix::start().await;
    for route in table().into_keys() {
        let request = matrix.request(route).await;
        // Where only a key lets in, the one that every other column has in the wrong place.
        let good = if request.header == "x-api-key" { matrix.api_key.clone() } else { TRUSTED.token() };
        let credential = written(&request.header, &good);
        let answer = matrix.send(&request, Some((&request.header, &credential))).await;
        let off = route.ends_with("audit-export/runs") && answer.status == 409;
        assert!(off || [200, 201, 204].contains(&answer.status), "{route}: {} {}", answer.status, answer.text());
    }
    matrix.system.stop().await;
}

/// API Gateway's answer is its own; every other refusal has the shape of the route's group.
#[track_caller]
fn assert_shape(route: &str, answer: &Answer, of_gateway: bool) {
    if answer.status < 400 {
        return;
    }
    assert_eq!(answer.headers["content-type"], "application/json", "{route}");
    // API Gateway sends none for a Lambda authorizer, and the functions none at all.
    assert!(!answer.headers.contains_key("www-authenticate"), "{route}");
    if of_gateway {
        return;
    }
    let body = answer.json();
    if route.contains("/audit-data/") || route.contains("/audit/config/") {
        let error = &body["errors"][0];
        assert_eq!(body, json!({"errors": [error], "total_records": 1}), "{route}");
        assert!(error["message"].is_string() && error["code"].is_string() && error["parameters"].is_array());
    } else if route.contains("bufdir") {
        let error = &body["error"];
        assert_eq!(body, json!({"error": error, "request_id": body["request_id"]}), "{route}");
        assert_eq!(error, &json!({"code": error["code"], "message": error["message"], "details": []}), "{route}");
        assert!(error["code"].is_string() && error["message"].is_string() && body["request_id"].is_string());
    } else if route.contains("/kyc/") {
        let (error, meta) = (&body["error"], &body["meta"]);
        let error = json!({"code": error["code"], "message": error["message"]});
        let meta = json!({"api_version": "v1", "timestamp": meta["timestamp"]});
        assert_eq!(body, json!({"error": error, "meta": meta}), "{route}");
    } else {
        assert_eq!(body, json!({"error": body["error"], "code": body["code"]}), "{route}");
        assert!(body["error"].is_string() && body["code"].is_string(), "{route}");
    }
}
