use std::fs;
use std::path::Path;

use serde_yaml_ng::{Mapping, Value};
use sporlog_auth::{Action, PLATFORM_ADMIN, Role};

use super::examples;
use crate::structure::root;

/// Fields of a path item that are operations (OpenAPI 3.1.1 section 4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

#[test]
fn what_is_served_is_made_from_its_sources() {
    let (file, expected) = (root().join("functions/openapi/openapi.json"), assembled());
    if openapi::DOCUMENT == expected {
        return;
    }
    let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    fs::write(&renewed, expected).unwrap();
    panic!("a source of the document has changed; renew it with: cp {} {}", renewed.display(), file.display());
}

/// The document: what people write, with the version, what API Gateway adds, the permissions and the examples.
fn assembled() -> String {
    let mut document = Value::Mapping(Mapping::new());
    for source in sources() {
        merge(&mut document, source, "");
    }
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    for (path, method, operation) in operations(&mut document) {
        tell_permission(&format!("{} {path}", method.to_uppercase()), operation);
        add_request_id(&mut operation["responses"]);
    }
    add_request_id(&mut document["components"]["responses"]);
    for (page, examples) in crate::docs::pages() {
        for (number, example) in (1..).zip(&examples) {
            examples::insert(&mut document, &format!("{page}-{number}"), example);
        }
    }
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

/// The files that people write: first the one of what is written once.
fn sources() -> Vec<Value> {
    let folder = root().join("functions/openapi/document");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|file| (!file.ends_with("openapi.yaml"), file.clone()));
    files.iter().map(|file| source(&fs::read_to_string(file).unwrap())).collect()
}

/// A source without what only serves YAML: parts that are referred to, and the merges that do.
fn source(text: &str) -> Value {
    let mut source: Value = serde_yaml_ng::from_str(text).unwrap();
    // A merged part may itself have a part to merge.
    while has_key(&source, "<<") {
        source.apply_merge().unwrap();
    }
    source.as_mapping_mut().unwrap().shift_remove("x-parts");
    let examples = ["example", "examples"].into_iter().find(|key| has_key(&source, key));
    assert_eq!(examples, None, "examples are taken from docs/api, where a test runs them");
    source
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Mapping(mapping) => mapping.contains_key(key) || mapping.values().any(|value| has_key(value, key)),
        Value::Sequence(values) => values.iter().any(|value| has_key(value, key)),
        _ => false,
    }
}

/// Adds what a source has. What is there already is never replaced.
fn merge(document: &mut Value, source: Value, place: &str) {
    let (Value::Mapping(document), Value::Mapping(source)) = (document, source) else {
        panic!("{place} is written twice");
    };
    for (key, value) in source {
        let place = format!("{place}/{}", key.as_str().unwrap());
        match document.get_mut(&key) {
            Some(known) => merge(known, value, &place),
            None => drop(document.insert(key, value)),
        }
    }
}

/// Every operation, with its path and method.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    document["paths"].as_mapping_mut().unwrap().iter_mut().flat_map(|(path, item)| {
        let path = path.as_str().unwrap().to_owned();
        item.as_mapping_mut().unwrap().iter_mut().map(move |(method, operation)| {
            let method = method.as_str().unwrap().to_owned();
            assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
            (path.clone(), method, operation)
        })
    })
}

/// Puts into words what the policy says.
fn tell_permission(route: &str, operation: &mut Value) {
    let Some(rule) = Action::ALL.into_iter().find(|action| action.routes().contains(&route)).map(Action::rule) else {
        return;
    };
    let named = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    let roles = rule.roles.iter().copied().map(Role::name).collect();
    let needed = [
        (!rule.scopes.is_empty()).then(|| format!("the permission {}", named(rule.scopes.to_vec()))),
        (!rule.roles.is_empty()).then(|| format!("the role {}", named(roles))),
        rule.platform.then(|| format!("the scope {}", named(vec![PLATFORM_ADMIN]))),
    ];
    let needed = needed.into_iter().flatten().collect::<Vec<_>>().join(", or ");
    let description = operation["description"].as_str().unwrap();
    operation["description"] = format!("{description}\n\nNeeds {needed}.").into();
}

/// API Gateway names the request in every answer.
fn add_request_id(responses: &mut Value) {
    let header: Value = serde_yaml_ng::from_str("{$ref: '#/components/headers/ApigwRequestid'}").unwrap();
    for response in responses.as_mapping_mut().unwrap().values_mut().filter(|response| response.get("$ref").is_none()) {
        let headers = response.as_mapping_mut().unwrap().entry("headers".into());
        let headers = headers.or_insert_with(|| Mapping::new().into());
        headers.as_mapping_mut().unwrap().insert("Apigw-Requestid".into(), header.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_merged_is_as_if_it_were_written_there() {
        let read = source("x-parts: {a: &a {b: 1, c: 2}, d: &d {<<: *a, c: 3}}\ne: {<<: *d, f: 4}\n");
        assert_eq!(read, serde_yaml_ng::from_str::<Value>("e: {b: 1, c: 3, f: 4}").unwrap());
    }

    #[test]
    #[should_panic(expected = "/paths/a is written twice")]
    fn nothing_is_written_twice() {
        let mut document = source("paths: {a: 1, b: 2}");
        merge(&mut document, source("paths: {c: 3, a: 1}"), "");
    }

    #[test]
    #[should_panic(expected = "examples are taken from docs/api")]
    fn no_source_has_an_example_of_its_own() {
        source("a: [{example: 1}]");
    }
}
