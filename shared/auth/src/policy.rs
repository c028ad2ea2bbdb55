use sporlog_model::EntityType;

/// Something a caller may be allowed to do. The table below says what each takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the history of a FOLIO acquisition entity.
    ReadAcquisitionEvents(EntityType),
    /// Read the status changes of a FOLIO piece.
    ReadPieceStatusHistory,
}

/// A permission as a credential carries it: the name of a FOLIO permission or of a Sporlog scope.
pub type ApiScope = &'static str;

impl Action {
    /// The scopes of which a caller needs any one. The first is the one an error message names; `audit.all` is FOLIO's
    /// permission set that grants every read of the module.
    pub const fn scopes(self) -> [ApiScope; 2] {
        let scope = match self {
            Self::ReadAcquisitionEvents(EntityType::Order) => "acquisition.order.events.get",
            Self::ReadAcquisitionEvents(EntityType::OrderLine) => "acquisition.order-line.events.get",
            Self::ReadAcquisitionEvents(EntityType::Piece) => "acquisition.piece.events.get",
            Self::ReadAcquisitionEvents(EntityType::Invoice) => "acquisition.invoice.events.get",
            Self::ReadAcquisitionEvents(EntityType::InvoiceLine) => "acquisition.invoice-line.events.get",
            Self::ReadAcquisitionEvents(EntityType::Organization) => "acquisition.organization.events.get",
            Self::ReadPieceStatusHistory => "acquisition.piece.events.history.get",
        };
        [scope, "audit.all"]
    }
}
