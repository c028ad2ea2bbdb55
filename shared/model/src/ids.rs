use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bufdir::AuditId;

/// Text that does not have the form of the id it is meant to be. Says which id and what form it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub struct InvalidId {
    what: &'static str,
    form: &'static str,
}

impl InvalidId {
    pub(crate) const fn new(what: &'static str, form: &'static str) -> Self {
        Self { what, form }
    }
}

/// An organization: a FOLIO tenant, a customer of the KYC product, an NGO. Everything stored belongs to exactly one.
///
/// 1–64 characters of `A-Z a-z 0-9 _ . -`, starting with a letter or digit: what can stand unescaped in a table key,
/// an S3 key, a Kafka topic and an STS session name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgId(String);

impl OrgId {
    /// Case-sensitive; `diku` and `Diku` are two organizations.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let reads_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if starts_well && reads_well && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                what: "the organization id",
                form: "1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit",
            })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an event is about: an order, a piece, later a case. Unique within its organization and entity type.
///
/// 1–128 visible ASCII characters without `#`, which separates the parts of a table key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId(String);

impl EntityId {
    /// Any id text; for FOLIO entities use [`EntityId::parse_uuid`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { what: "the entity id", form: "1 to 128 visible characters without '#'" })
        }
    }

    /// An id of FOLIO: 8-4-4-4-12 hexadecimal digits of any UUID version; kept in lower case.
    pub fn parse_uuid(text: &str) -> Result<Self, InvalidId> {
        parse_hyphenated(text, "the entity id").map(Self::from)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for EntityId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid.hyphenated().to_string())
    }
}

/// An event. Given by its producer, so unique only within its organization and entity type: FOLIO reuses ids across types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id, for an event that Sporlog itself is the producer of.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// 8-4-4-4-12 hexadecimal digits of any UUID version, in either case.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_hyphenated(text, "the event id").map(Self)
    }

    /// The id as a number, for those who keep very many.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl From<Uuid> for EventId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// One run of an organization's export. UUID version 7 (RFC 9562), so runs sort by the time they were started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id, later than all that this process made before.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// 8-4-4-4-12 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_hyphenated(text, "the run id").map(Self)
    }
}

/// A key to the API. UUID version 7 (RFC 9562), so the keys of an organization sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyId(Uuid);

impl ApiKeyId {
    /// A new id, later than all that this process made before.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// 8-4-4-4-12 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_hyphenated(text, "the key id").map(Self)
    }
}

impl From<Uuid> for ApiKeyId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// The configuration of an organization's export. There is one, and it keeps its id however often it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportConfigId(Uuid);

impl ExportConfigId {
    /// A new id, of 122 random bits.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// 8-4-4-4-12 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_hyphenated(text, "the id of the configuration").map(Self)
    }
}

/// A KYC case. Given by the KYC product, so unique only within its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(u64);

impl CaseId {
    /// The largest integer that every JSON reader keeps exactly (RFC 8259 section 6): 2⁵³ − 1.
    pub const MAX: u64 = (1 << 53) - 1;

    /// Decimal digits, from 1 to [`CaseId::MAX`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        // `parse` alone would also take a sign.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (1..=Self::MAX).contains(number));
        number.map(Self).ok_or(InvalidId::new("the case id", "a positive integer up to 9007199254740991"))
    }
}

/// As the entity of audit events.
impl From<CaseId> for EntityId {
    fn from(id: CaseId) -> Self {
        Self(id.0.to_string())
    }
}

/// As the entity of audit events.
impl From<ExportConfigId> for EntityId {
    fn from(id: ExportConfigId) -> Self {
        Self::from(id.0)
    }
}

/// As the entity of audit events.
impl From<ApiKeyId> for EntityId {
    fn from(id: ApiKeyId) -> Self {
        Self::from(id.0)
    }
}

/// An organization of Sporlog as the entity of audit events.
impl From<&OrgId> for EntityId {
    fn from(id: &OrgId) -> Self {
        // Every organization id is an entity id: shorter, and of fewer characters.
        Self(id.0.clone())
    }
}

/// The record of an export to Bufdir as the entity of audit events.
impl From<AuditId> for EntityId {
    fn from(id: AuditId) -> Self {
        // At most 25 visible characters, none of them `#`.
        Self(id.to_string())
    }
}

fn parse_hyphenated(text: &str, what: &'static str) -> Result<Uuid, InvalidId> {
    let invalid = InvalidId { what, form: "a UUID of 8-4-4-4-12 hexadecimal digits" };
    // `Uuid` also reads braces, URNs and digits without hyphens, which are other texts for the same id.
    if text.len() != 36 {
        return Err(invalid);
    }
    Uuid::try_parse(text).map_err(|_| invalid)
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Display for ExportConfigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl TryFrom<String> for OrgId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<OrgId> for String {
    fn from(id: OrgId) -> Self {
        id.0
    }
}

impl TryFrom<String> for EntityId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn org_ids() {
        for good in ["diku", "cs00000int_0001", "Org-1", "a", "1.2", &"x".repeat(64)] {
            assert_eq!(OrgId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "_a", "a b", "a#b", "a/b", "å", "a\n", &"x".repeat(65)] {
            assert!(OrgId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn uuids_of_any_version_in_one_form() {
        let id = EntityId::parse_uuid("C4ABF6C3-4BD5-0464-F99B-C66CFB6F1CF9").unwrap();
        assert_eq!(id.as_str(), "c4abf6c3-4bd5-0464-f99b-c66cfb6f1cf9");
        for bad in [
            "",
            "c4abf6c34bd50464f99bc66cfb6f1cf9",
            "{c4abf6c3-4bd5-0464-f99b-c66cfb6f1cf9}",
            "c4abf6c3-4bd5-0464-f99b-c66cfb6f1cfg",
            "urn:uuid:c4abf6c3-4bd5-0464-f99b-c66cfb6f1cf9",
            "c4abf6c3-4bd5-0464-f99bc-66cfb6f1cf9",
        ] {
            assert!(EntityId::parse_uuid(bad).is_err(), "{bad}");
            assert!(EventId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_organization_id_is_an_entity_id() {
        for id in ["diku", &format!("a{}", "._-".repeat(21))] {
            let id = OrgId::parse(id).unwrap();
            assert_eq!(EntityId::parse(id.as_str()), Ok(EntityId::from(&id)));
        }
    }

    #[test]
    fn cases_have_positive_numbers() {
        for (good, entity) in [("1", "1"), ("42", "42"), ("042", "42"), ("9007199254740991", "9007199254740991")] {
            assert_eq!(EntityId::from(CaseId::parse(good).unwrap()).as_str(), entity);
        }
        for bad in ["", "0", "-1", "+1", "1.0", "1e3", " 1", "9007199254740992", "99999999999999999999", "٤٢", "x"] {
            assert!(CaseId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn entity_ids_cannot_break_a_key() {
        assert!(EntityId::parse("case-17").is_ok());
        for bad in ["", "a#b", "a b", "a\u{7f}", &"x".repeat(129)] {
            assert!(EntityId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
