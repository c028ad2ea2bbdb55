//! Who makes the request, and what they may do.

use super::roles::{Deny, RoleDefinition};
use super::{ACCOUNT_ID, ROOT_ACCESS_KEY};
use crate::iam::{Call, Iam, Policy, Role, Verdict};

/// What every role may do in its bucket unless it is denied.
const ROLE_ACTIONS: [&str; 5] =
    ["s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"];

/// What S3 asks KMS for on behalf of whoever puts an object under a key.
pub(super) const GENERATE_DATA_KEY: &str = "kms:GenerateDataKey";

/// The caller as the credential names it. The signature is checked by `s3s`, later than this is known.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// The administrator.
    Root,
    /// A Lambda function.
    Function(Box<Function>),
    /// A session of a role, with the role as it is defined at this request.
    Session(Box<AssumedRole>),
}

/// A function of the template, whose token fits.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) role: Role,
    pub(super) iam: Iam,
}

/// A session whose token fits and which has not expired.
#[derive(Debug, Clone)]
pub(super) struct AssumedRole {
    pub(super) access_key: String,
    pub(super) session_name: String,
    pub(super) role: RoleDefinition,
    pub(super) policy: Option<Policy>,
}

/// The policy that refuses an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refuser {
    Role,
    Session,
}

/// Why an action is refused: AWS ends its sentence with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Denial {
    by: Refuser,
    /// A statement denies it, instead of none allowing it.
    is_explicit: bool,
}

impl Identity {
    pub(super) fn access_key(&self) -> &str {
        match self {
            Self::Root => ROOT_ACCESS_KEY,
            Self::Function(function) => function.role.access_key(),
            Self::Session(session) => &session.access_key,
        }
    }

    pub(super) fn arn(&self) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{ACCOUNT_ID}:user/{ROOT_ACCESS_KEY}"),
            Self::Function(function) => function.role.session_arn(),
            Self::Session(session) => {
                format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{}", session.role.name, session.session_name)
            }
        }
    }

    /// AWS's unique id of the caller.
    pub(super) fn user_id(&self) -> String {
        match self {
            Self::Root => "AIDASPORLOGSPORLOGSPO".to_owned(),
            Self::Function(function) => format!("{}:{}", role_id(&function.role.name()), function.role.function()),
            Self::Session(session) => format!("{}:{}", role_id(&session.role.name), session.session_name),
        }
    }

    /// Allows the action on the resource (an ARN, or `*`), or says why not in AWS's words.
    pub(super) fn allow(&self, action: &str, resource: &str) -> Result<(), String> {
        let session = match self {
            Self::Root => return Ok(()),
            Self::Function(function) => {
                return function
                    .iam
                    .allow(&function.role, &[Call::on(action, resource)])
                    .map_err(|denied| denied.to_string());
            }
            Self::Session(session) => session,
        };
        let Err(denial) = session.decide(action, resource) else {
            return Ok(());
        };
        let policy = match denial.by {
            Refuser::Role => "identity-based policy",
            Refuser::Session => "session policy",
        };
        let reason = if denial.is_explicit {
            let article = if denial.by == Refuser::Role { "an" } else { "a" };
            format!("with an explicit deny in {article} {policy}")
        } else {
            format!("because no {policy} allows the {action} action")
        };
        let user = self.arn();
        Err(format!("User: {user} is not authorized to perform: {action} on resource: \"{resource}\" {reason}"))
    }
}

impl AssumedRole {
    /// The role's rights, narrowed by the session policy: both must allow, neither may deny.
    fn decide(&self, action: &str, resource: &str) -> Result<(), Denial> {
        let denied = match self.role.deny {
            Some(Deny::Put) => action == "s3:PutObject",
            Some(Deny::Delete) => action == "s3:DeleteObject",
            Some(Deny::Kms) => action == GENERATE_DATA_KEY,
            Some(Deny::Assume) | None => false,
        };
        if denied {
            return Err(Denial { by: Refuser::Role, is_explicit: true });
        }
        let call = Call::on(action, resource);
        let session = self.policy.as_ref().map(|policy| policy.verdict(&call));
        if session == Some(Verdict::ExplicitlyDenied) {
            return Err(Denial { by: Refuser::Session, is_explicit: true });
        }
        let bucket = format!("arn:aws:s3:::{}", self.role.bucket);
        let in_bucket = resource.strip_prefix(&bucket).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // Any key: there are none here that could be another account's.
        let allowed = action == GENERATE_DATA_KEY || (in_bucket && ROLE_ACTIONS.contains(&action));
        if !allowed {
            return Err(Denial { by: Refuser::Role, is_explicit: false });
        }
        match session {
            Some(Verdict::NotAllowed) => Err(Denial { by: Refuser::Session, is_explicit: false }),
            _ => Ok(()),
        }
    }
}

/// The unique id of a role: AWS's are random, these are made from the name.
pub(super) fn role_id(role: &str) -> String {
    let name: String = role.chars().filter(char::is_ascii_alphanumeric).take(17).collect();
    format!("AROA{:0<17}", name.to_ascii_uppercase())
}
