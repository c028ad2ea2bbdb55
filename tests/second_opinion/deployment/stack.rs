use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_lambda::config::timeout::TimeoutConfig;
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::identity::Issuer;
use uuid::Uuid;

use super::super::ministack::{REGION, SPORLOG, root};
use super::template::ground;

thread_local! {
    /// Whether the test of this thread has its systems deployed, and how many it has asked for.
    static HOSTED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A stack of its own on the one `MiniStack` of this process.
pub(crate) struct Deployed {
    /// Where the HTTP API is.
    pub(crate) api: String,
    pub(crate) issuer: Issuer,
    name: String,
    /// The stack's id, by which it is found also when it is deleted.
    pub(super) id: String,
    /// The names that CloudFormation gave, by logical id.
    pub(crate) resources: BTreeMap<String, String>,
}

impl Deployed {
    /// Runs a test as it is, with deployed systems in place of those of its own process.
    pub(super) fn hosts(test: fn()) {
        struct Ended;
        impl Drop for Ended {
            fn drop(&mut self) {
                HOSTED.set(None);
            }
        }
        HOSTED.set(Some(0));
        let ended = Ended;
        test();
        assert!(HOSTED.get() > Some(0), "no system was asked for on the thread of the test, so it proved nothing");
        drop(ended);
    }

    /// Whether the test of this thread is a hosted one.
    pub(crate) fn is_asked_for() -> bool {
        HOSTED.get().is_some()
    }

    /// Deploys a stack that trusts the issuer of a directory, or one of its own.
    pub(crate) async fn start(issuer: Option<&Path>) -> Self {
        HOSTED.set(HOSTED.get().map(|asked| asked + 1));
        let issuer = Issuer::open(issuer).unwrap();
        // An address that is not this machine's: the keys stand in the parameter.
        let trusted = issuer.trusted_issuers("192.0.2.1:443".parse().unwrap()).unwrap();
        Self::with(issuer, &[("TrustedIssuers", &trusted)]).await
    }

    /// Deploys a stack with these parameters, the others as the template has them.
    async fn with(issuer: Issuer, parameters: &[(&str, &str)]) -> Self {
        let parameters = parameters.iter().copied().chain([("SettleSeconds", "0"), ("Architecture", architecture())]);
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>();
        let name = format!("sporlog-{}", Uuid::new_v4().simple());
        let stack = name.clone();
        let (id, resources, outputs) =
            tokio::task::spawn_blocking(move || ground().deploy(&stack, &parameters)).await.unwrap();
        let (api, _) = outputs["ApiUrl"].strip_prefix("https://").unwrap().split_once('.').unwrap();
        // The way to an API that needs no name server.
        let api = format!("{}/_aws/execute-api/{api}/$default", ground().ministack.endpoint);
        Self { api, issuer, name, id, resources }
    }

    /// Invokes a function by its logical id; `Err` is the function's error.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Result<Value, Value> {
        let aws = Aws::from_environment(&Environment::from_values(
            Self::variables().into_iter().map(|(name, value)| (name.to_owned(), value)),
        ));
        // The first invocation of a function starts its process.
        let patient = TimeoutConfig::builder().operation_timeout(Duration::from_mins(1)).build();
        let config = aws.unwrap().service(AwsService::Lambda).into_builder().timeout_config(patient).build();
        let request = aws_sdk_lambda::Client::new(&config).invoke().function_name(&self.resources[function]);
        let answer = request.payload(event.to_string().into_bytes().into()).send().await.unwrap();
        let payload = serde_json::from_slice(answer.payload.unwrap().as_ref()).unwrap();
        if answer.function_error.is_some() { Err(payload) } else { Ok(payload) }
    }

    /// The variables of a client that is Sporlog's own account.
    pub(crate) fn variables() -> Vec<(&'static str, String)> {
        let endpoints = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_SQS"];
        let endpoints = endpoints.map(|name| (name, ground().ministack.endpoint.clone()));
        let own = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].into_iter().zip(root(SPORLOG));
        own.chain(endpoints).chain([("AWS_REGION", REGION.to_owned())]).collect()
    }

    /// Deletes the stack. Its functions first: `MiniStack` ends their processes when they are deleted one by one, and lets them run
    /// when it deletes them with their stack (`services/cloudformation/provisioners.py`, `_lambda_delete`).
    pub(crate) async fn stop(self) {
        let functions = self.resources.into_iter().filter(|(id, _)| id.ends_with("Function")).map(|(_, name)| name);
        let functions: Vec<_> = functions.map(|name| json!({"FunctionName": name})).collect();
        let stack = json!({"StackName": self.name});
        let delete = move || {
            for function in &functions {
                ground().call("lambda", "delete_function", function);
            }
            ground().call("cloudformation", "delete_stack", &stack)
        };
        tokio::task::spawn_blocking(delete).await.unwrap();
    }
}

/// What the functions are compiled for here.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
