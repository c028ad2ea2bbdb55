use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The document as it is served.
pub(crate) fn document() -> &'static Value {
    static READ: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(openapi::DOCUMENT).unwrap());
    &READ
}

/// What is meant: the value itself, or what it refers to.
pub(crate) fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is not in the document"));
            resolved(document().pointer(pointer).unwrap_or_else(|| panic!("{reference} refers to nothing")))
        }
    }
}

/// One operation of the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// `/orgs/{orgId}`.
    pub(crate) path: &'static str,
    /// Lower case.
    pub(crate) method: &'static str,
    pub(crate) value: &'static Value,
}

/// Every operation.
pub(crate) fn operations() -> impl Iterator<Item = Operation> {
    document()["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, value)| Operation { path, method, value })
    })
}

impl Operation {
    /// The operation that a request asks for, if there is one. As in API Gateway, a literal comes before a parameter.
    pub(super) fn taking(method: &str, path: &str) -> Option<Self> {
        let fits = |operation: &Self| operation.method == method.to_lowercase() && operation.segments(path).is_some();
        operations().filter(fits).min_by_key(|operation| operation.path.matches('{').count())
    }

    /// The value of a parameter in a path, decoded.
    pub(super) fn path_parameter(&self, path: &str, name: &str) -> Option<String> {
        let wanted = format!("{{{name}}}");
        let (_, given) = self.segments(path)?.into_iter().find(|(segment, _)| **segment == wanted)?;
        Some(percent_decode_str(given).decode_utf8_lossy().into_owned())
    }

    /// The segments of this operation's path, each with the given one, if that path is one of it.
    fn segments<'a>(&self, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
        let (wanted, given): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), path.split('/').collect());
        let fits = |(wanted, given): &(&str, &str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
        let pairs: Vec<_> = wanted.iter().copied().zip(given.iter().copied()).collect();
        (wanted.len() == given.len() && pairs.iter().all(fits)).then_some(pairs)
    }
}
