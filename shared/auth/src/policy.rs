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
            Self::ReadAcquisitionEvents(E::Org | E::ApiKey) => scopes(&[]),

            Self::PutOrganization => platform(),
            Self::ReadOrganization => roles(MEMBERS),
            Self::CreateApiKey | Self::ListApiKeys | Self::RevokeApiKey => roles(ADMINS),
        }
    }

    /// Every action that somebody may do.
    pub const ALL: [Self; 12] = [
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
            Self::ReadAcquisitionEvents(E::Org | E::ApiKey) => &[],
            Self::PutOrganization => &["PUT /orgs/{orgId}"],
            Self::ReadOrganization => &["GET /orgs/{orgId}"],
            Self::CreateApiKey => &["POST /orgs/{orgId}/api-keys"],
            Self::ListApiKeys => &["GET /orgs/{orgId}/api-keys"],
            Self::RevokeApiKey => &["DELETE /orgs/{orgId}/api-keys/{keyId}"],
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
            Self::ReadAcquisitionEvents(E::Org | E::ApiKey) => "nothing",
            Self::PutOrganization => "register or rename an organization",
            Self::ReadOrganization => "see the organization",
            Self::CreateApiKey => "make an API key",
            Self::ListApiKeys => "list the API keys",
            Self::RevokeApiKey => "revoke an API key",
        }
    }
}

const fn scopes(scopes: &'static [ApiScope]) -> Rule {
    Rule { scopes, roles: &[], platform: false }
}

const fn roles(roles: &'static [Role]) -> Rule {
    Rule { scopes: &[], roles, platform: false }
}

const fn platform() -> Rule {
    Rule { scopes: &[], roles: &[], platform: true }
}
