use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{Answer, Caller, System};

impl System {
    /// A new key of an organization, which is registered if it was not; as its creation shows it.
    pub(crate) async fn create_api_key(&self, org: &str, scopes: &[&str]) -> Value {
        let registered = self.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{org}"), None).await;
        assert!([200, 201].contains(&registered.status), "{}", registered.text());
        let body = json!({"name": "a key", "scopes": scopes});
        let admin = Caller::of_role(org, Role::Admin);
        let made = self.call(&admin, "POST", &format!("/orgs/{org}/api-keys"), Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    /// The same, the key itself alone.
    pub(crate) async fn api_key(&self, org: &str, scopes: &[&str]) -> String {
        self.create_api_key(org, scopes).await["key"].as_str().unwrap().to_owned()
    }

    /// A request with an API key and, if any, a JSON body.
    pub(crate) async fn call_with_key(&self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut headers = vec![("x-api-key", key)];
        headers.extend(body.map(|_| ("content-type", "application/json")));
        self.send(method, path, &headers, body.map(Value::to_string)).await
    }
}
