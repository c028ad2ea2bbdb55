use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sporlog_model::{Actor, OrgId};

use crate::policy::CONFIG_ALL;
use crate::{Action, Denied, PLATFORM_ADMIN, TenantScope};

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
    /// The caller, as the log names who did it.
    pub fn actor(&self) -> Actor {
        Actor { id: Some(self.subject.clone()), name: None }
    }

    /// May this caller do `action` in `org`? The answer is the key to that organization's data. Never, when the action takes
    /// a permission for one resource besides: ask [`Principal::resource_scope`].
    pub fn scope(&self, action: Action, org: &OrgId) -> Result<TenantScope, Denied> {
        self.resource_scope(action, org, "-")
    }

    /// [`Principal::scope`] for an action on one resource that has a permission of its own: `audit.user` of settings.
    pub fn resource_scope(&self, action: Action, org: &OrgId, resource: &str) -> Result<TenantScope, Denied> {
        let scope = self.general_scope(action, org)?;
        match action.resource_permission(resource) {
            Some(wanted) if !self.scopes.contains(&wanted) && !self.scopes.contains(CONFIG_ALL) => {
                Err(Denied::MissingScope(Cow::Owned(wanted)))
            }
            _ => Ok(scope),
        }
    }

    fn general_scope(&self, action: Action, org: &OrgId) -> Result<TenantScope, Denied> {
        let rule = action.rule();
        if rule.platform && self.scopes.contains(PLATFORM_ADMIN) {
            return Ok(TenantScope::of(org));
        }
        let (scopes, roles) = (rule.scopes, rule.roles);
        if scopes.is_empty() && roles.is_empty() {
            return Err(Denied::MissingScope(Cow::Borrowed(PLATFORM_ADMIN)));
        }
        if self.org != *org {
            return Err(Denied::OtherOrganization);
        }
        if scopes.iter().any(|scope| self.scopes.contains(*scope)) || roles.iter().any(|role| self.roles.contains(role))
        {
            return Ok(TenantScope::of(org));
        }
        Err(scopes.first().map_or(Denied::MissingRole(roles), |scope| Denied::MissingScope(Cow::Borrowed(scope))))
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

    /// Every read of FOLIO's acquisition events, with the permission of its own.
    fn reads() -> Vec<(Action, &'static str)> {
        let acquisition = |action: &Action| action.rule().scopes.contains(&"audit.all");
        let own = |action: Action| Some((action, *action.rule().scopes.first()?));
        Action::ALL.into_iter().filter(acquisition).filter_map(own).collect()
    }

    fn missing(scope: &'static str) -> Denied {
        Denied::MissingScope(Cow::Borrowed(scope))
    }

    #[test]
    fn every_read_takes_its_own_permission() {
        assert_eq!(reads().len(), 7);
        for (_, granted) in reads() {
            let caller = caller(&[granted]);
            for (action, wanted) in reads() {
                let expected = if granted == wanted { Ok(()) } else { Err(missing(wanted)) };
                assert_eq!(caller.scope(action, &org("diku")).map(|_| ()), expected);
            }
        }
        for (action, _) in reads() {
            assert!(self::caller(&["audit.all"]).scope(action, &org("diku")).is_ok());
            assert!(self::caller(&[]).scope(action, &org("diku")).is_err());
        }
    }

    #[test]
    fn roles_are_enough_only_where_the_rule_names_them() {
        use Action as A;
        let member = &[A::ReadOrganization, A::ListExportAudits, A::ReadExportAudit, A::CreateExportAudit][..];
        let worker = &[A::UpdateExportAuditStatus, A::AttachExportAuditFile][..];
        let keys_and_audits = &[A::CreateApiKey, A::ListApiKeys, A::RevokeApiKey, A::DeleteExportAudit][..];
        let export = [A::ReadExportConfig, A::PutExportConfig, A::TestExportConnection, A::ListExportRuns];
        let admin = &[keys_and_audits, &export, &[A::StartExportRun, A::ReadExportSetup]].concat()[..];
        for (roles, allowed) in [
            (&[][..], &[][..]),
            (&[Role::Member], &[member][..]),
            (&[Role::Service], &[member, worker]),
            (&[Role::Admin], &[member, worker, admin]),
            (&[Role::Member, Role::Owner], &[member, admin]),
        ] {
            let caller = Principal { roles: roles.iter().copied().collect(), ..caller(&[]) };
            for action in Action::ALL {
                let allowed = allowed.iter().any(|actions| actions.contains(&action));
                assert_eq!(caller.scope(action, &org("diku")).is_ok(), allowed, "{roles:?} {action:?}");
            }
        }
    }

    #[test]
    fn nothing_but_the_platform_scope_reaches_another_organization() {
        let everything = ["audit.all", "kyc:read", "kyc:write"].into_iter().chain(reads().into_iter().map(|(_, s)| s));
        let everything = Principal { roles: BTreeSet::from(Role::ALL), ..caller(&everything.collect::<Vec<_>>()) };
        let platform = caller(&[PLATFORM_ADMIN]);
        for action in Action::ALL {
            for other in ["Diku", "other"] {
                let expected =
                    if action == Action::PutOrganization { missing(PLATFORM_ADMIN) } else { Denied::OtherOrganization };
                assert_eq!(everything.scope(action, &org(other)), Err(expected), "{action:?}");
                let reached = platform.scope(action, &org(other)).map(|scope| scope.org().clone());
                let expected = if action.rule().platform { Ok(org(other)) } else { Err(Denied::OtherOrganization) };
                assert_eq!(reached, expected, "{action:?}");
            }
        }
    }

    #[test]
    fn a_setting_takes_a_permission_of_its_own_besides() {
        let (general, own) =
            ("audit.config.groups.settings.item.put", "audit.config.groups.settings.audit.user.anonymize.item.put");
        let put = |scopes: &[&str], setting| caller(scopes).resource_scope(Action::PutSetting, &org("diku"), setting);
        assert!(put(&[general, own], "audit.user.anonymize").is_ok());
        assert!(put(&[CONFIG_ALL], "audit.user.anonymize").is_ok());
        assert_eq!(put(&[own], "audit.user.anonymize"), Err(missing(general)));
        assert_eq!(put(&[general], "audit.user.anonymize"), Err(missing(own)));
        let other = "audit.config.groups.settings.audit.user.enabled.item.put";
        assert_eq!(put(&[general, own], "audit.user.enabled"), Err(missing(other)));
        // Forgetting to name the resource refuses.
        assert!(caller(&[general, own]).scope(Action::PutSetting, &org("diku")).is_err());
    }

    #[test]
    fn nobody_reads_what_has_no_route() {
        let caller = Principal { roles: BTreeSet::from(Role::ALL), ..caller(&["audit.all", PLATFORM_ADMIN]) };
        for entity_type in EntityType::ALL {
            let action = Action::ReadAcquisitionEvents(entity_type);
            assert_eq!(caller.scope(action, &org("diku")).is_ok(), Action::ALL.contains(&action), "{entity_type}");
        }
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
