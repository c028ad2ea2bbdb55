use axum::body::Body;
use axum::http::HeaderValue;
use axum::response::Response;
use serde_json::json;

use super::Fault;

/// What AWS answers to a request for this operation that it does not carry out.
pub(super) fn refusal(fault: Fault, operation: &str) -> Option<Response> {
    let transaction = |reason| dynamodb_error(400, "TransactionCanceledException", reason);
    Some(match fault {
        Fault::TransactionConflict if operation == "TransactWriteItems" => transaction("TransactionConflict"),
        Fault::TransactionConflict => dynamodb_error(400, "TransactionConflictException", "None"),
        Fault::TransactionThrottled => transaction("ThrottlingError"),
        Fault::Throttle => dynamodb_error(400, "ProvisionedThroughputExceededException", "None"),
        Fault::InternalError => dynamodb_error(500, "InternalServerError", "None"),
        Fault::DynamoDb(status, code) => dynamodb_error(status, code, "None"),
        Fault::ExpiredToken => s3_error(400, "ExpiredToken", "injected"),
        Fault::KmsThrottle => kms_error(400, "ThrottlingException"),
        Fault::KmsDisabled => kms_error(400, "DisabledException"),
        Fault::KmsInternal => kms_error(500, "KMSInternalException"),
        Fault::Lambda(status, code) => lambda_error(status, code),
        Fault::S3(status, code, message) => s3_error(status, code, message),
        Fault::Sts(status, code) => sts_error(status, code),
        Fault::SlowDown => s3_error(503, "SlowDown", "injected"),
        Fault::AccessDenied => s3_error(403, "AccessDenied", "injected"),
        Fault::Pass
        | Fault::LostAnswer
        | Fault::Reset
        | Fault::LostConnection
        | Fault::Late
        | Fault::CutBefore
        | Fault::CutAfter
        | Fault::Hold => return None,
    })
}

/// An error of DynamoDB; of a cancelled transaction with this reason.
fn dynamodb_error(status: u16, code: &str, reason: &str) -> Response {
    let reasons = json!([{"Code": "None"}, {"Code": "None"}, {"Code": "None"}, {"Code": reason}]);
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "injected", "CancellationReasons": reasons,
    });
    answer(status, "application/x-amz-json-1.0", body.to_string())
}

fn kms_error(status: u16, code: &str) -> Response {
    answer(status, "application/x-amz-json-1.1", json!({"__type": code, "message": "injected"}).to_string())
}

fn lambda_error(status: u16, code: &str) -> Response {
    let mut answer = answer(status, "application/json", json!({"Type": "User", "Message": "injected"}).to_string());
    answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_str(code).unwrap());
    answer
}

fn sts_error(status: u16, code: &str) -> Response {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>");
    answer(status, "text/xml", format!("<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>"))
}

fn s3_error(status: u16, code: &str, message: &str) -> Response {
    // Some redirects come without a body.
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let body = if code.is_empty() { String::new() } else { error };
    answer(status, "application/xml", body)
}

fn answer(status: u16, content_type: &str, body: String) -> Response {
    Response::builder().status(status).header("content-type", content_type).body(Body::from(body)).unwrap()
}
