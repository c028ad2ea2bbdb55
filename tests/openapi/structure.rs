use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use sporlog_local::template::EMBEDDED;

use crate::harness::contract::{document, operations, problems, resolved};
use crate::structure::template;

/// The one answer without an example: a document cannot hold itself.
const WITHOUT_EXAMPLE: &str = "readOpenapi";

/// `ReadCaseAuditLog`: the names of the routes in the template, by route.
fn names() -> BTreeMap<String, String> {
    let template: Yaml = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let mut names = BTreeMap::new();
    for resource in template["Resources"].as_mapping().unwrap().values() {
        for (name, event) in resource["Properties"]["Events"].as_mapping().into_iter().flatten() {
            let (name, event) = (name.as_str().unwrap(), &event["Properties"]);
            let Some(path) = event["Path"].as_str() else { continue };
            names.insert(format!("{} {path}", event["Method"].as_str().unwrap()), name.to_owned());
        }
    }
    names
}

#[test]
fn every_route_is_an_operation_of_its_name_and_the_reverse() {
    let decapitalized = |name: &String| name[..1].to_lowercase() + &name[1..];
    let expected: BTreeMap<_, _> = names().iter().map(|(route, name)| (route.clone(), decapitalized(name))).collect();
    let described = operations().map(|operation| {
        let id = operation.value["operationId"].as_str().unwrap().to_owned();
        (format!("{} {}", operation.method.to_uppercase(), operation.path), id)
    });
    assert_eq!(described.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn every_operation_takes_the_credential_that_its_route_asks_for() {
    let template = template();
    let routes: Vec<_> = template.functions.iter().flat_map(|function| &function.routes).collect();
    for operation in operations() {
        let method = operation.method.to_uppercase();
        let route = routes.iter().find(|route| route.method == method && route.path == operation.path).unwrap();
        let security = match &route.authorizer {
            None => json!([]),
            Some(authorizer) => {
                let scheme = authorizer.strip_suffix("Authorizer").unwrap();
                let described = &document()["components"]["securitySchemes"][scheme];
                // RFC 6750: the scheme says the header.
                let header =
                    if described["scheme"] == "bearer" { "Authorization" } else { described["name"].as_str().unwrap() };
                assert_eq!(header.to_lowercase(), template.authorizers[authorizer].identity_header, "{scheme}");
                json!([{scheme: []}])
            }
        };
        assert_eq!(operation.value["security"], security, "{method} {}", operation.path);
    }
}

#[test]
fn every_operation_is_in_words_and_in_a_group() {
    let tags = document()["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap());
    let mut used = BTreeSet::new();
    for operation in operations() {
        for member in ["summary", "description"] {
            let text = operation.value[member].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{} {}: {member}", operation.method, operation.path);
        }
        let [tag] = &operation.value["tags"].as_array().unwrap()[..] else { panic!("{}", operation.path) };
        used.insert(tag.as_str().unwrap());
    }
    assert_eq!(used, tags.collect());
}

#[test]
fn every_request_body_and_every_success_has_an_example() {
    for operation in operations() {
        let id = operation.value["operationId"].as_str().unwrap();
        let body = operation.value.get("requestBody");
        let responses = operation.value["responses"].as_object().unwrap().iter();
        let successes = responses.filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response);
        // A status that only comes where a setting says so is on its page in words.
        let successes: Vec<_> =
            successes.filter_map(|response| resolved(response)["content"].get("application/json")).collect();
        let shown = successes.iter().filter(|content| content.get("examples").is_some()).count();
        assert!(shown > 0 || successes.is_empty() || id == WITHOUT_EXAMPLE, "{id}");
        let bodies = body.map(|body| &body["content"]["application/json"]);
        assert!(bodies.is_none_or(|content| content.get("examples").is_some()), "{id}: the request's body");
    }
}

/// Calls with everything that has examples, and its schema.
fn with_examples(value: &'static Value, check: &mut impl FnMut(&'static Value, &'static Value)) {
    match value {
        Value::Object(members) => {
            if let (Some(schema), Some(examples)) = (members.get("schema"), members.get("examples")) {
                examples.as_object().unwrap().values().for_each(|example| check(schema, &example["value"]));
            }
            members.iter().filter(|(name, _)| *name != "examples").for_each(|(_, value)| with_examples(value, check));
        }
        Value::Array(values) => values.iter().for_each(|value| with_examples(value, check)),
        _ => {}
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let mut checked = 0;
    with_examples(document(), &mut |schema, example| {
        assert_eq!(problems(schema, example), Vec::<String>::new(), "{example}");
        checked += 1;
    });
    assert!(checked > 80, "{checked}");
}

/// Calls with every reference in the document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.iter().filter(|(name, _)| *name != "examples").for_each(|(_, value)| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_refers_to_something_and_every_component_is_referred_to() {
    let (document, mut referred) = (document(), BTreeSet::new());
    references(document, &mut referred);
    for reference in &referred {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for kind in ["headers", "parameters", "responses", "schemas"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(referred.contains(format!("#/components/{kind}/{name}").as_str()), "{kind}/{name}");
        }
    }
}
