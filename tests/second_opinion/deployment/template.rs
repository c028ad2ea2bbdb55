use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::super::ministack::{Ministack, REGION, SPORLOG, root};
use super::openapi;

/// Where the functions' code is.
const CODE: &str = "sporlog-code";

/// Resource types that `MiniStack` refuses, each with the reason why the rest proves as much without them.
const REFUSED_TYPES: [(&str, &str); 2] = [
    ("AWS::CloudWatch::Alarm", "metric math is not supported: nothing measures here, so no alarm would go off either"),
    ("AWS::CloudWatch::Dashboard", "it names the alarms"),
];

/// The one `MiniStack` of the deployed stacks, with the functions' code in a bucket.
pub(super) struct Ground {
    pub(super) ministack: Ministack,
    /// The template as CloudFormation gets it.
    template: Value,
}

/// Started by the first test that needs it; ends with the process.
pub(super) fn ground() -> &'static Ground {
    static GROUND: LazyLock<Ground> = LazyLock::new(Ground::start);
    &GROUND
}

impl Ground {
    fn start() -> Self {
        let binaries = built();
        let ministack = Ministack::start();
        let root = crate::structure::root();
        let output = Command::new(root.join("target/second-opinion/bin/python"))
            .arg(root.join("tests/second_opinion/package.py"))
            .args([root.join("template.yaml"), binaries])
            .args([ministack.endpoint.as_str(), SPORLOG, REGION, CODE])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "package.py: {}", output.status);
        let template = fitted(serde_json::from_slice(&output.stdout).unwrap());
        let ground = Self { ministack, template };
        let body = json!({"Bucket": CODE, "Key": "template.json", "Body": ground.template.to_string()});
        ground.call("s3", "put_object", &body);
        ground
    }

    /// A call of Sporlog's own account, which must succeed.
    pub(super) fn call(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.ministack.call(&root(SPORLOG), service, operation, parameters)
    }

    /// Creates a stack; answers its id, the names of its resources, by logical id, and its outputs.
    pub(super) fn deploy(
        &self,
        name: &str,
        parameters: &[(String, String)],
    ) -> (String, BTreeMap<String, String>, BTreeMap<String, String>) {
        let parameters = parameters.iter().map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}));
        let create = json!({
            "StackName": name, "TemplateURL": format!("{}/{CODE}/template.json", self.ministack.endpoint),
            "Parameters": parameters.collect::<Vec<_>>(), "Capabilities": ["CAPABILITY_IAM"], "DisableRollback": true,
        });
        self.call("cloudformation", "create_stack", &create);
        let of_stack = json!({"StackName": name});
        let stack = loop {
            let stacks = self.call("cloudformation", "describe_stacks", &of_stack);
            if stacks["Stacks"][0]["StackStatus"] != "CREATE_IN_PROGRESS" {
                break stacks["Stacks"][0].clone();
            }
        };
        let failed = self.call("cloudformation", "describe_stack_events", &of_stack);
        let failed =
            failed["StackEvents"].as_array().unwrap().iter().filter(|event| event["ResourceStatus"] == "CREATE_FAILED");
        let failed: Vec<String> =
            failed.map(|event| format!("{}: {}", event["LogicalResourceId"], event["ResourceStatusReason"])).collect();
        assert_eq!(stack["StackStatus"], "CREATE_COMPLETE", "MiniStack refuses the template: {}", failed.join("\n"));
        let resources = self.call("cloudformation", "describe_stack_resources", &of_stack);
        (
            stack["StackId"].as_str().unwrap().to_owned(),
            pairs(&resources["StackResources"], "LogicalResourceId", "PhysicalResourceId"),
            pairs(&stack["Outputs"], "OutputKey", "OutputValue"),
        )
    }
}

fn pairs(list: &Value, name: &str, value: &str) -> BTreeMap<String, String> {
    let text = |item: &Value, member: &str| item[member].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|item| (text(item, name), text(item, value))).collect()
}

/// Builds the functions, so that no test meets yesterday's; answers the folder.
fn built() -> PathBuf {
    let root = crate::structure::root();
    let functions = crate::structure::template().functions.into_iter();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--quiet", "--locked", "--bins"]);
    cargo.args(functions.flat_map(|function| ["--package".to_owned(), function.binary]));
    // What Cargo tells this test. `ring` is built anew when one of them changes, and with it nearly everything.
    let version = ["MAJOR", "MINOR", "PATCH", "PRE"].map(|part| format!("CARGO_PKG_VERSION_{part}"));
    for name in
        ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS", "CARGO_PKG_NAME"].map(str::to_owned).iter().chain(&version)
    {
        cargo.env_remove(name);
    }
    assert!(cargo.status().unwrap().success(), "the functions cannot be built");
    root.join("target/debug")
}

/// The template without what `MiniStack` cannot take.
fn fitted(mut template: Value) -> Value {
    let is_refused = |resource: &Value| REFUSED_TYPES.iter().any(|(refused, _)| resource["Type"] == *refused);
    let resources = template["Resources"].as_object_mut().unwrap();
    let left_out: Vec<String> =
        resources.iter().filter(|(_, resource)| is_refused(resource)).map(|(name, _)| format!("\"{name}\"")).collect();
    resources.retain(|_, resource| !is_refused(resource));
    let imported = openapi::import("HttpApi", &mut resources["HttpApi"]["Properties"]);
    resources.extend(imported);
    // What an output says of a resource that is left out.
    let outputs = template["Outputs"].as_object_mut().unwrap();
    outputs.retain(|_, output| left_out.iter().all(|name| !output.to_string().contains(name)));
    // An export would otherwise wait 25 s for what the test has just sent.
    template["Parameters"]["SettleSeconds"]["MinValue"] = json!(0);
    template
}
