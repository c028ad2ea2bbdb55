use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sporlog_model::OrgId;

use crate::{Action, Denied, TenantScope};

/// The caller: made by the authorizer from a verified credential, handed to functions in the authorizer context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who, in the words of the credential's issuer.
    pub subject: String,
    /// The one organization the credential is for.
    pub org: OrgId,
    /// The caller's roles in that organization.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// FOLIO permissions and Sporlog scopes.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
}

/// What a caller is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Member,
    Service,
    Admin,
    Owner,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 4] = [Self::Member, Self::Service, Self::Admin, Self::Owner];

    /// The name as credentials carry it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Service => "service",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads [`Role::name`] back; other names are no roles of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl Principal {
    /// May this caller do `action` in `org`? The answer is the key to that organization's data.
    pub fn scope(&self, action: Action, org: &OrgId) -> Result<TenantScope, Denied> {
        if self.org != *org {
            return Err(Denied::OtherOrganization);
        }
        let [needed, or_else] = action.scopes();
        if [needed, or_else].iter().any(|scope| self.scopes.contains(*scope)) {
            Ok(TenantScope::of(org))
        } else {
            Err(Denied::MissingScope(needed))
        }
    }
}

#[cfg(test)]
mod tests {
    use sporlog_model::EntityType;

    use super::*;

    fn caller(scopes: &[&str]) -> Principal {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        Principal { subject: "u".to_owned(), org: org("diku"), roles: BTreeSet::new(), scopes }
    }

    fn org(id: &str) -> OrgId {
        OrgId::parse(id).unwrap()
    }

    #[test]
    fn every_read_takes_its_own_permission() {
        let mut actions: Vec<Action> = EntityType::ALL.into_iter().map(Action::ReadAcquisitionEvents).collect();
        actions.push(Action::ReadPieceStatusHistory);
        for granted in &actions {
            let caller = caller(&[granted.scopes()[0]]);
            for wanted in &actions {
                let expected = if granted == wanted { Ok(()) } else { Err(Denied::MissingScope(wanted.scopes()[0])) };
                assert_eq!(caller.scope(*wanted, &org("diku")).map(|_| ()), expected);
            }
        }
        for action in actions {
            assert!(self::caller(&["audit.all"]).scope(action, &org("diku")).is_ok());
            assert!(self::caller(&[]).scope(action, &org("diku")).is_err());
        }
    }

    #[test]
    fn no_permission_reaches_another_organization() {
        let denied = caller(&["audit.all"]).scope(Action::ReadPieceStatusHistory, &org("Diku"));
        assert_eq!(denied.map(|_| ()), Err(Denied::OtherOrganization));
    }

    #[test]
    fn a_principal_survives_the_authorizer_context() {
        let caller = Principal { roles: BTreeSet::from(Role::ALL), ..caller(&["audit.all"]) };
        let text = serde_json::to_string(&caller).unwrap();
        assert_eq!(serde_json::from_str::<Principal>(&text).unwrap(), caller);
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
    }
}
