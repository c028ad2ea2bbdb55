//! The parameters of `AssumeRole`, read and checked as STS checks them.

use serde::Deserialize;

use super::roles::is_name_byte;
use super::sts_xml::Fault;
use crate::iam::Policy;

/// AWS's default for a role's longest session, and `AssumeRole`'s default duration.
const MAX_SECONDS: i64 = 3600;

/// What every action sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope {
    #[serde(default)]
    pub(super) action: String,
    #[serde(default)]
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Form {
    role_arn: Option<String>,
    role_session_name: Option<String>,
    duration_seconds: Option<String>,
    external_id: Option<String>,
    policy: Option<String>,
}

/// `AssumeRole` with every parameter in its range.
#[derive(Debug)]
pub(super) struct AssumeRole {
    pub(super) role_arn: String,
    pub(super) session_name: String,
    pub(super) duration_seconds: i64,
    pub(super) external_id: Option<String>,
    /// A policy that can be read.
    pub(super) policy: Option<String>,
}

impl AssumeRole {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let form: Form = serde_urlencoded::from_bytes(body)
            .map_err(|_| Fault::validation("The form could not be read".to_owned()))?;
        let role_arn = form.role_arn.ok_or_else(|| missing("roleArn"))?;
        if !(20..=2048).contains(&role_arn.len()) || !role_arn.starts_with("arn:") {
            return Err(Fault::validation(format!("{role_arn} is invalid")));
        }
        let session_name = form.role_session_name.ok_or_else(|| missing("roleSessionName"))?;
        if !(2..=64).contains(&session_name.len()) || !session_name.bytes().all(is_name_byte) {
            let rule = r"regular expression pattern: [\w+=,.@-]{2,64}";
            return Err(out_of_range(&session_name, "roleSessionName", &format!("Member must satisfy {rule}")));
        }
        let is_external_id = |id: &String| {
            (2..=1224).contains(&id.len()) && id.bytes().all(|byte| is_name_byte(byte) || b":/".contains(&byte))
        };
        if let Some(id) = form.external_id.as_ref().filter(|id| !is_external_id(id)) {
            let rule = r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]{2,1224}";
            return Err(out_of_range(id, "externalId", rule));
        }
        if let Some(policy) = &form.policy {
            if policy.chars().count() > 2048 {
                return Err(out_of_range(policy, "policy", "Member must have length less than or equal to 2048"));
            }
            if Policy::parse(policy).is_none() {
                return Err(Fault::malformed_policy());
            }
        }
        let duration_seconds = duration(form.duration_seconds.as_deref())?;
        Ok(Self { role_arn, session_name, duration_seconds, external_id: form.external_id, policy: form.policy })
    }
}

fn duration(sent: Option<&str>) -> Result<i64, Fault> {
    let Some(sent) = sent else { return Ok(MAX_SECONDS) };
    match sent.parse::<i64>() {
        Ok(seconds) if seconds < 900 => {
            Err(out_of_range(sent, "durationSeconds", "Member must have value greater than or equal to 900"))
        }
        Ok(seconds) if seconds > MAX_SECONDS => Err(Fault::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        )),
        Ok(seconds) => Ok(seconds),
        Err(_) => Err(Fault::validation(format!("{sent} is not a duration in seconds"))),
    }
}

fn missing(member: &str) -> Fault {
    Fault::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn out_of_range(value: &str, member: &str, rule: &str) -> Fault {
    Fault::validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    ))
}
