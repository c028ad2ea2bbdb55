//! The API's description, held against what the API does.
//!
//! Every answer that any test receives through [`super::answer`] is checked: its operation, status, headers and body are in the document,
//! and a 2xx is the answer to a request that the document allows. So the document is never stricter than the code, and of
//! answers never looser.

mod document;
mod schema;

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde_json::Value;

pub(crate) use self::document::{Operation, document, operations, resolved};
pub(crate) use self::schema::problems;
use super::Answer;

/// What a request asked for.
#[derive(Debug)]
pub(super) struct Asked {
    method: String,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Asked {
    pub(super) fn of(request: &reqwest::Request) -> Self {
        Self {
            method: request.method().to_string(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec(),
        }
    }

    /// Panics when the document does not have such an answer to such a request.
    pub(super) fn check(&self, answer: &Answer) {
        let problems = self.problems(answer);
        let Self { method, url, .. } = self;
        let all = problems.join("\n  ");
        assert!(problems.is_empty(), "openapi.json: {method} {} → {}:\n  {all}", url.path(), answer.status);
    }

    /// The path below the API's address, which of a deployed one on `MiniStack` has a path itself.
    fn path(&self) -> &str {
        let path = self.url.path();
        let below = path.strip_prefix("/_aws/execute-api/").and_then(|rest| rest.split_once("/$default"));
        below.map_or(path, |(_, below)| below)
    }

    fn problems(&self, answer: &Answer) -> Vec<String> {
        let Some(operation) = Operation::taking(&self.method, self.path()) else {
            // Nobody's route: API Gateway says so.
            return if answer.status == 404 { vec![] } else { vec!["there is no such operation".to_owned()] };
        };
        let Some(response) = operation.value["responses"].get(answer.status.to_string()).map(resolved) else {
            return vec![format!("there is no such status: {}", String::from_utf8_lossy(&answer.bytes))];
        };
        let mut problems = of_headers(&response["headers"], &answer.headers);
        problems.extend(of_answer(&response["content"], answer));
        if (200..300).contains(&answer.status) {
            problems.extend(self.of_request(&operation));
        }
        problems
    }

    /// What the document has against a request that was granted.
    fn of_request(&self, operation: &Operation) -> Vec<String> {
        let mut found = Vec::new();
        for parameter in operation.value["parameters"].as_array().into_iter().flatten().map(resolved) {
            let name = parameter["name"].as_str().unwrap();
            match self.parameter(operation, parameter) {
                Some(text) => {
                    let told = problems(&parameter["schema"], &typed(&parameter["schema"], &text));
                    found.extend(told.into_iter().map(|problem| format!("{name}: {problem}")));
                }
                None if parameter["required"] == true => found.push(format!("{name} is required")),
                None => {}
            }
        }
        let body = &operation.value["requestBody"];
        if body.is_null() || (self.body.is_empty() && body["required"] != true) {
            return found;
        }
        match serde_json::from_slice(&self.body) {
            Ok(value) => found.extend(problems(&body["content"]["application/json"]["schema"], &value)),
            Err(error) => found.push(format!("the request's body: {error}")),
        }
        found
    }

    fn parameter(&self, operation: &Operation, parameter: &Value) -> Option<String> {
        let name = parameter["name"].as_str().unwrap();
        match parameter["in"].as_str().unwrap() {
            "path" => operation.path_parameter(self.path(), name),
            "query" => self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()),
            // White space around a header's value is none of it (RFC 9110 section 5.5).
            _ => Some(self.headers.get(name)?.to_str().unwrap().trim().to_owned()),
        }
    }
}

fn of_headers(documented: &'static Value, headers: &HeaderMap) -> Vec<String> {
    let mut found = Vec::new();
    for (name, header) in documented.as_object().into_iter().flatten() {
        let header = resolved(header);
        match headers.get(name).map(|value| value.to_str().unwrap()) {
            Some(text) => found.extend(problems(&header["schema"], &typed(&header["schema"], text))),
            None if header["required"] == true => found.push(format!("the header {name} is missing")),
            None => {}
        }
    }
    found
}

fn of_answer(documented: &'static Value, answer: &Answer) -> Vec<String> {
    let Some(content) = documented.get("application/json") else {
        return if answer.bytes.is_empty() { vec![] } else { vec!["there is a body".to_owned()] };
    };
    let kind = answer.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap());
    if kind != Some("application/json") {
        return vec![format!("the content type is {kind:?}")];
    }
    let mut bytes = answer.bytes.clone();
    if answer.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip") {
        bytes.clear();
        GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => problems(&content["schema"], &value),
        Err(error) => vec![format!("the body: {error}")],
    }
}

/// A parameter's or header's text as the value that its schema speaks of.
fn typed(schema: &'static Value, text: &str) -> Value {
    let schema = resolved(schema);
    let number = (schema["type"] == "integer").then(|| text.parse::<u64>().ok()).flatten();
    number.map_or_else(|| text.into(), Value::from)
}

#[cfg(test)]
mod tests;
