use super::{Call, Policy, Verdict};
use crate::template::{ACCOUNT, FunctionSpec};

/// Secret of every function's credentials. Public knowledge, as the administrator's: the engines listen on loopback.
const SECRET_KEY: &str = "sporlog-local-function";

/// The role of a function, and the credentials that it is called with.
#[derive(Debug, Clone)]
pub struct Role {
    function: String,
    access_key: String,
    session_token: String,
    policies: Vec<Policy>,
}

/// A call that the policies do not allow, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("User: {user} is not authorized to perform: {action} on resource: {resource} {reason}")]
pub struct Denied {
    user: String,
    action: String,
    resource: String,
    reason: String,
}

impl Denied {
    pub(super) fn new(role: &Role, call: &Call, reason: String) -> Self {
        Self { user: role.session_arn(), action: call.action.clone(), resource: call.resource.clone(), reason }
    }
}

impl Role {
    pub(super) fn new(function: &FunctionSpec) -> Self {
        let name = &function.logical_id;
        Self {
            function: name.clone(),
            // Temporary keys of AWS begin so; the rest tells a reader whose it is.
            access_key: format!("ASIA{}", name.to_ascii_uppercase()),
            session_token: format!("session-of-{name}"),
            policies: function.policies.clone(),
        }
    }

    /// Logical id of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The access key that the function signs with.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret that goes with it.
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The token that goes with both, as with all temporary credentials.
    pub fn session_token(&self) -> &str {
        &self.session_token
    }

    /// The credentials as Lambda puts them into the function's environment.
    pub fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("AWS_ACCESS_KEY_ID", &self.access_key),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_SESSION_TOKEN", &self.session_token),
        ]
    }

    /// The name that SAM gives to the role, before what CloudFormation adds.
    pub fn name(&self) -> String {
        format!("{}Role", self.function)
    }

    /// Who calls, as AWS names a function: a session of its role that has the function's name.
    pub fn session_arn(&self) -> String {
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{}", self.name(), self.function)
    }

    pub(crate) fn verdict(&self, call: &Call) -> Verdict<'_> {
        Policy::verdict_of(&self.policies, call)
    }
}
