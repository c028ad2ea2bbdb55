use sporlog_model::EntityType;

use crate::Role;

/// Something a caller may be allowed to do. [`Action::rule`] says what it takes, [`Action::routes`] where it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the history of a FOLIO acquisition entity.
    ReadAcquisitionEvents(EntityType),
    /// Read the status changes of a FOLIO piece.
    ReadPieceStatusHistory,
    /// Register an organization, or rename it.
    PutOrganization,
    /// See the organization's own record.
    ReadOrganization,
    /// Make a key to the organization's API.
    CreateApiKey,
    /// See which keys there are; never the keys themselves.
    ListApiKeys,
    /// Make a key useless.
    RevokeApiKey,
    /// See how the export is configured and how it is doing; the role only masked.
    ReadExportConfig,
    /// Say where the log is exported to, and whether.
    PutExportConfig,
    /// Try whether an export would get into a bucket.
    TestExportConnection,
    /// See what the runs of the export did.
    ListExportRuns,
    /// Have the export run now.
    StartExportRun,
    /// See what the export wants to be set up in AWS.
    ReadExportSetup,
    /// See which exports to Bufdir there were.
    ListExportAudits,
    /// See the record of one export to Bufdir.
    ReadExportAudit,
    /// Record that an export to Bufdir begins.
    CreateExportAudit,
    /// Move the record of an export to its next status.
    UpdateExportAuditStatus,
    /// Say where the file of an export is.
    AttachExportAuditFile,
    /// Remove the record of an export.
    DeleteExportAudit,
    /// Read the log of a KYC case.
    ReadCaseAuditLog,
    /// Append to the log of a KYC case.
    AppendCaseAuditLog,
    /// Read which statuses a KYC case has had.
    ReadCaseStatusHistory,
    /// See which groups of settings there are.
    ReadSettingGroups,
    /// Read the settings of a group; takes a permission for that group besides.
    ReadSettings,
    /// Change a setting; takes a permission for that setting besides.
    PutSetting,
}

/// A permission as a credential carries it: the name of a FOLIO permission or of a Sporlog scope.
pub type ApiScope = &'static str;

/// What a caller needs for an action: one of the scopes or one of the roles, in the organization that the credential is for;
/// or, where the rule says so, [`PLATFORM_ADMIN`], which alone works in every organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Any one of these. The first is the one an error message names.
    pub scopes: &'static [ApiScope],
    /// Any one of these.
    pub roles: &'static [Role],
    /// Whether [`PLATFORM_ADMIN`] does as well.
    pub platform: bool,
}

/// The scope of those who run Sporlog. Give it to no customer's issuer: it reaches every organization.
pub const PLATFORM_ADMIN: ApiScope = "platform:admin";

const MEMBERS: &[Role] = &[Role::Member, Role::Service, Role::Admin, Role::Owner];
const ADMINS: &[Role] = &[Role::Admin, Role::Owner];
/// Who carries an export out: the service that does, or an administrator by hand. An owner is neither.
const WORKERS: &[Role] = &[Role::Service, Role::Admin];

/// Grants everything about settings.
pub(crate) const CONFIG_ALL: ApiScope = "audit.config.all";

impl Action {
    /// The policy, whole. Everything that is not allowed here is refused.
    pub const fn rule(self) -> Rule {
        use EntityType as E;
        match self {
            // FOLIO's own permissions, of which `audit.all` is the set that holds every read of the module.
            Self::ReadAcquisitionEvents(E::Order) => scopes(&["acquisition.order.events.get", "audit.all"]),
            Self::ReadAcquisitionEvents(E::OrderLine) => scopes(&["acquisition.order-line.events.get", "audit.all"]),
            Self::ReadAcquisitionEvents(E::Piece) => scopes(&["acquisition.piece.events.get", "audit.all"]),
            Self::ReadPieceStatusHistory => scopes(&["acquisition.piece.events.history.get", "audit.all"]),
            Self::ReadAcquisitionEvents(E::Invoice) => scopes(&["acquisition.invoice.events.get", "audit.all"]),
            Self::ReadAcquisitionEvents(E::InvoiceLine) => {
                scopes(&["acquisition.invoice-line.events.get", "audit.all"])
            }
            Self::ReadAcquisitionEvents(E::Organization) => {
                scopes(&["acquisition.organization.events.get", "audit.all"])
            }
            // Not FOLIO's: nobody.
            Self::ReadAcquisitionEvents(_) => scopes(&[]),

            Self::PutOrganization => platform(),
            Self::ReadOrganization => roles(MEMBERS),
            Self::CreateApiKey
            | Self::ListApiKeys
            | Self::RevokeApiKey
            | Self::ReadExportConfig
            | Self::PutExportConfig
            | Self::TestExportConnection
            | Self::ListExportRuns
            | Self::StartExportRun
            | Self::ReadExportSetup => roles(ADMINS),

            Self::ListExportAudits | Self::ReadExportAudit | Self::CreateExportAudit => roles_or_platform(MEMBERS),
            Self::UpdateExportAuditStatus | Self::AttachExportAuditFile => roles_or_platform(WORKERS),
            Self::DeleteExportAudit => roles_or_platform(ADMINS),

            Self::ReadCaseAuditLog | Self::ReadCaseStatusHistory => scopes(&["kyc:read"]),
            Self::AppendCaseAuditLog => scopes(&["kyc:write"]),

            // mod-audit's permissions. `audit.all` does not hold these.
            Self::ReadSettingGroups => scopes(&["audit.config.groups.collection.get", CONFIG_ALL]),
            Self::ReadSettings => scopes(&["audit.config.groups.settings.collection.get", CONFIG_ALL]),
            Self::PutSetting => scopes(&["audit.config.groups.settings.item.put", CONFIG_ALL]),
        }
    }

    /// The permission that the action takes besides, for the one thing that it is about: `{groupId}` of a group's settings,
    /// `{groupId}.{key}` of a setting. [`crate::Principal::resource_scope`] asks for both.
    pub(crate) fn resource_permission(self, resource: &str) -> Option<String> {
        match self {
            Self::ReadSettings => Some(format!("audit.config.groups.settings.{resource}.collection.get")),
            Self::PutSetting => Some(format!("audit.config.groups.settings.{resource}.item.put")),
            _ => None,
        }
    }

    /// Every action that somebody may do.
    pub const ALL: [Self; 30] = [
        Self::ReadAcquisitionEvents(EntityType::Order),
        Self::ReadAcquisitionEvents(EntityType::OrderLine),
        Self::ReadAcquisitionEvents(EntityType::Piece),
        Self::ReadPieceStatusHistory,
        Self::ReadAcquisitionEvents(EntityType::Invoice),
        Self::ReadAcquisitionEvents(EntityType::InvoiceLine),
        Self::ReadAcquisitionEvents(EntityType::Organization),
        Self::PutOrganization,
        Self::ReadOrganization,
        Self::CreateApiKey,
        Self::ListApiKeys,
        Self::RevokeApiKey,
        Self::ReadExportConfig,
        Self::PutExportConfig,
        Self::TestExportConnection,
        Self::ListExportRuns,
        Self::StartExportRun,
        Self::ReadExportSetup,
        Self::ListExportAudits,
        Self::ReadExportAudit,
        Self::CreateExportAudit,
        Self::UpdateExportAuditStatus,
        Self::AttachExportAuditFile,
        Self::DeleteExportAudit,
        Self::ReadCaseAuditLog,
        Self::AppendCaseAuditLog,
        Self::ReadCaseStatusHistory,
        Self::ReadSettingGroups,
        Self::ReadSettings,
        Self::PutSetting,
    ];

    /// Where the action is done, as `template.yaml` has it: method and path.
    pub const fn routes(self) -> &'static [&'static str] {
        use EntityType as E;
        match self {
            Self::ReadAcquisitionEvents(E::Order) => &["GET /audit-data/acquisition/order/{id}"],
            Self::ReadAcquisitionEvents(E::OrderLine) => &["GET /audit-data/acquisition/order-line/{id}"],
            Self::ReadAcquisitionEvents(E::Piece) => &["GET /audit-data/acquisition/piece/{id}"],
            Self::ReadPieceStatusHistory => &["GET /audit-data/acquisition/piece/{id}/status-change-history"],
            Self::ReadAcquisitionEvents(E::Invoice) => &["GET /audit-data/acquisition/invoice/{id}"],
            Self::ReadAcquisitionEvents(E::InvoiceLine) => &["GET /audit-data/acquisition/invoice-line/{id}"],
            Self::ReadAcquisitionEvents(E::Organization) => &["GET /audit-data/acquisition/organization/{id}"],
            Self::ReadAcquisitionEvents(_) => &[],
            Self::PutOrganization => &["PUT /orgs/{orgId}"],
            Self::ReadOrganization => &["GET /orgs/{orgId}"],
            Self::CreateApiKey => &["POST /orgs/{orgId}/api-keys"],
            Self::ListApiKeys => &["GET /orgs/{orgId}/api-keys"],
            Self::RevokeApiKey => &["DELETE /orgs/{orgId}/api-keys/{keyId}"],
            Self::ReadExportConfig => &["GET /orgs/{orgId}/audit-export/config"],
            Self::PutExportConfig => &["POST /orgs/{orgId}/audit-export/config"],
            Self::TestExportConnection => &["POST /orgs/{orgId}/audit-export/test-connection"],
            Self::ListExportRuns => &["GET /orgs/{orgId}/audit-export/runs"],
            Self::StartExportRun => &["POST /orgs/{orgId}/audit-export/runs"],
            Self::ReadExportSetup => &["GET /orgs/{orgId}/audit-export/setup"],
            // Twice each: the published document prints the base path doubled.
            Self::ListExportAudits => {
                &["GET /api/v1/bufdir-export-audit", "GET /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit"]
            }
            Self::ReadExportAudit => &[
                "GET /api/v1/bufdir-export-audit/{audit_id}",
                "GET /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}",
            ],
            Self::CreateExportAudit => {
                &["POST /api/v1/bufdir-export-audit", "POST /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit"]
            }
            Self::UpdateExportAuditStatus => &[
                "PUT /api/v1/bufdir-export-audit/{audit_id}/status",
                "PUT /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}/status",
            ],
            Self::AttachExportAuditFile => &[
                "PUT /api/v1/bufdir-export-audit/{audit_id}/file",
                "PUT /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}/file",
            ],
            Self::DeleteExportAudit => &[
                "DELETE /api/v1/bufdir-export-audit/{audit_id}",
                "DELETE /api/v1/bufdir-export-audit/api/v1/bufdir-export-audit/{audit_id}",
            ],
            Self::ReadCaseAuditLog => &["GET /api/v1/kyc/cases/{id}/audit-log"],
            Self::AppendCaseAuditLog => &["POST /api/v1/kyc/cases/{id}/audit-log"],
            Self::ReadCaseStatusHistory => &["GET /api/v1/kyc/cases/{id}/status-history"],
            Self::ReadSettingGroups => &["GET /audit/config/groups"],
            Self::ReadSettings => &["GET /audit/config/groups/{groupId}/settings"],
            Self::PutSetting => &["PUT /audit/config/groups/{groupId}/settings/{settingId}"],
        }
    }

    /// What the action is, in words.
    pub const fn title(self) -> &'static str {
        use EntityType as E;
        match self {
            Self::ReadAcquisitionEvents(E::Order) => "read the history of an order",
            Self::ReadAcquisitionEvents(E::OrderLine) => "read the history of an order line",
            Self::ReadAcquisitionEvents(E::Piece) => "read the history of a piece",
            Self::ReadPieceStatusHistory => "read the status changes of a piece",
            Self::ReadAcquisitionEvents(E::Invoice) => "read the history of an invoice",
            Self::ReadAcquisitionEvents(E::InvoiceLine) => "read the history of an invoice line",
            Self::ReadAcquisitionEvents(E::Organization) => "read the history of a FOLIO organization",
            Self::ReadAcquisitionEvents(_) => "nothing",
            Self::PutOrganization => "register or rename an organization",
            Self::ReadOrganization => "see the organization",
            Self::CreateApiKey => "make an API key",
            Self::ListApiKeys => "list the API keys",
            Self::RevokeApiKey => "revoke an API key",
            Self::ReadExportConfig => "see the configuration of the export",
            Self::PutExportConfig => "configure the export",
            Self::TestExportConnection => "test the connection of the export",
            Self::ListExportRuns => "list the runs of the export",
            Self::StartExportRun => "start a run of the export",
            Self::ReadExportSetup => "see what the export wants set up",
            Self::ListExportAudits => "list the exports to Bufdir",
            Self::ReadExportAudit => "see an export to Bufdir",
            Self::CreateExportAudit => "record an export to Bufdir",
            Self::UpdateExportAuditStatus => "change the status of an export to Bufdir",
            Self::AttachExportAuditFile => "attach the file of an export to Bufdir",
            Self::DeleteExportAudit => "delete the record of an export to Bufdir",
            Self::ReadCaseAuditLog => "read the log of a KYC case",
            Self::AppendCaseAuditLog => "append to the log of a KYC case",
            Self::ReadCaseStatusHistory => "read the statuses of a KYC case",
            Self::ReadSettingGroups => "list the groups of settings",
            Self::ReadSettings => "read the settings of a group",
            Self::PutSetting => "change a setting",
        }
    }
}

const fn scopes(scopes: &'static [ApiScope]) -> Rule {
    Rule { scopes, roles: &[], platform: false }
}

const fn roles(roles: &'static [Role]) -> Rule {
    Rule { scopes: &[], roles, platform: false }
}

const fn roles_or_platform(roles: &'static [Role]) -> Rule {
    Rule { scopes: &[], roles, platform: true }
}

const fn platform() -> Rule {
    Rule { scopes: &[], roles: &[], platform: true }
}
