//! `/orgs/{orgId}/audit-export`, through the whole system.

mod addresses;
pub(crate) mod bodies;
mod changes;
pub(crate) mod connection;
mod deputy;
mod external_id;
mod faults;
mod kms;
mod log;
mod runs;
mod setup;

use std::sync::Arc;

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_local::functions::{self, Function};
use sporlog_local::s3::{Deny, RoleDefinition};
use sporlog_model::Clock;

use crate::harness::{Answer, Caller, System, scope_of};

pub(crate) const ORG: &str = "diku";

fn admin(org: &str) -> Caller {
    Caller::of_role(org, Role::Admin)
}

fn path(org: &str, rest: &str) -> String {
    format!("/orgs/{org}/audit-export/{rest}")
}

/// A system in which these organizations are registered.
pub(crate) async fn with_orgs(orgs: &[&str]) -> System {
    let system = System::start().await;
    for org in orgs {
        let answer = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{org}"), None).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    system
}

/// The external id of an organization, as its administrators learn it.
async fn external_id(system: &System, org: &str) -> String {
    let setup = system.call(&admin(org), "GET", &path(org, "setup?bucket=any"), None).await;
    assert_eq!(setup.status, 200, "{}", setup.text());
    setup.json()["externalId"].as_str().unwrap().to_owned()
}

/// What a role is like.
struct LocalRole<'a> {
    name: &'a str,
    bucket: &'a str,
    external_id: Option<&'a str>,
    deny: Option<Deny>,
}

/// Defines a role; answers its ARN.
fn define(system: &System, LocalRole { name, bucket, external_id, deny }: &LocalRole<'_>) -> String {
    let external_id = external_id.map(str::to_owned);
    let role = RoleDefinition { name: (*name).to_owned(), bucket: (*bucket).to_owned(), external_id, deny: *deny };
    system.stack.storage.define_role(&role).unwrap().as_str().to_owned()
}

/// A body that works: a bucket of the organization's own, a role that asks for its external id.
async fn working(system: &System, org: &str) -> Value {
    let (bucket, id) = (format!("bucket-of-{org}"), external_id(system, org).await);
    let name = format!("role-of-{org}");
    let role_arn = define(system, &LocalRole { name: &name, bucket: &bucket, external_id: Some(&id), deny: None });
    json!({"bucket": bucket, "region": "eu-north-1", "roleArn": role_arn})
}

/// The same, with these members over it.
fn with(body: &Value, members: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

async fn get(system: &System, org: &str, rest: &str) -> Answer {
    system.call(&admin(org), "GET", &path(org, rest), None).await
}

async fn post(system: &System, org: &str, rest: &str, body: Option<&Value>) -> Answer {
    system.call(&admin(org), "POST", &path(org, rest), body).await
}

/// Configures an export, which must work; answers the configuration.
async fn configure(system: &System, org: &str, body: &Value) -> Value {
    let answer = post(system, org, "config", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// A test of the connection, which must be answered.
async fn tested(system: &System, org: &str, body: Option<&Value>) -> Value {
    let answer = post(system, org, "test-connection", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Asserts an error in the group's shape, member for member.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!((answer.status, answer.json()), (status, json!({"error": message, "code": code})));
    assert_eq!(answer.headers["content-type"], "application/json");
}

/// What is configured by the first change of an organization, stored and read again.
pub(crate) async fn stored(system: &System, org: &str) -> sporlog_store::ExportConfig {
    system.stack.store.export_config(&scope_of(org)).await.unwrap().unwrap()
}

/// The function with variables of the test's own.
pub(crate) struct Exports(Arc<dyn Function>);

impl Exports {
    pub(crate) fn of(system: &System, own: &[(&str, &str)]) -> Self {
        let roles = "arn:aws:iam::000000000000:role/ExportRun,arn:aws:iam::000000000000:role/AuditExport";
        let defaults = [
            ("EXPORT_RUN_FUNCTION", "ExportRunFunction"),
            ("SPORLOG_ROLE_ARNS", roles),
            ("REFUSED_ROLE_ACCOUNT", "none"),
        ];
        let own = [&defaults[..], own].concat();
        Self(functions::http(
            audit_export::router(&system.environment_of("AuditExportFunction", &own), Clock::system()).unwrap(),
        ))
    }

    /// A request of an administrator of [`ORG`]: status and body.
    pub(crate) async fn call(&self, method: &str, rest: &str, body: Option<&Value>) -> (u64, Value) {
        let event = serde_json::from_str(include_str!("../../events/audit-export.json")).unwrap();
        self.send(event, method, rest, body).await
    }

    /// The same, made of an event of the test's own.
    pub(crate) async fn send(&self, mut event: Value, method: &str, rest: &str, body: Option<&Value>) -> (u64, Value) {
        let path = path(ORG, rest);
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(method);
        event["body"] = body.map_or(Value::Null, |body| json!(body.to_string()));
        let answer = self.0.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let body = answer["body"].as_str().unwrap_or("null");
        (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
    }
}
