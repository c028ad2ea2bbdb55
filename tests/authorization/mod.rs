//! Who gets in where, and what nobody gets to see, through the whole system.

mod forge;
mod headers;
mod injection;
pub(crate) mod isolation;
pub(crate) mod matrix;
mod paths;
mod tokens;
mod wire;

use serde_json::{Value, json};

use crate::harness::{Answer, Caller, System, answer};

/// An entity that every organization has.
const ENTITY: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// Registers an organization.
async fn register(system: &System, org: &str, name: &str) {
    let body = json!({"name": name});
    let answer = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{org}"), Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Everything that an answer tells: status, headers and body.
fn whole(answer: &Answer) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.text())
}

/// A request with just these headers and, if any, a JSON body.
async fn send(system: &System, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
    let url = system.url(path);
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    answer(request).await
}
