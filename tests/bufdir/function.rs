use std::sync::Arc;

use serde_json::{Value, json};
use sporlog_local::functions;
use sporlog_model::Clock;

use super::ORG;
use crate::harness::System;

/// A request through API Gateway, as the function receives it.
const EVENT: &str = include_str!("../../events/bufdir-export-audit.json");

/// The function by itself: with a clock of the test's own, and behind what the test puts before its engine.
pub(super) struct Function {
    function: Arc<dyn functions::Function>,
    org: String,
}

impl Function {
    pub(super) fn new(system: &System, clock: Clock) -> Self {
        Self::with(system, clock, &[])
    }

    /// With other values for some of its variables.
    pub(super) fn with(system: &System, clock: Clock, variables: &[(&str, &str)]) -> Self {
        let environment = system.environment_of("BufdirExportAuditFunction", variables);
        let function = functions::http(bufdir_export_audit::router(&environment, clock).unwrap());
        Self { function, org: ORG.to_owned() }
    }

    /// The same function for callers of another organization.
    pub(super) fn for_org(&self, org: &str) -> Self {
        Self { function: Arc::clone(&self.function), org: org.to_owned() }
    }

    /// What somebody with every role in the organization, [`ORG`] at first, is answered.
    pub(super) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, body) = self.call_named(method, path, body, None).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    /// The same with an `Idempotency-Key`; the body byte for byte.
    pub(super) async fn call_named(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> (u16, String) {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        event["requestContext"]["http"]["method"] = method.into();
        event["requestContext"]["http"]["path"] = path.into();
        let roles = ["member", "service", "admin", "owner"];
        let principal = json!({"subject": "tester", "org": self.org, "roles": roles, "scopes": []});
        event["requestContext"]["authorizer"]["lambda"]["principal"] = principal.to_string().into();
        event["body"] = body.map(ToString::to_string).into();
        match key {
            Some(key) => event["headers"]["idempotency-key"] = key.into(),
            None => drop(event["headers"].as_object_mut().unwrap().remove("idempotency-key")),
        }
        let answer = self.function.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
        (status, answer["body"].as_str().unwrap_or("null").to_owned())
    }
}
