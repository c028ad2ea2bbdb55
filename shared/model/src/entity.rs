use std::fmt;

/// The kinds of thing whose changes are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityType {
    Order,
    OrderLine,
    Piece,
    Invoice,
    InvoiceLine,
    /// A vendor or other organization in FOLIO, not an organization of Sporlog.
    Organization,
    /// An organization of Sporlog itself.
    Org,
    /// A key to the API of an organization of Sporlog.
    ApiKey,
    /// A setting of an organization of Sporlog.
    Setting,
    /// What a settings group's retention period did to the log.
    Retention,
    /// What an organization of Sporlog configured for the export of its log.
    ExportConfig,
    /// The audit record of an export to Bufdir.
    BufdirExport,
    /// A KYC case.
    KycCase,
}

/// The system an event comes from: the `source` of an export line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// FOLIO's acquisition modules.
    Acquisition,
    /// Sporlog itself: what its callers changed in it.
    Sporlog,
    /// Whoever makes exports to Bufdir, and says so through the Bufdir export audit.
    Bufdir,
    /// The KYC product, whose cases these are.
    Kyc,
}

impl EntityType {
    /// Every entity type.
    pub const ALL: [Self; 13] = [
        Self::Order,
        Self::OrderLine,
        Self::Piece,
        Self::Invoice,
        Self::InvoiceLine,
        Self::Organization,
        Self::Org,
        Self::ApiKey,
        Self::Setting,
        Self::Retention,
        Self::ExportConfig,
        Self::BufdirExport,
        Self::KycCase,
    ];

    /// The types of FOLIO's acquisition modules, in the order of their names in the published API. Only events of these come
    /// in from outside.
    pub const ACQUISITION: [Self; 6] =
        [Self::Order, Self::OrderLine, Self::Piece, Self::Invoice, Self::InvoiceLine, Self::Organization];

    /// The name used in paths, keys and export lines: `order-line`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::OrderLine => "order-line",
            Self::Piece => "piece",
            Self::Invoice => "invoice",
            Self::InvoiceLine => "invoice-line",
            Self::Organization => "organization",
            Self::Org => "org",
            Self::ApiKey => "api-key",
            Self::Setting => "setting",
            Self::Retention => "retention",
            Self::ExportConfig => "export-config",
            Self::BufdirExport => "bufdir-export",
            Self::KycCase => "kyc-case",
        }
    }

    /// Reads [`EntityType::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity_type| entity_type.name() == name)
    }

    /// Reads a name in any spelling FOLIO uses: `order-line`, `order_line`, `ORDER_LINE`, `ACQ_ORDER_LINE_CHANGED`.
    pub fn from_folio(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase().replace('_', "-");
        let name = lower.strip_prefix("acq-").and_then(|rest| rest.strip_suffix("-changed")).unwrap_or(&lower);
        Self::ACQUISITION.into_iter().find(|entity_type| entity_type.name() == name)
    }

    /// The system whose events are about this type.
    pub const fn source(self) -> Source {
        match self {
            Self::Order | Self::OrderLine | Self::Piece | Self::Invoice | Self::InvoiceLine | Self::Organization => {
                Source::Acquisition
            }
            Self::Org | Self::ApiKey | Self::Setting | Self::Retention | Self::ExportConfig => Source::Sporlog,
            Self::BufdirExport => Source::Bufdir,
            Self::KycCase => Source::Kyc,
        }
    }
}

impl Source {
    /// The name in an export line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acquisition => "acquisition",
            Self::Sporlog => "sporlog",
            Self::Bufdir => "bufdir",
            Self::Kyc => "kyc",
        }
    }
}

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acquisition_types_are_those_of_that_source() {
        let of_source = EntityType::ALL.into_iter().filter(|entity_type| entity_type.source() == Source::Acquisition);
        assert_eq!(of_source.collect::<Vec<_>>(), EntityType::ACQUISITION);
    }

    #[test]
    fn names_read_back_in_every_spelling() {
        for entity_type in EntityType::ACQUISITION {
            let upper = entity_type.name().to_uppercase().replace('-', "_");
            for text in [entity_type.name(), &upper, &format!("ACQ_{upper}_CHANGED")] {
                assert_eq!(EntityType::from_folio(text), Some(entity_type), "{text}");
            }
        }
        for entity_type in EntityType::ALL {
            assert_eq!(EntityType::from_name(entity_type.name()), Some(entity_type));
        }
        for text in ["", "orders", "ACQ_ORDER", "ORDER_CHANGED", "ACQ__CHANGED", "org", "ACQ_ORG_CHANGED", "api-key"] {
            assert_eq!(EntityType::from_folio(text), None, "{text}");
        }
    }
}
