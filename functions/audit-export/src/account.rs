use std::str::FromStr;

use sporlog_http::ApiError;
use sporlog_model::{InvalidDestination, RoleArn};

/// The roles that assume the customers' roles: of this function, for tests, and of `export-run`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SporlogRoles(Vec<RoleArn>);

/// The account whose roles no customer may name: Sporlog's own. What guards a customer's role is its trust policy; a role
/// beside Sporlog may trust it for other reasons, and would let a customer write where only Sporlog should.
#[derive(Debug, Clone, Default)]
pub(crate) struct RefusedAccount(Option<String>);

/// Neither an account number nor `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be twelve digits, or none")]
pub(crate) struct InvalidAccount;

impl SporlogRoles {
    /// Their ARNs.
    pub(crate) fn arns(&self) -> Vec<&str> {
        self.0.iter().map(RoleArn::as_str).collect()
    }

    /// The account they are in.
    pub(crate) fn account(&self) -> &str {
        self.0.first().map(RoleArn::account).unwrap_or_default()
    }

    /// The AWS partition they are in.
    pub(crate) fn partition(&self) -> &str {
        self.0.first().map_or("aws", RoleArn::partition)
    }
}

impl FromStr for SporlogRoles {
    type Err = InvalidDestination;

    fn from_str(list: &str) -> Result<Self, InvalidDestination> {
        list.split(',').map(RoleArn::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl RefusedAccount {
    /// Refuses a role of that account.
    pub(crate) fn check(&self, role: &RoleArn) -> Result<(), ApiError> {
        if self.0.as_deref() == Some(role.account()) {
            return Err(ApiError::invalid_member("roleArn", "must not be a role in Sporlog's own account"));
        }
        Ok(())
    }
}

impl FromStr for RefusedAccount {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        match text {
            "none" => Ok(Self(None)),
            digits if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Self(Some(digits.to_owned())))
            }
            _ => Err(InvalidAccount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_of_the_refused_account_is_refused() {
        let role = RoleArn::parse("arn:aws:iam::123456789012:role/a").unwrap();
        for (account, refused) in [("123456789012", true), ("210987654321", false), ("none", false)] {
            assert_eq!(account.parse::<RefusedAccount>().unwrap().check(&role).is_err(), refused, "{account}");
        }
        for wrong in ["", "x", "12345678901", "1234567890123"] {
            assert_eq!(wrong.parse::<RefusedAccount>().unwrap_err(), InvalidAccount, "{wrong}");
        }
    }

    #[test]
    fn the_roles_are_a_list() {
        let list = "arn:aws-cn:iam::123456789012:role/a,arn:aws-cn:iam::123456789012:role/b";
        let roles: SporlogRoles = list.parse().unwrap();
        assert_eq!(
            (roles.arns().join(",").as_str(), roles.account(), roles.partition()),
            (list, "123456789012", "aws-cn")
        );
        assert!("a".parse::<SporlogRoles>().is_err());
    }
}
