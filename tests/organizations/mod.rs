//! `/orgs`, through the whole system.

pub(crate) mod access;
pub(crate) mod authorizer;
pub(crate) mod bodies;
pub(crate) mod keys;
mod log;
pub(crate) mod organization;

use serde_json::{Value, json};
use sporlog_auth::Role;

use crate::harness::{Answer, Caller, System};

const KEYS: &str = "/orgs/diku/api-keys";

fn admin(org: &str) -> Caller {
    Caller::of_role(org, Role::Admin)
}

/// A system in which these organizations are registered.
async fn with_orgs(orgs: &[&str]) -> System {
    let system = System::start().await;
    for org in orgs {
        let answer = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{org}"), None).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    system
}

/// Makes a key of an organization; answers it as its creation shows it.
async fn create_key(system: &System, org: &str, name: &str) -> Value {
    let body = json!({"name": name, "scopes": ["kyc:read"]});
    let answer = system.call(&admin(org), "POST", &format!("/orgs/{org}/api-keys"), Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// The list of an organization's keys.
async fn list(system: &System, org: &str, query: &str) -> Vec<Value> {
    let answer = system.call(&admin(org), "GET", &format!("/orgs/{org}/api-keys{query}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

/// Asserts an error in the group's shape, member for member.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!((answer.status, answer.json()), (status, json!({"error": message, "code": code})));
    assert_eq!(answer.headers["content-type"], "application/json");
}
