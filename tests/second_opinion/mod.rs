//! The export and the test of a connection against `MiniStack`, which evaluates IAM's policies across accounts: an engine that
//! nobody here wrote. Bucket and role are in a customer's account, made as Sporlog tells the customer to.
//!
//! `docs/second-opinion.md` lists where it answers differently from the embedded engine or from AWS, and why.

mod connection;
mod deployment;
mod export;
mod ministack;
mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_verify::{Options, Report, Source, Verifier};

use crate::audit_export::{Exports, ORG, with_orgs};
use crate::export::Exporter;
use crate::export::bucket::Objects;
use crate::harness::{ManualClock, System, org};

pub(crate) use deployment::Deployed;
use ministack::{CUSTOMER, Credentials, Ministack, REGION, SPORLOG, root};

/// The customer's bucket.
const BUCKET: &str = "audit-log-of-diku";

/// Sporlog with its functions' roles in one account, and `MiniStack` in place of STS and S3.
struct Opinion {
    system: System,
    ministack: Ministack,
    export_run: Credentials,
    audit_export: Credentials,
}

impl Opinion {
    async fn start() -> Self {
        let system = with_orgs(&[ORG]).await;
        let ministack = Ministack::start();
        let lambda = own_user(&ministack);
        let [export_run, audit_export] = ["ExportRunFunctionRole", "AuditExportFunctionRole"].map(|name| {
            let user = json!({"AWS": format!("arn:aws:iam::{SPORLOG}:user/lambda")});
            let trust = policy(&json!([{"Effect": "Allow", "Principal": user, "Action": "sts:AssumeRole"}]));
            let role = role(&ministack, SPORLOG, name, &trust, &policy(&may_assume()));
            ministack.assume(&lambda, &role)
        });
        Self { system, ministack, export_run, audit_export }
    }

    /// As [`Opinion::start`], with a customer who did what Sporlog told them to; answers the body that configures the export.
    async fn with_customer() -> (Self, Value) {
        let opinion = Self::start().await;
        let role = opinion.deploy_setup(BUCKET).await;
        let body = json!({"bucket": BUCKET, "region": REGION, "roleArn": role});
        (opinion, body)
    }

    /// The export's function, with the rights of its role.
    fn exporter(&self, clock: &ManualClock) -> Exporter {
        let own = self.variables(&self.export_run);
        let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Exporter::with(&self.system, ORG, clock, &own)
    }

    /// The same with a key of `MiniStack`'s KMS that signs the digests.
    fn signing_exporter(&self, clock: &ManualClock) -> Exporter {
        let sporlog = root(SPORLOG);
        let spec = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
        let key = self.ministack.call(&sporlog, "kms", "create_key", &spec)["KeyMetadata"]["Arn"].clone();
        let allow = json!([{"Effect": "Allow", "Action": ["kms:Sign", "kms:GetPublicKey"], "Resource": key}]);
        let allow =
            json!({"RoleName": "ExportRunFunctionRole", "PolicyName": "sign", "PolicyDocument": policy(&allow)});
        self.ministack.call(&sporlog, "iam", "put_role_policy", &allow);
        let mut own = self.variables(&self.export_run);
        own.push(("AWS_ENDPOINT_URL_KMS", self.ministack.endpoint.clone()));
        own.push(("SIGNING_KEY_ID", key.as_str().unwrap().to_owned()));
        let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Exporter::with(&self.system, ORG, clock, &own)
    }

    /// The function behind `/orgs/{orgId}/audit-export`, with the rights of its role.
    fn exports(&self) -> Exports {
        let roles = ["ExportRunFunctionRole", "AuditExportFunctionRole"];
        let roles = roles.map(|name| format!("arn:aws:iam::{SPORLOG}:role/{name}")).join(",");
        let own = self.variables(&self.audit_export);
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        // A run begins when the test says so: one that the system starts would ask the embedded engines.
        let own = own.chain([("EXPORT_RUN_FUNCTION", "None")]);
        let own = own.chain([("SPORLOG_ROLE_ARNS", roles.as_str()), ("REFUSED_ROLE_ACCOUNT", SPORLOG)]);
        Exports::of(&self.system, &own.collect::<Vec<_>>())
    }

    fn variables(&self, credentials: &[String]) -> Vec<(&'static str, String)> {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"];
        let endpoints = endpoints.map(|name| (name, self.ministack.endpoint.clone()));
        names.into_iter().zip(credentials.iter().cloned()).chain(endpoints).collect()
    }

    /// The same as an environment, for what is called directly.
    fn environment(&self, credentials: &[String]) -> Environment {
        let own = self.variables(credentials);
        let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.system.environment(&own)
    }

    /// What Sporlog tells the organization to set up.
    async fn setup(&self, bucket: &str) -> Value {
        let mut event: Value = serde_json::from_str(include_str!("../../events/audit-export.json")).unwrap();
        event["rawQueryString"] = json!(format!("bucket={bucket}&region={REGION}"));
        let (status, setup) = self.exports().send(event, "GET", "setup", None).await;
        assert_eq!(status, 200, "{setup}");
        setup
    }

    /// The customer deploys the template that Sporlog gives them; answers the role's ARN.
    async fn deploy_setup(&self, bucket: &str) -> String {
        deploy_setup(&self.ministack, bucket, &self.setup(bucket).await)
    }

    /// A role of the customer's; `write` is where it may put objects.
    fn customers_role(&self, name: &str, trust: &Value, actions: &[&str], resource: &str) -> String {
        let statements = json!([{"Effect": "Allow", "Action": actions, "Resource": resource}]);
        role(&self.ministack, CUSTOMER, name, &trust.to_string(), &policy(&statements))
    }

    fn create_bucket(&self, account: &str, bucket: &str) {
        let parameters = json!({"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": REGION}});
        self.ministack.call(&root(account), "s3", "create_bucket", &parameters);
    }

    /// Everything in a bucket, as its owner reads it.
    async fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        objects(&self.environment(&root(CUSTOMER)), bucket).await
    }

    /// What `sporlog verify` proves of a bucket; it must find nothing wrong.
    async fn verified(&self, bucket: &str) -> Report {
        verified(&self.environment(&root(CUSTOMER)), bucket).await
    }

    async fn configure(&self, body: &Value) {
        let (status, config) = self.exports().call("POST", "config", Some(body)).await;
        assert_eq!(status, 201, "{config}");
    }
}

/// The customer deploys the template of a setup; answers the role's ARN.
fn deploy_setup(ministack: &Ministack, bucket: &str, setup: &Value) -> String {
    let customer = root(CUSTOMER);
    let parameters = json!({
        "StackName": bucket, "TemplateBody": setup["cloudFormation"], "Capabilities": ["CAPABILITY_IAM"],
    });
    ministack.call(&customer, "cloudformation", "create_stack", &parameters);
    loop {
        let stacks = ministack.call(&customer, "cloudformation", "describe_stacks", &json!({"StackName": bucket}));
        let stack = &stacks["Stacks"][0];
        match stack["StackStatus"].as_str().unwrap() {
            "CREATE_IN_PROGRESS" => {}
            "CREATE_COMPLETE" => return stack["Outputs"][0]["OutputValue"].as_str().unwrap().to_owned(),
            other => panic!("{other}: {stack}"),
        }
    }
}

/// Everything in a bucket, as the owner of these credentials reads it.
async fn objects(environment: &Environment, bucket: &str) -> BTreeMap<String, Vec<u8>> {
    let aws = Aws::from_environment(environment).unwrap();
    let config = aws_sdk_s3::config::Builder::from(&aws.service(AwsService::S3)).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let listed = client.list_objects_v2().bucket(bucket).send().await.unwrap();
    assert_eq!(listed.is_truncated(), Some(false));
    let mut objects = BTreeMap::new();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let body = client.get_object().bucket(bucket).key(key).send().await.unwrap().body;
        objects.insert(key.to_owned(), body.collect().await.unwrap().to_vec());
    }
    objects
}

/// What `sporlog verify` proves of a bucket of [`ORG`]; it must find nothing wrong.
async fn verified(environment: &Environment, bucket: &str) -> Report {
    let objects = objects(environment, bucket).await;
    let sources: [Box<dyn Source>; 1] = [Box::new(Objects { name: bucket.to_owned(), objects })];
    Verifier { sources: &sources, org: &org(ORG), options: &Options::default() }.verify().unwrap()
}

/// The user of Sporlog's account that stands for Lambda's service, which gives a function its role's session.
fn own_user(ministack: &Ministack) -> Credentials {
    let sporlog = root(SPORLOG);
    ministack.call(&sporlog, "iam", "create_user", &json!({"UserName": "lambda"}));
    let allow = json!({"UserName": "lambda", "PolicyName": "assume", "PolicyDocument": policy(&may_assume())});
    ministack.call(&sporlog, "iam", "put_user_policy", &allow);
    let key = ministack.call(&sporlog, "iam", "create_access_key", &json!({"UserName": "lambda"}));
    let part = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    vec![part("AccessKeyId"), part("SecretAccessKey")]
}

fn may_assume() -> Value {
    json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*"}])
}

fn policy(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Makes a role, answers its ARN.
fn role(ministack: &Ministack, account: &str, name: &str, trust: &str, permissions: &str) -> String {
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust});
    ministack.call(&root(account), "iam", "create_role", &role);
    let allow = json!({"RoleName": name, "PolicyName": "allow", "PolicyDocument": permissions});
    ministack.call(&root(account), "iam", "put_role_policy", &allow);
    format!("arn:aws:iam::{account}:role/{name}")
}
