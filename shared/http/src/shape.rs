use serde_json::{Value, json};
use sporlog_model::ErrorKind;

use crate::ApiError;

/// How a group's errors look, as its published document has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// FOLIO's `errors.schema`: `{"errors":[{"message","code","parameters":[{"key","value"}]}],"total_records":1}`.
    Folio,
    /// `{"error":"a sentence","code":"snake_case"}`. The request's id, with faults of ours, is in the sentence.
    Sentence,
}

impl ErrorShape {
    pub(crate) fn body(self, error: &ApiError, request_id: &str) -> Value {
        match self {
            Self::Folio => {
                let own_fault = matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable);
                let request = own_fault.then(|| ("requestId".to_owned(), request_id.to_owned()));
                let pairs = error.parameters.iter().cloned().chain(request);
                let parameters: Vec<Value> = pairs.map(|(key, value)| json!({"key": key, "value": value})).collect();
                // What mod-audit calls it.
                let code = if error.kind == ErrorKind::Forbidden { "unauthorized" } else { error.code };
                json!({
                    "errors": [{"message": error.message, "code": code, "parameters": parameters}],
                    "total_records": 1,
                })
            }
            Self::Sentence => {
                let sentence = match error.kind {
                    ErrorKind::Internal | ErrorKind::Unavailable => {
                        format!("{} (request {request_id})", error.message)
                    }
                    _ => error.message.clone(),
                };
                json!({"error": sentence, "code": snake_case(error.code)})
            }
        }
    }
}

fn snake_case(camel_case: &str) -> String {
    let mut snake_case = String::with_capacity(camel_case.len() + 4);
    for c in camel_case.chars() {
        if c.is_ascii_uppercase() {
            snake_case.push('_');
        }
        snake_case.push(c.to_ascii_lowercase());
    }
    snake_case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_has_its_own_case_and_place_for_the_request() {
        let not_found = ApiError::org_not_found();
        let body = json!({"error": "There is no such organization", "code": "org_not_found"});
        assert_eq!(ErrorShape::Sentence.body(&not_found, "r-1"), body);
        assert_eq!(ErrorShape::Folio.body(&not_found, "r-1")["errors"][0]["code"], "orgNotFound");

        let fault = ApiError::fault(ErrorKind::Internal, std::fmt::Error);
        let body = json!({"error": "Internal server error (request r-1)", "code": "internal_error"});
        assert_eq!(ErrorShape::Sentence.body(&fault, "r-1"), body);
        let parameters = json!([{"key": "requestId", "value": "r-1"}]);
        assert_eq!(ErrorShape::Folio.body(&fault, "r-1")["errors"][0]["parameters"], parameters);
    }
}
