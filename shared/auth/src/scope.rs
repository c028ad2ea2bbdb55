use std::borrow::Cow;

use sporlog_model::OrgId;

use crate::Role;

/// Leave to touch one organization's data. Cannot be made outside this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    org: OrgId,
}

impl TenantScope {
    pub(crate) fn of(org: &OrgId) -> Self {
        Self { org: org.clone() }
    }

    /// Leave for a part of Sporlog itself to act for `org`. Naming the part is the point: these calls are easy to list.
    pub fn for_service(_: Service, org: &OrgId) -> Self {
        Self::of(org)
    }

    /// The organization.
    pub fn org(&self) -> &OrgId {
        &self.org
    }
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The credential is for another organization. Callers must not learn whether that organization exists.
    #[error("the credential is for another organization")]
    OtherOrganization,
    /// Names the permission that would do.
    #[error("the permission {0} is required")]
    MissingScope(Cow<'static, str>),
    /// Names the roles of which one would do.
    #[error("one of the roles {} is required", role_names(.0))]
    MissingRole(&'static [Role]),
}

fn role_names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

/// The parts of Sporlog that act for organizations without a caller: they are started by AWS (a queue, a topic, a schedule)
/// and IAM decides who may start them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Appends events for the tenant that a record names.
    Ingest,
    /// Exports the organization it was invoked for.
    ExportRun,
    /// Deletes what an organization's retention periods no longer allow.
    Retention,
    /// What whoever runs Sporlog does by hand, with rights on the table: moving an organization, putting its export in place.
    Operator,
    /// Sets up organizations: the local run's demo data, and tests.
    Provisioning,
}
