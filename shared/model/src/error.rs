/// What went wrong, in the few ways a caller can act on. Each endpoint group's error shape maps a kind to a status once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be read: a missing header, a body that is not JSON. 400.
    Malformed,
    /// No credential, or one that is not for this tenant. 401.
    Unauthenticated,
    /// A known caller without the permission. 403.
    Forbidden,
    /// Nothing there, or nothing this caller may know of. 404.
    NotFound,
    /// The path exists, the method does not. 405.
    MethodNotAllowed,
    /// A body in another format than the contract's. 415.
    UnsupportedMediaType,
    /// A value outside what the contract allows. 422.
    Invalid,
    /// The state of the resource forbids the change. 409.
    Conflict,
    /// What the request took for granted (`If-Match`) is no longer so. 412.
    PreconditionFailed,
    /// The request or its answer is larger than can be carried. 413.
    TooLarge,
    /// Come back later: throttled, or a dependency is away. 503.
    Unavailable,
    /// Our fault. 500.
    Internal,
}

impl ErrorKind {
    /// The HTTP status (RFC 9110) every endpoint group answers for this kind.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// An error of a lower layer that knows what a client who meets it is told.
pub trait Classified: std::error::Error {
    /// Try again later, or a fault of ours.
    fn kind(&self) -> ErrorKind;
}

/// An error and its causes in one line, for the log: the SDK's errors alone say no more than "service error".
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
