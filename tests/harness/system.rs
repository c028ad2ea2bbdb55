use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Deref;

use flate2::read::GzDecoder;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sporlog_auth::{Role, Service, TenantScope};
use sporlog_boot::Environment;
use sporlog_local::identity::{Issuer, TokenRequest};
use sporlog_local::s3::{DEFAULT_REGION, RoleDefinition};
use sporlog_local::stack::{Options, Stack, variables};
use sporlog_model::{AwsRegion, BucketName, Clock, Destination, ExternalId, KeyPrefix, OrgId, RoleArn};
use sporlog_store::ExportConfig;

use super::contract::Asked;
#[cfg(feature = "second-opinion")]
use crate::second_opinion::Deployed;

/// An endpoint where nothing listens: free ports are given out from far above.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// The whole system.
pub(crate) struct System {
    pub(crate) stack: Place,
    http: reqwest::Client,
}

/// Where a system is.
pub(crate) enum Place {
    /// In this process: everything in memory, on free ports.
    Here(Box<Stack>),
    /// A stack of its own on `MiniStack`.
    #[cfg(feature = "second-opinion")]
    Deployed(Box<Deployed>),
}

/// The engines of a system in this process. A deployed one has none: a test that asks for them cannot be hosted there.
impl Deref for Place {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        match self {
            Self::Here(stack) => stack,
            #[cfg(feature = "second-opinion")]
            Self::Deployed(_) => panic!("a deployed system has no engines in this process"),
        }
    }
}

/// Who calls: an organization and what the token allows.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) org: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) scopes: Vec<String>,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}

impl Caller {
    /// May read everything in an organization.
    pub(crate) fn auditor(org: &str) -> Self {
        Self::with(org, &["audit.all"])
    }

    pub(crate) fn with(org: &str, scopes: &[&str]) -> Self {
        Self { org: org.to_owned(), roles: Vec::new(), scopes: scopes.iter().map(ToString::to_string).collect() }
    }

    /// Is this in the organization.
    pub(crate) fn of_role(org: &str, role: Role) -> Self {
        Self { roles: vec![role], ..Self::with(org, &[]) }
    }

    /// Runs Sporlog, from an organization that is not among its customers.
    pub(crate) fn platform_admin() -> Self {
        Self::with("sporlog", &["platform:admin"])
    }
}

pub(crate) fn org(id: &str) -> OrgId {
    OrgId::parse(id).unwrap()
}

/// Leave to touch an organization's data from outside.
pub(crate) fn scope_of(id: &str) -> TenantScope {
    TenantScope::for_service(Service::Provisioning, &org(id))
}

impl System {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A system of this process; or a deployed one, if [`Deployed::hosts`] runs the test. Of the options only the data directory
    /// matters there, for the issuer's key.
    pub(crate) async fn with(options: Options) -> Self {
        #[cfg(feature = "second-opinion")]
        if Deployed::is_asked_for() {
            return Self::at(Place::Deployed(Box::new(Deployed::start(options.data_dir.as_deref()).await)));
        }
        Self::at(Place::Here(Box::new(Stack::start(options).await.unwrap())))
    }

    pub(crate) fn at(stack: Place) -> Self {
        Self { stack, http: reqwest::Client::new() }
    }

    /// Where a path of the API is.
    pub(crate) fn url(&self, path: &str) -> String {
        match &self.stack {
            Place::Here(stack) => format!("http://{}{path}", stack.api),
            #[cfg(feature = "second-opinion")]
            Place::Deployed(deployed) => format!("{}{path}", deployed.api),
        }
    }

    /// Whose tokens the system believes.
    pub(crate) fn issuer(&self) -> &Issuer {
        match &self.stack {
            Place::Here(stack) => &stack.issuer,
            #[cfg(feature = "second-opinion")]
            Place::Deployed(deployed) => &deployed.issuer,
        }
    }

    pub(crate) fn token(&self, caller: &Caller) -> String {
        let request = TokenRequest {
            org: org(&caller.org),
            subject: "tester".to_owned(),
            roles: caller.roles.clone(),
            scopes: caller.scopes.clone(),
            issued_at: Clock::system().now(),
            lifetime_seconds: 600,
        };
        self.issuer().token(&request).unwrap()
    }

    /// `GET` as FOLIO's screens do it: token and tenant in their headers.
    pub(crate) async fn get(&self, caller: &Caller, path: &str) -> Answer {
        self.get_with(caller, path, &[]).await
    }

    /// The same with more headers, or other values for those two.
    pub(crate) async fn get_with(&self, caller: &Caller, path: &str, headers: &[(&str, &str)]) -> Answer {
        let token = self.token(caller);
        let mut all = BTreeMap::from([("x-okapi-tenant", caller.org.as_str()), ("x-okapi-token", token.as_str())]);
        all.extend(headers.iter().copied());
        let mut request = self.http.get(self.url(path));
        for (name, value) in all {
            request = request.header(name, value);
        }
        answer(request).await
    }

    /// A request with a bearer token and, if any, a JSON body.
    pub(crate) async fn call(&self, caller: &Caller, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.http.request(method.parse().unwrap(), self.url(path));
        let request = request.header("authorization", format!("Bearer {}", self.token(caller)));
        answer(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    /// A request with a bearer token and a body of any kind.
    pub(crate) async fn call_with(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Answer {
        let request =
            self.http.request(method.parse().unwrap(), self.url(path)).header("content-type", content_type).body(body);
        answer(request.header("authorization", format!("Bearer {}", self.token(caller)))).await
    }

    /// A request without any header of ours.
    pub(crate) async fn request(&self, method: &str, path: &str) -> Answer {
        self.request_with(method, path, &[]).await
    }

    /// A request with just these headers.
    pub(crate) async fn request_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, None).await
    }

    /// A request with just these headers and, if any, this body.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let request = self.http.request(method.parse().unwrap(), self.url(path));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answer(body.into_iter().fold(request, reqwest::RequestBuilder::body)).await
    }

    /// The same with headers and a body that need not be text.
    pub(crate) async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, HeaderValue)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let request = self.http.request(method.parse().unwrap(), self.url(path));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        answer(body.into_iter().fold(request, reqwest::RequestBuilder::body)).await
    }

    /// Invokes a function and waits for its answer, which must not be an error.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Value {
        self.try_invoke(function, event).await.unwrap_or_else(|error| panic!("{function}: {error}"))
    }

    /// Invokes a function; `Err` is the function's error.
    pub(crate) async fn try_invoke(&self, function: &str, event: &Value) -> Result<Value, Value> {
        #[cfg(feature = "second-opinion")]
        if let Place::Deployed(deployed) = &self.stack {
            return deployed.invoke(function, event).await;
        }
        let url = format!("http://{}/2015-03-31/functions/{function}/invocations", self.stack.invoke);
        let answer = undescribed(self.http.post(url).body(event.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        if answer.headers.contains_key("x-amz-function-error") { Err(answer.json()) } else { Ok(answer.json()) }
    }

    /// Sends events as a plain batch.
    pub(crate) async fn ingest(&self, events: Vec<Value>) -> Value {
        self.invoke("IngestFunction", &json!({"events": events})).await
    }

    /// Sets up an export into a bucket of its own with a role that works; answers the bucket's name.
    pub(crate) async fn enable_export(&self, id: &str) -> String {
        let bucket = format!("bucket-of-{id}");
        let external_id = self.stack.store.export_external_id(&scope_of(id)).await.unwrap();
        let role = RoleDefinition {
            name: format!("role-of-{id}"),
            bucket: bucket.clone(),
            external_id: Some(external_id.as_str().to_owned()),
            deny: None,
        };
        let arn = self.stack.storage.define_role(&role).unwrap();
        self.configure_export(id, &bucket, arn.as_str(), external_id).await;
        bucket
    }

    /// Points an organization's export at any bucket and role.
    pub(crate) async fn configure_export(&self, id: &str, bucket: &str, role_arn: &str, external_id: ExternalId) {
        let now = Clock::system().now();
        let destination = Destination {
            bucket: BucketName::parse(bucket).unwrap(),
            region: AwsRegion::parse(DEFAULT_REGION).unwrap(),
            role_arn: RoleArn::parse(role_arn).unwrap(),
            external_id,
            prefix: KeyPrefix::default(),
            kms_key: None,
        };
        let config = ExportConfig::new(destination, true, now);
        self.stack.store.put_export_config(&scope_of(id), &config).await.unwrap();
    }

    /// Waits for what was started and not waited for.
    pub(crate) async fn finish_runs(&self) {
        self.stack.invoked().await;
    }

    /// One run of an organization's export, waited for.
    pub(crate) async fn export(&self, id: &str) -> Value {
        self.invoke("ExportRunFunction", &json!({"orgId": id, "trigger": "manual"})).await
    }

    /// The keys in a bucket, in order.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        self.stack.storage.list_objects(bucket, "").unwrap().into_iter().map(|object| object.key).collect()
    }

    /// The bytes of an object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.stack.storage.get_object(bucket, key).unwrap().unwrap_or_else(|| panic!("no object {key}")).body.to_vec()
    }

    /// Every line of every segment in a bucket, in the order of the keys.
    pub(crate) fn exported_lines(&self, bucket: &str) -> Vec<Value> {
        self.exported_text(bucket).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same, as the text that it is.
    pub(crate) fn exported_text(&self, bucket: &str) -> String {
        let mut text = String::new();
        for key in self.keys(bucket).into_iter().filter(|key| key.ends_with(".jsonl.gz")) {
            GzDecoder::new(&self.object(bucket, &key)[..]).read_to_string(&mut text).unwrap();
        }
        text
    }

    /// The environment of a function of this system, with some values of the test's own.
    pub(crate) fn environment(&self, own: &[(&str, &str)]) -> Environment {
        let shared = match &self.stack {
            Place::Here(stack) => variables(stack.invoke, stack.dynamodb, stack.s3),
            #[cfg(feature = "second-opinion")]
            Place::Deployed(_) => Deployed::variables(),
        };
        let shared = shared.into_iter().map(|(name, value)| (name.to_owned(), value));
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let table = match &self.stack {
            Place::Here(_) => "Table",
            #[cfg(feature = "second-opinion")]
            Place::Deployed(deployed) => &deployed.resources["Table"],
        };
        // No key signs, unless the test says so.
        let table =
            [("TABLE_NAME", table), ("SIGNING_KEY_ID", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Environment::from_values(shared.chain(table).chain(own))
    }

    /// The same with the credentials of a function's role, so that only what the template grants to it can be done.
    pub(crate) fn environment_of(&self, function: &str, own: &[(&str, &str)]) -> Environment {
        let role = self.stack.iam.role_of(function).unwrap_or_else(|| panic!("no function {function}"));
        self.environment(&[&role.variables(), own].concat())
    }

    pub(crate) async fn stop(self) {
        match self.stack {
            Place::Here(stack) => stack.stop().await,
            #[cfg(feature = "second-opinion")]
            Place::Deployed(deployed) => deployed.stop().await,
        }
    }
}

/// Sends a request to the API. Whatever the test is about, its answer is one that the API's description allows.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let asked = Asked::of(&request);
    let answer = exchange(client, request).await;
    asked.check(&answer);
    answer
}

/// The same from a service that is not described in the document.
async fn undescribed(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    exchange(client, request.unwrap()).await
}

async fn exchange(client: reqwest::Client, request: reqwest::Request) -> Answer {
    let response = client.execute(request).await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}
