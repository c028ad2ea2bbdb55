use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::Value;

use super::document;

/// What a schema of the document has against a value, formats included.
pub(crate) fn problems(schema: &'static Value, value: &Value) -> Vec<String> {
    let told = |error: jsonschema::ValidationError<'_>| {
        let (place, problem) = (error.instance_path().to_string(), error.to_string());
        // Some problems repeat the whole value.
        format!("{place}: {}", problem.chars().take(300).collect::<String>())
    };
    validator(schema).iter_errors(value).map(told).collect()
}

/// Compiled once in a process: the schemas live as long, so that their address names them.
fn validator(schema: &'static Value) -> Arc<Validator> {
    static COMPILED: LazyLock<Mutex<HashMap<usize, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let known = compiled.entry(std::ptr::from_ref(schema).addr());
    Arc::clone(known.or_insert_with(|| {
        let mut root = schema.clone();
        // References begin at the root of the document, which for the validator is the schema.
        root["components"] = document()["components"].clone();
        let options = jsonschema::draft202012::options();
        Arc::new(options.should_validate_formats(true).build(&root).unwrap())
    }))
}
