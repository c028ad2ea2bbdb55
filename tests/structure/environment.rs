use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sporlog_boot::{Environment, EnvironmentError};
use sporlog_local::stack::variables;
use sporlog_local::template::{Deployment, EMBEDDED, Template};
use sporlog_model::Clock;

use super::{root, template};

/// Starts a function as its `main` does.
type Start = fn(&Environment) -> Result<(), EnvironmentError>;

const STARTS: [(&str, Start); 12] = [
    ("acquisition-audit", |environment| acquisition_audit::router(environment, Clock::system()).map(drop)),
    ("audit-config", |environment| audit_config::router(environment, Clock::system()).map(drop)),
    ("audit-export", |environment| audit_export::router(environment, Clock::system()).map(drop)),
    ("authorizer", |environment| authorizer::Authorizer::from_environment(environment, Clock::system()).map(drop)),
    ("bufdir-export-audit", |environment| bufdir_export_audit::router(environment, Clock::system()).map(drop)),
    ("export-dispatch", |environment| {
        export_dispatch::ExportDispatch::from_environment(environment, Clock::system()).map(drop)
    }),
    ("export-run", |environment| export_run::ExportRun::from_environment(environment, Clock::system()).map(drop)),
    ("ingest", |environment| ingest::Ingest::from_environment(environment, Clock::system()).map(drop)),
    ("kyc-audit-log", |environment| kyc_audit_log::router(environment, Clock::system()).map(drop)),
    ("openapi", |_| {
        drop(openapi::router());
        Ok(())
    }),
    ("organizations", |environment| organizations::router(environment, Clock::system()).map(drop)),
    ("retention", |environment| retention::Retention::from_environment(environment, Clock::system()).map(drop)),
];

/// What Lambda gives to every function (Lambda Developer Guide, "Defined runtime environment variables").
const OF_LAMBDA: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-north-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_SESSION_TOKEN", "token"),
];

fn start(name: &str) -> Start {
    let found = STARTS.iter().find(|(function, _)| *function == name);
    found.unwrap_or_else(|| panic!("{name} has no row in STARTS")).1
}

fn environment(variables: &BTreeMap<String, String>) -> Environment {
    let of_lambda = OF_LAMBDA.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Environment::from_values(of_lambda.into_iter().chain(variables.clone()))
}

#[test]
fn a_function_starts_with_the_variables_of_the_template_and_with_none_less() {
    for function in template().functions {
        let (start, name) = (start(&function.binary), &function.logical_id);
        assert_eq!(start(&environment(&function.environment)), Ok(()), "{name}");
        for variable in function.environment.keys() {
            let mut fewer = function.environment.clone();
            fewer.remove(variable);
            let error = start(&environment(&fewer)).expect_err(&format!("{name} does not read {variable}")).to_string();
            assert_eq!(error, format!("environment: {variable} is missing"), "{name}");
        }
    }
}

#[test]
fn every_variable_that_is_missing_is_named_at_once() {
    for function in template().functions.into_iter().filter(|function| !function.environment.is_empty()) {
        let error = start(&function.binary)(&environment(&BTreeMap::new())).unwrap_err().to_string();
        for variable in function.environment.keys() {
            assert!(error.contains(&format!("{variable} is missing")), "{}: {error}", function.logical_id);
        }
    }
}

/// How a container calls the machine that it runs on.
const MACHINE: &str = "host.docker.internal";

/// The endpoints of a server on its usual ports, as `sporlog env` prints them, for a container.
fn endpoints() -> BTreeMap<String, String> {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let variables = variables(at(3001), at(8000), at(9000)).into_iter();
    let endpoints = variables.filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL_"));
    endpoints.map(|(name, value)| (name.to_owned(), value.replace("127.0.0.1", MACHINE))).collect()
}

type Variables = BTreeMap<String, String>;

/// What `sam local invoke --env-vars events/env.json` needs for a server on the same machine.
fn env_json() -> BTreeMap<String, Variables> {
    let deployment = Deployment { queue_endpoint: format!("http://{MACHINE}:3001"), ..Deployment::default() };
    let functions = Template::embedded(&deployment).unwrap().functions.into_iter();
    functions
        .map(|function| (function.logical_id, endpoints().into_iter().chain(function.environment).collect()))
        .collect()
}

#[test]
fn env_json_has_what_the_template_gives_and_the_endpoints_of_this_machine() {
    let file = root().join("events/env.json");
    let expected = serde_json::to_string_pretty(&env_json()).unwrap() + "\n";
    if fs::read_to_string(&file).is_ok_and(|text| text == expected) {
        return;
    }
    let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("env.json");
    fs::write(&renewed, expected).unwrap();
    panic!("the functions' environment has changed; renew it with: cp {} {}", renewed.display(), file.display());
}

#[test]
fn a_function_starts_with_its_part_of_env_json() {
    let parts: BTreeMap<String, Variables> =
        serde_json::from_str(&fs::read_to_string(root().join("events/env.json")).unwrap()).unwrap();
    for function in template().functions {
        assert_eq!(
            start(&function.binary)(&environment(&parts[&function.logical_id])),
            Ok(()),
            "{}",
            function.logical_id
        );
    }
}

/// `sam local invoke` hands over only variables that the template names, and a deployed function must not have these.
#[test]
fn the_template_names_the_endpoints_and_gives_none() {
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let named = template["Globals"]["Function"]["Environment"]["Variables"].as_mapping().unwrap();
    let names: BTreeSet<String> = named.keys().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(names, endpoints().into_keys().collect());
    for (name, value) in named {
        let serde_yaml_ng::Value::Tagged(reference) = value else { panic!("{name:?} has a value") };
        assert_eq!(
            (reference.tag.to_string().as_str(), reference.value.as_str()),
            ("!Ref", Some("AWS::NoValue")),
            "{name:?}"
        );
    }
}
