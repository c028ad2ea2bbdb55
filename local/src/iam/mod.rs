//! IAM of the local run: every function has a role of its own with the policies of the template, and every local endpoint asks here
//! before it does what a function wants.
//!
//! A function calls with temporary credentials, as Lambda gives them; the access key says which function it is. What its policies do
//! not allow is refused in AWS's words, so a call that is added without its action fails here as it would there. Any other access key
//! is the administrator's, who may do everything: people and tests look after the engines with it. What was allowed is kept
//! ([`Iam::used`]), so that a test can find what is granted and never used.
//!
//! What AWS's services do in a function's role besides (its log lines, its trace, the poller of its queue, the queue that takes its
//! failed invocations) is not asked for here: it is not the function's code that calls, and SAM grants it without a line in `Policies`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::template::{ACCOUNT, Template};

pub mod credential;
pub mod dynamodb;
mod policy;
mod role;

pub(crate) use policy::Verdict;
pub use policy::{Effect, Policy, Statement};
pub use role::{Denied, Role};

/// One thing that a request wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The IAM action, for example `dynamodb:PutItem`.
    pub action: String,
    /// The ARN of what it is done to; `*` for actions that are not on anything.
    pub resource: String,
    /// DynamoDB: the partition keys that the request names, AWS's `dynamodb:LeadingKeys`.
    pub leading_keys: Vec<String>,
}

impl Call {
    /// An action on a resource.
    pub fn on(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), leading_keys: Vec::new() }
    }

    #[cfg(test)]
    fn with_keys(self, keys: &[&str]) -> Self {
        Self { leading_keys: keys.iter().map(ToString::to_string).collect(), ..self }
    }
}

/// A call that was allowed, and by what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// Logical id of the function.
    pub function: String,
    /// The statement of its policies.
    pub sid: String,
    /// The action, in full.
    pub action: String,
    /// The resource as the statement has it.
    pub resource: String,
    /// Those of the statement's patterns for partition keys that were needed.
    pub leading_keys: Vec<String>,
}

/// The roles of the functions, and what they did. Clones are of the same.
#[derive(Debug, Clone, Default)]
pub struct Iam {
    /// By access key.
    roles: Arc<BTreeMap<String, Role>>,
    used: Arc<Mutex<BTreeSet<Used>>>,
    refused: Arc<Mutex<Vec<Denied>>>,
}

impl Iam {
    /// The roles of a template's functions.
    pub fn of(template: &Template) -> Self {
        let roles = template.functions.iter().map(|function| {
            let role = Role::new(function);
            (role.access_key().to_owned(), role)
        });
        Self { roles: Arc::new(roles.collect()), ..Self::default() }
    }

    /// The role that this access key is of; `None` is the administrator.
    pub fn role(&self, access_key: &str) -> Option<&Role> {
        self.roles.get(access_key)
    }

    /// The role of a function.
    pub fn role_of(&self, function: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.function() == function)
    }

    /// Allows all of these calls to the function, and keeps that it did, or refuses the first that is not allowed.
    pub fn allow(&self, role: &Role, calls: &[Call]) -> Result<(), Denied> {
        for call in calls {
            let grant = match role.verdict(call) {
                Verdict::Allowed(grant) => grant,
                Verdict::NotAllowed => return Err(self.refuse(role, call, not_allowed(call))),
                Verdict::ExplicitlyDenied => return Err(self.refuse(role, call, EXPLICITLY_DENIED.to_owned())),
            };
            let used = Used {
                function: role.function().to_owned(),
                sid: grant.sid.unwrap_or_default().to_owned(),
                action: call.action.clone(),
                resource: grant.resource.to_owned(),
                leading_keys: grant.leading_keys.iter().map(ToString::to_string).collect(),
            };
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(used);
        }
        Ok(())
    }

    /// Refuses a call for that reason, and keeps that it did.
    pub fn refuse(&self, role: &Role, call: &Call, reason: String) -> Denied {
        let denied = Denied::new(role, call, reason);
        // Not the resource: that may be a customer's role.
        tracing::warn!(
            function = role.function(),
            action = call.action,
            "refused: the template's policies do not allow it"
        );
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).push(denied.clone());
        denied
    }

    /// What was allowed since the start.
    pub fn used(&self) -> BTreeSet<Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was refused since the start, in its order.
    pub fn refused(&self) -> Vec<Denied> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why AWS refuses what a statement denies.
const EXPLICITLY_DENIED: &str = "with an explicit deny in an identity-based policy";

/// Why AWS refuses what no statement allows.
fn not_allowed(call: &Call) -> String {
    format!("because no identity-based policy allows the {} action", call.action)
}

/// The ARN of something of the local account.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", crate::template::REGION)
}
