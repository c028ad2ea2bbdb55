use std::collections::BTreeMap;

use sporlog_boot::{Environment, EnvironmentError};
use sporlog_model::Clock;

use super::template;

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
