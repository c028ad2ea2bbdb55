use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sporlog_auth::Denied;
use sporlog_model::{Classified, ErrorKind};

/// An error on its way to the client.
///
/// `message` and `parameters` are for the client; `cause` is for the log and never leaves.
#[derive(Debug)]
pub struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) parameters: Vec<(String, String)>,
    /// The parameter or member at fault, and what is wrong with it. Boxed: every `Result` of a handler has room for it.
    pub(crate) field: Option<Box<(String, String)>>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// `code` is stable and for programs, in camel case (a group whose document has another case gets that), `message` a sentence for people that names the field where one is at fault.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), parameters: Vec::new(), field: None, cause: None }
    }

    /// A value outside what the contract allows, named with what was sent.
    pub fn invalid(parameter: &str, value: &str, problem: &str) -> Self {
        Self::invalid_member(parameter, problem).with_parameter(parameter, value)
    }

    /// The same without what was sent, for what may be anything: the members of a body.
    pub fn invalid_member(member: &str, problem: &str) -> Self {
        Self::at_field(ErrorKind::Invalid, "validationError", member, problem)
    }

    /// Something wrong with one parameter or member; `problem` goes on after its name: "must be a text".
    pub fn at_field(kind: ErrorKind, code: &'static str, field: &str, problem: &str) -> Self {
        let named = Some(Box::new((field.to_owned(), problem.to_owned())));
        Self { field: named, ..Self::new(kind, code, format!("{field} {problem}")) }
    }

    /// An organization that there is not, or that this caller may not know of: the answer is the same.
    pub fn org_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "orgNotFound", "There is no such organization")
    }

    /// A fault of ours or of what we depend on.
    pub fn fault(kind: ErrorKind, cause: impl Error + Send + Sync + 'static) -> Self {
        let (code, message) = match kind {
            ErrorKind::Unavailable => ("unavailable", "The service is busy, try again later"),
            _ => ("internalError", "Internal server error"),
        };
        Self { cause: Some(Box::new(cause)), ..Self::new(kind, code, message) }
    }

    /// What a lower layer could not do, as the client is told of it.
    pub fn of(error: impl Classified + Send + Sync + 'static) -> Self {
        Self::fault(error.kind(), error)
    }

    /// A name and value that tell the client more.
    pub fn with_parameter(mut self, key: &str, value: impl Into<String>) -> Self {
        self.parameters.push((key.to_owned(), value.into()));
        self
    }

    /// What the log is to know.
    pub(crate) fn cause_chain(&self) -> Option<String> {
        let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
        Some(sporlog_model::error_chain(cause))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::MissingScope(scope) => {
                Self::new(ErrorKind::Forbidden, "forbidden", format!("The permission {scope} is required"))
            }
            Denied::MissingRole(roles) => {
                let roles = roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
                Self::new(ErrorKind::Forbidden, "forbidden", format!("One of the roles {roles} is required"))
            }
            Denied::OtherOrganization => Self::org_not_found(),
        }
    }
}

/// The status only. The layer around the group finds the error in the extensions and writes the body in the group's shape.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response =
            StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
