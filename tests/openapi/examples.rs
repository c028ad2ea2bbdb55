use serde_yaml_ng::{Mapping, Value};

use crate::docs::{Example, Request};
use crate::structure::template;

const JSON: &str = "application/json";

/// Puts an example of a page where it belongs: the answer's body, and where that is a success the request's body and parameters.
pub(super) fn insert(document: &mut Value, name: &str, example: &Example) {
    let template = template();
    let mut routes = template.functions.iter().flat_map(|function| &function.routes);
    let Some(route) = routes.find(|route| example.request.takes(route)) else { return };
    let method = route.method.to_lowercase();
    let Example { request, answer, .. } = example;
    let summary = format!("{} {}", request.method, request.path);
    let operation = document["paths"][route.path.as_str()][method.as_str()].clone();

    if let Some(body) = &answer.body {
        let status = answer.status.as_u16().to_string();
        let response = &operation["responses"][status.as_str()];
        let known = match response["$ref"].as_str() {
            Some(reference) => at(document, reference),
            None => &mut document["paths"][route.path.as_str()][method.as_str()]["responses"][status.as_str()],
        };
        add(&mut known["content"][JSON], name, Some(&summary), serde_yaml_ng::to_value(body).unwrap());
    }
    if !answer.status.is_success() {
        return;
    }
    if let Some(body) = &request.body {
        // JSON is YAML as well, which keeps the order of the members.
        let body = serde_yaml_ng::from_str(body).unwrap();
        let known = &mut document["paths"][route.path.as_str()][method.as_str()]["requestBody"]["content"][JSON];
        add(known, name, Some(&summary), body);
    }
    for position in 0..operation["parameters"].as_sequence().map_or(0, Vec::len) {
        let parameter = &operation["parameters"][position];
        let known = match parameter["$ref"].as_str() {
            Some(reference) => at(document, reference),
            None => &mut document["paths"][route.path.as_str()][method.as_str()]["parameters"][position],
        };
        if let Some(value) = value_of(known, request, &route.path) {
            add(known, name, None, value);
        }
    }
}

/// What a reference within the document refers to.
fn at<'a>(document: &'a mut Value, reference: &str) -> &'a mut Value {
    let path = reference.strip_prefix("#/").unwrap();
    path.split('/').fold(document, |value, key| &mut value[key])
}

/// A value that is an example already is not one again.
fn add(holder: &mut Value, name: &str, summary: Option<&str>, value: Value) {
    let examples = holder.as_mapping_mut().unwrap().entry("examples".into());
    let examples = examples.or_insert_with(|| Mapping::new().into()).as_mapping_mut().unwrap();
    if examples.values().any(|known| known["value"] == value) {
        return;
    }
    let summary = summary.map(|summary| ("summary".into(), summary.into()));
    let example: Mapping = summary.into_iter().chain([("value".into(), value)]).collect();
    examples.insert(name.into(), example.into());
}

/// What the request says for a parameter.
fn value_of(parameter: &Value, request: &Request, route: &str) -> Option<Value> {
    let name = parameter["name"].as_str().unwrap();
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let text = match parameter["in"].as_str().unwrap() {
        "path" => {
            let placeholder = format!("{{{name}}}");
            let mut segments = route.split('/').zip(path.split('/'));
            segments.find(|(wanted, _)| **wanted == placeholder).map(|(_, segment)| segment)
        }
        "query" => {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
        }
        _ => request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()),
    }?;
    match parameter["schema"]["type"].as_str() {
        Some("integer") => Some(text.parse::<u64>().unwrap().into()),
        _ => Some(text.into()),
    }
}
