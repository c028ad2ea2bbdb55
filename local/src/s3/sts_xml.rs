//! The XML of STS: answers and errors.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use s3s::{Body, HttpResponse};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An error of STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: String,
    message: String,
}

impl Fault {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn validation(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    pub(super) fn malformed_policy() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "MalformedPolicyDocument",
            "Syntax errors in policy, or elements that the local STS does not evaluate (Condition, NotAction, …).",
        )
    }

    pub(super) fn access_denied(message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(super) fn unknown_action(action: &str, version: &str) -> Self {
        if action.is_empty() {
            return Self::new(StatusCode::BAD_REQUEST, "MissingAction", "Missing Action");
        }
        let message = format!("Could not find operation {action} for version {version}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidAction", message)
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "The request processing has failed.")
    }

    /// What STS says where S3 says `code`: `s3s` verifies the signature for both and knows only S3's words.
    pub(super) fn from_s3(status: StatusCode, code: &str, message: String) -> Self {
        match code {
            "InvalidAccessKeyId" => Refusal::UnknownAccessKey.into(),
            "AccessDenied" => Self::new(
                StatusCode::FORBIDDEN,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            "SignatureDoesNotMatch" => Self::new(
                StatusCode::FORBIDDEN,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
            "RequestTimeTooSkewed" => Self::new(
                StatusCode::FORBIDDEN,
                "SignatureDoesNotMatch",
                "Signature expired: the time of the request is more than 15 minutes away from the time of the server",
            ),
            "InternalError" => Self::internal(),
            _ => Self::new(status, code, message),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let forbidden = |code, message: String| Self::new(StatusCode::FORBIDDEN, code, message);
        match refusal {
            Refusal::UnknownAccessKey | Refusal::ForeignToken => {
                forbidden("InvalidClientTokenId", "The security token included in the request is invalid.".to_owned())
            }
            Refusal::Expired => {
                forbidden("ExpiredToken", "The security token included in the request is expired".to_owned())
            }
            Refusal::WrongRegion { given, .. } => forbidden(
                "SignatureDoesNotMatch",
                format!("Credential should be scoped to a valid region, not '{given}'."),
            ),
            Refusal::WrongService { expected, .. } => forbidden(
                "SignatureDoesNotMatch",
                format!("Credential should be scoped to correct service: '{expected}'."),
            ),
            Refusal::OldSignature => forbidden(
                "IncompleteSignature",
                "Authorization header requires 'AWS4-HMAC-SHA256' credentials.".to_owned(),
            ),
            Refusal::Internal => Self::internal(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FaultBody<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
}

/// Marks a response that is in STS's shape already.
#[derive(Debug, Clone, Copy)]
pub(super) struct InStsShape;

/// `<ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>…`.
pub(super) fn answer(action: &str, result: &impl Serialize, request_id: &str) -> Result<HttpResponse, Fault> {
    let result =
        quick_xml::se::to_string_with_root(&format!("{action}Result"), result).map_err(|_| Fault::internal())?;
    let xml = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></{action}Response>"
    );
    Ok(response(StatusCode::OK, xml))
}

impl Fault {
    /// `<ErrorResponse><Error>…</Error><RequestId>…`.
    pub(super) fn into_response(self, request_id: &str) -> HttpResponse {
        let r#type = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let body = FaultBody { r#type, code: &self.code, message: &self.message };
        // Three strings can always be written; an empty element would still leave the status.
        let error = quick_xml::se::to_string_with_root("Error", &body).unwrap_or_default();
        let xml =
            format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}<RequestId>{request_id}</RequestId></ErrorResponse>");
        response(self.status, xml)
    }
}

/// A body of this kind prints no bytes in `Debug`: an answer of `AssumeRole` holds a secret key.
fn response(status: StatusCode, xml: String) -> HttpResponse {
    let mut response = Response::new(Body::http_body(Full::<Bytes>::from(xml)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response.extensions_mut().insert(InStsShape);
    response
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3ErrorBody {
    code: String,
    #[serde(default)]
    message: String,
}

/// Puts what `s3s` answered for the STS route, an error in S3's shape, into STS's.
pub(super) async fn reshape(response: HttpResponse, request_id: &str) -> HttpResponse {
    const LONGEST_ERROR_BYTES: usize = 64 * 1024;
    if response.extensions().get::<InStsShape>().is_some() {
        return response;
    }
    let status = response.status();
    let mut body = response.into_body();
    let error = match body.store_all_limited(LONGEST_ERROR_BYTES).await {
        Ok(bytes) => quick_xml::de::from_reader::<_, S3ErrorBody>(&bytes[..]).ok(),
        Err(_) => None,
    };
    let fault = error.map_or_else(Fault::internal, |error| Fault::from_s3(status, &error.code, error.message));
    fault.into_response(request_id)
}
