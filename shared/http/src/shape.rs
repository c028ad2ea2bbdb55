use serde_json::{Value, json};
use sporlog_model::ErrorKind;

use crate::ApiError;

/// How a group's errors look, as its published document has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// FOLIO's `errors.schema`: `{"errors":[{"message","code","parameters":[{"key","value"}]}],"total_records":1}`.
    Folio,
}

impl ErrorShape {
    pub(crate) fn body(self, error: &ApiError, request_id: &str) -> Value {
        match self {
            Self::Folio => {
                let own_fault = matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable);
                let request = own_fault.then(|| ("requestId".to_owned(), request_id.to_owned()));
                let pairs = error.parameters.iter().cloned().chain(request);
                let parameters: Vec<Value> = pairs.map(|(key, value)| json!({"key": key, "value": value})).collect();
                json!({
                    "errors": [{"message": error.message, "code": error.code, "parameters": parameters}],
                    "total_records": 1,
                })
            }
        }
    }
}
