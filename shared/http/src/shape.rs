use serde_json::{Value, json};
use sporlog_model::{Clock, ErrorKind};

use crate::ApiError;

/// How a group's errors look, as its published document has it.
#[derive(Debug, Clone)]
pub enum ErrorShape {
    /// FOLIO's `errors.schema`: `{"errors":[{"message","code","parameters":[{"key","value"}]}],"total_records":1}`.
    Folio,
    /// `{"error":"a sentence","code":"snake_case"}`. The request's id, with faults of ours, is in the sentence.
    Sentence,
    /// `{"error":{"code","message","details":[{"field","message"}]},"request_id"}`.
    Bufdir,
    /// `{"error":{"code","message"},"meta":{"api_version":"v1","timestamp"}}`; `meta` also has `request_id` with faults of ours.
    /// The clock tells when the answer was given.
    Kyc(Clock),
}

impl ErrorShape {
    pub(crate) fn body(&self, error: &ApiError, request_id: &str) -> Value {
        let own_fault = matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable);
        match self {
            Self::Folio => {
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
                let request = if own_fault { format!(" (request {request_id})") } else { String::new() };
                json!({"error": error.message.clone() + &request, "code": snake_case(error.code)})
            }
            Self::Bufdir => {
                let detail = |(field, problem): &(String, String)| json!({"field": field, "message": problem});
                let details: Vec<Value> = error.field.as_deref().into_iter().map(detail).collect();
                json!({
                    "error": {"code": snake_case(error.code), "message": error.message, "details": details},
                    "request_id": request_id,
                })
            }
            Self::Kyc(clock) => {
                let mut meta = json!({"api_version": "v1", "timestamp": clock.now().to_rfc3339_millis()});
                if own_fault {
                    meta["request_id"] = json!(request_id);
                }
                json!({"error": {"code": snake_case(error.code), "message": error.message}, "meta": meta})
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
    use sporlog_model::Instant;

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

    #[test]
    fn bufdir_errors_say_which_field() {
        let error = ApiError::invalid_member("format", "must be one of excel, csv, pdf");
        let expected = json!({
            "error": {"code": "validation_error", "message": "format must be one of excel, csv, pdf",
                      "details": [{"field": "format", "message": "must be one of excel, csv, pdf"}]},
            "request_id": "r-1",
        });
        assert_eq!(ErrorShape::Bufdir.body(&error, "r-1"), expected);
    }

    #[test]
    fn kyc_errors_say_when() {
        let now = Instant::parse("2026-04-13T12:00:00Z").unwrap();
        let shape = ErrorShape::Kyc(Clock::from_fn(move || now));
        let error = ApiError::new(ErrorKind::NotFound, "caseNotFound", "There is no such case");
        let mut expected = json!({
            "error": {"code": "case_not_found", "message": "There is no such case"},
            "meta": {"api_version": "v1", "timestamp": "2026-04-13T12:00:00.000Z"},
        });
        assert_eq!(shape.body(&error, "r-1"), expected);
        expected["error"] = json!({"code": "unavailable", "message": "The service is busy, try again later"});
        expected["meta"]["request_id"] = json!("r-1");
        assert_eq!(shape.body(&ApiError::fault(ErrorKind::Unavailable, std::fmt::Error), "r-1"), expected);
    }
}
