use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use audit_export::TEST_TIME;
use serde_yaml_ng::Value;
use sporlog_http::LONGEST_WORK;
use sporlog_local::template::EMBEDDED;

use super::{root, template};

/// Wiring only; what is longer belongs into the library.
const MOST_LINES_OF_MAIN: usize = 30;

/// `export-run` → `ExportRunFunction`.
fn logical_id(folder: &str) -> String {
    let capitalized = folder.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
    capitalized.collect::<String>() + "Function"
}

fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("functions")).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_folder_is_a_function_of_the_template_and_the_reverse() {
    let in_template = template().functions.into_iter().map(|function| (function.binary, function.logical_id));
    let in_folders = folders().into_iter().map(|folder| (folder.clone(), logical_id(&folder)));
    assert_eq!(in_template.collect::<BTreeMap<_, _>>(), in_folders.collect());
}

#[test]
fn every_function_is_a_library_with_a_short_main() {
    for folder in folders() {
        let source = root().join("functions").join(&folder).join("src");
        assert!(source.join("lib.rs").is_file(), "{folder}");
        let lines = fs::read_to_string(source.join("main.rs")).unwrap().lines().count();
        assert!(lines <= MOST_LINES_OF_MAIN, "{folder}: main.rs has {lines} lines");
    }
}

/// `sam build` compiles in the folder that `CodeUri` names; at the root Cargo would look for the binary in `local` only.
#[test]
fn every_function_is_built_from_its_folder_by_cargo_lambda() {
    let source: Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    for function in template().functions {
        let resource = &source["Resources"][function.logical_id.as_str()];
        let folder = format!("functions/{}", function.binary);
        assert_eq!(resource["Properties"]["CodeUri"].as_str(), Some(folder.as_str()));
        assert_eq!(resource["Metadata"]["BuildMethod"].as_str(), Some("rust-cargolambda"), "{folder}");
    }
}

#[test]
fn every_function_is_heard_in_the_log() {
    let heard: BTreeSet<String> = sporlog_boot::OWN_TARGETS.iter().map(|target| (*target).to_owned()).collect();
    let functions = folders().into_iter().map(|folder| folder.replace('-', "_"));
    assert_eq!(functions.chain(["sporlog".to_owned()]).collect::<BTreeSet<_>>(), heard);
}

/// Lambda makes a group that keeps everything for ever where a function has none of its own.
#[test]
fn every_function_has_a_log_group_that_forgets() {
    let template: Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let mut groups = BTreeSet::new();
    for (name, function) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function") {
        let Value::Tagged(group) = &function["Properties"]["LoggingConfig"]["LogGroup"] else {
            panic!("{name:?} has no log group")
        };
        let group = group.value.as_str().unwrap();
        assert!(groups.insert(group.to_owned()), "{group} is not {name:?}'s alone");
        let properties = &template["Resources"][group]["Properties"];
        assert!(properties.get("RetentionInDays").is_some(), "{group} keeps everything");
    }
    assert_eq!(groups.len(), folders().len());
}

/// Who answers a request says itself that it took too long, a while before Lambda or API Gateway (30 s) would.
#[test]
fn every_function_of_the_api_has_time_to_say_that_it_took_too_long() {
    let functions = template().functions.into_iter().filter(|function| !function.routes.is_empty());
    // It asks nobody.
    for function in functions.filter(|function| function.logical_id != "OpenapiFunction") {
        let name = &function.logical_id;
        assert!((LONGEST_WORK + Duration::from_secs(3)..Duration::from_secs(30)).contains(&function.timeout), "{name}");
    }
    assert!(TEST_TIME < LONGEST_WORK);
}
