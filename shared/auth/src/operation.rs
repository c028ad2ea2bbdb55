use sporlog_model::EntityType;

use crate::Action;

impl Action {
    /// What the routes of [`Action::routes`] are called, in their order: the name of each one's event in `template.yaml`, in
    /// lower camel case. Log lines and the API's description name an operation so; it never changes.
    pub const fn operations(self) -> &'static [&'static str] {
        use EntityType as E;
        match self {
            Self::ReadAcquisitionEvents(E::Order) => &["orderEvents"],
            Self::ReadAcquisitionEvents(E::OrderLine) => &["orderLineEvents"],
            Self::ReadAcquisitionEvents(E::Piece) => &["pieceEvents"],
            Self::ReadPieceStatusHistory => &["pieceStatusChanges"],
            Self::ReadAcquisitionEvents(E::Invoice) => &["invoiceEvents"],
            Self::ReadAcquisitionEvents(E::InvoiceLine) => &["invoiceLineEvents"],
            Self::ReadAcquisitionEvents(E::Organization) => &["organizationEvents"],
            Self::ReadAcquisitionEvents(_) => &[],
            Self::PutOrganization => &["putOrganization"],
            Self::ReadOrganization => &["readOrganization"],
            Self::CreateApiKey => &["createApiKey"],
            Self::ListApiKeys => &["listApiKeys"],
            Self::RevokeApiKey => &["revokeApiKey"],
            Self::ReadExportConfig => &["readExportConfig"],
            Self::PutExportConfig => &["putExportConfig"],
            Self::TestExportConnection => &["testExportConnection"],
            Self::ListExportRuns => &["listExportRuns"],
            Self::StartExportRun => &["startExportRun"],
            Self::ReadExportSetup => &["readExportSetup"],
            Self::ListExportAudits => &["listExportAudits", "listExportAuditsDoubled"],
            Self::ReadExportAudit => &["readExportAudit", "readExportAuditDoubled"],
            Self::CreateExportAudit => &["createExportAudit", "createExportAuditDoubled"],
            Self::UpdateExportAuditStatus => &["updateExportAuditStatus", "updateExportAuditStatusDoubled"],
            Self::AttachExportAuditFile => &["attachExportAuditFile", "attachExportAuditFileDoubled"],
            Self::DeleteExportAudit => &["deleteExportAudit", "deleteExportAuditDoubled"],
            Self::ReadCaseAuditLog => &["readCaseAuditLog"],
            Self::AppendCaseAuditLog => &["appendCaseAuditLog"],
            Self::ReadCaseStatusHistory => &["readCaseStatusHistory"],
            Self::ReadSettingGroups => &["settingGroups"],
            Self::ReadSettings => &["settings"],
            Self::PutSetting => &["putSetting"],
        }
    }
}

/// Routes that everybody may call, so that no action of the policy is behind them.
const PUBLIC: [(&str, &str); 1] = [("GET /openapi.json", "readOpenapi")];

/// What a route is called, by its method and its path with `{name}` for what varies. `None` for one that there is not.
pub fn operation(method: &str, path: &str) -> Option<&'static str> {
    let routes = |action: Action| action.routes().iter().copied().zip(action.operations().iter().copied());
    let is_it = |route: &str| route.split_once(' ') == Some((method, path));
    Action::ALL.into_iter().flat_map(routes).chain(PUBLIC).find(|(route, _)| is_it(route)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_has_a_name_of_its_own() {
        let names: Vec<_> = Action::ALL.into_iter().flat_map(Action::operations).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for action in Action::ALL {
            assert_eq!(action.routes().len(), action.operations().len(), "{action:?}");
        }
    }

    #[test]
    fn a_route_is_found_by_method_and_path() {
        assert_eq!(operation("PUT", "/orgs/{orgId}"), Some("putOrganization"));
        assert_eq!(operation("GET", "/orgs/{orgId}"), Some("readOrganization"));
        assert_eq!(operation("GET", "/openapi.json"), Some("readOpenapi"));
        assert_eq!(operation("GET", "/orgs/diku"), None);
    }
}
