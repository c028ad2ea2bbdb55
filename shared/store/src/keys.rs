//! Every key of the table, built and read here only.
//!
//! Parts are joined by `#`, which no part can contain: ids and names are validated types. Words of ours in a key are upper
//! case, entity types are lower case, so the two never meet.

use sha2::{Digest, Sha256};
use sporlog_model::bufdir::{AuditId, ExportId};
use sporlog_model::settings::{SettingDefinition, SettingGroup};
use sporlog_model::{
    ApiKeyHash, ApiKeyId, CaseAction, Day, EntityId, EntityType, EventId, IdempotencyKey, Instant, OrgId,
    RetentionGroup, RunId,
};

use crate::{Operation, StoreError};

/// Over how many partitions an organization's feed of one day is spread. A partition takes 1,000 write units a second, and a
/// write in a transaction is two for each KB, so this bounds one organization at about 4,000 events a second. A stored number:
/// changing it loses the old entries.
pub(crate) const FEED_SHARDS: u8 = 8;

/// Over how many index partitions the organizations with an export are spread.
pub(crate) const DUE_SHARDS: u8 = 16;

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    /// What to answer when the item that must be here is not.
    pub(crate) fn missing(&self) -> StoreError {
        StoreError::Corrupt { key: format!("{} {}", self.pk, self.sk), problem: "missing" }
    }
}

/// An event's place in the history of its entity. Ordered as the keys are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventPlace {
    pub(crate) occurred_at: Instant,
    pub(crate) event_id: EventId,
}

/// An event's place in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedPlace {
    pub(crate) recorded_at: Instant,
    pub(crate) entity_type: EntityType,
    pub(crate) event_id: EventId,
}

/// An event's place among those that were recorded late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LatePlace {
    pub(crate) occurred_at: Instant,
    pub(crate) entity_type: EntityType,
    pub(crate) event_id: EventId,
}

pub(crate) const EVENT_PREFIX: &str = "EV#";
pub(crate) const INDEX_PREFIX: &str = "IX#";
pub(crate) const API_KEY_PREFIX: &str = "KEY#";
pub(crate) const RUN_PREFIX: &str = "RUN#";
pub(crate) const EXPORT_AUDIT_PREFIX: &str = "AUD#";
pub(crate) const AUDIT_ID_PREFIX: &str = "BUFDIRAUD#";
const HEAD: &str = "HEAD";
const META: &str = "META";

/// Sorts behind every instant: where an event without publication date stands.
const NO_INSTANT: &str = "~";

/// The partition of one entity: its head, its events, their index rows and the parts of large bodies.
pub(crate) fn entity_partition(org: &OrgId, entity_type: EntityType, entity_id: &EntityId) -> String {
    format!("ORG#{org}#{entity_type}#{entity_id}")
}

/// The counts of an entity.
pub(crate) fn head(partition: &str) -> Key {
    Key { pk: partition.to_owned(), sk: HEAD.to_owned() }
}

/// An event in its entity's history, ordered by when it happened.
pub(crate) fn event(partition: &str, place: &EventPlace) -> Key {
    Key { pk: partition.to_owned(), sk: format!("{EVENT_PREFIX}{}#{}", place.occurred_at, place.event_id) }
}

pub(crate) fn parse_event(sk: &str) -> Option<EventPlace> {
    let (instant, id) = sk.strip_prefix(EVENT_PREFIX)?.split_once('#')?;
    Some(EventPlace { occurred_at: Instant::parse(instant).ok()?, event_id: EventId::parse(id).ok()? })
}

/// An event's small row for the other sort orders, ordered by when it was published.
pub(crate) fn index(partition: &str, published_at: Option<Instant>, place: &EventPlace) -> Key {
    let instant = published_at.map_or_else(|| NO_INSTANT.to_owned(), |instant| instant.to_string());
    let EventPlace { occurred_at, event_id } = place;
    Key { pk: partition.to_owned(), sk: format!("{INDEX_PREFIX}{instant}#{occurred_at}#{event_id}") }
}

pub(crate) fn parse_index(sk: &str) -> Option<(Option<Instant>, EventPlace)> {
    let mut parts = sk.strip_prefix(INDEX_PREFIX)?.splitn(3, '#');
    let published_at = match parts.next()? {
        NO_INSTANT => None,
        instant => Some(Instant::parse(instant).ok()?),
    };
    let occurred_at = Instant::parse(parts.next()?).ok()?;
    Some((published_at, EventPlace { occurred_at, event_id: EventId::parse(parts.next()?).ok()? }))
}

/// One part of a body that does not fit into its event's item.
pub(crate) fn part(partition: &str, event_id: EventId, number: usize) -> Key {
    Key { pk: partition.to_owned(), sk: format!("{}{number:04}", part_prefix(event_id)) }
}

/// What the keys of all parts of one body begin with.
pub(crate) fn part_prefix(event_id: EventId) -> String {
    format!("PART#{event_id}#")
}

/// Says that an event id is taken, within its organization and entity type.
pub(crate) fn seen(org: &OrgId, entity_type: EntityType, event_id: EventId) -> Key {
    Key { pk: format!("ORG#{org}#SEEN#{entity_type}#{event_id}"), sk: "SEEN".to_owned() }
}

/// Says that an organization's feed has entries of a day.
pub(crate) fn feed_day(org: &OrgId, day: Day) -> Key {
    Key { pk: feed_days_partition(org), sk: feed_day_sk(day) }
}

pub(crate) fn feed_days_partition(org: &OrgId) -> String {
    format!("ORG#{org}#FEED")
}

pub(crate) fn feed_day_sk(day: Day) -> String {
    format!("DAY#{day}")
}

pub(crate) fn parse_feed_day(sk: &str) -> Option<Day> {
    Day::parse(sk.strip_prefix("DAY#")?).ok()
}

/// An event that was recorded long after it happened: retention finds it here, since the feed has it far from its age.
pub(crate) fn late(org: &OrgId, group: RetentionGroup, entity_id: &EntityId, late: &LatePlace) -> Key {
    let LatePlace { occurred_at, entity_type, event_id } = late;
    let pk = late_partition(org, group, shard_of(entity_id));
    Key { pk, sk: format!("{occurred_at}#{entity_type}#{event_id}") }
}

pub(crate) fn late_partition(org: &OrgId, group: RetentionGroup, shard: u8) -> String {
    format!("ORG#{org}#LATE#{}#{shard}", group.name())
}

pub(crate) fn parse_late(sk: &str) -> Option<LatePlace> {
    let FeedPlace { recorded_at, entity_type, event_id } = parse_feed(sk)?;
    Some(LatePlace { occurred_at: recorded_at, entity_type, event_id })
}

/// How far a group's retention has come, and when it is due.
pub(crate) fn retention(org: &OrgId, group: RetentionGroup) -> Key {
    Key { pk: settings_partition(org), sk: format!("RETENTION#{}", group.name()) }
}

/// Where a group's retention stands in the due index.
pub(crate) fn retention_due(org: &OrgId, group: RetentionGroup, due_at: Instant) -> (String, String) {
    let shard = Sha256::digest(org.as_str())[0] % DUE_SHARDS;
    (retention_due_partition(shard), format!("{due_at}#{org}#{}", group.name()))
}

pub(crate) fn retention_due_partition(shard: u8) -> String {
    format!("RETENTION#{shard:02}")
}

pub(crate) fn parse_retention_due(sk: &str) -> Option<(OrgId, RetentionGroup)> {
    let mut parts = sk.splitn(3, '#').skip(1);
    Some((OrgId::parse(parts.next()?).ok()?, RetentionGroup::from_name(parts.next()?)?))
}

/// Over which of the feed's partitions an entity is.
fn shard_of(entity_id: &EntityId) -> u8 {
    Sha256::digest(entity_id.as_str())[0] % FEED_SHARDS
}

/// An event in the order in which the log took it.
pub(crate) fn feed(org: &OrgId, entity_id: &EntityId, place: &FeedPlace) -> Key {
    let shard = shard_of(entity_id);
    let FeedPlace { recorded_at, entity_type, event_id } = place;
    Key { pk: feed_partition(org, recorded_at.day(), shard), sk: format!("{recorded_at}#{entity_type}#{event_id}") }
}

pub(crate) fn feed_partition(org: &OrgId, day: Day, shard: u8) -> String {
    format!("ORG#{org}#FEED#{day}#{shard}")
}

pub(crate) fn parse_feed(sk: &str) -> Option<FeedPlace> {
    let mut parts = sk.splitn(3, '#');
    Some(FeedPlace {
        recorded_at: Instant::parse(parts.next()?).ok()?,
        entity_type: EntityType::from_name(parts.next()?)?,
        event_id: EventId::parse(parts.next()?).ok()?,
    })
}

/// [`parse_feed`] of a key that may be another's.
pub(crate) fn parse_feed_key(org: &OrgId, key: &Key) -> Option<FeedPlace> {
    key.pk.starts_with(&format!("{}#", feed_days_partition(org))).then(|| parse_feed(&key.sk)).flatten()
}

/// The organization itself.
pub(crate) fn org(org: &OrgId) -> Key {
    Key { pk: format!("ORG#{org}"), sk: META.to_owned() }
}

/// The partition of the organization itself, and what those of everything within it begin with.
pub(crate) fn org_partitions(id: &OrgId) -> (String, String) {
    let own = org(id).pk;
    let within = format!("{own}#");
    (own, within)
}

/// An API key, where its hash finds it. Not under its organization: only the key says which that is.
pub(crate) fn api_key(hash: &ApiKeyHash) -> Key {
    Key { pk: format!("{API_KEY_PREFIX}{}", hash.as_str()), sk: META.to_owned() }
}

pub(crate) fn parse_api_key(pk: &str) -> Option<ApiKeyHash> {
    ApiKeyHash::parse(pk.strip_prefix(API_KEY_PREFIX)?)
}

/// An API key in the list of its organization; key ids sort by time.
pub(crate) fn api_key_entry(org: &OrgId, id: ApiKeyId) -> Key {
    Key { pk: api_keys_partition(org), sk: format!("{API_KEY_PREFIX}{id}") }
}

/// The keys of an organization that are not revoked.
pub(crate) fn api_keys_partition(org: &OrgId) -> String {
    format!("ORG#{org}#APIKEYS")
}

/// An entry in the log of its case, by its number there; in the partition of the case as an entity.
pub(crate) fn case_entry(partition: &str, number: u64) -> Key {
    Key { pk: partition.to_owned(), sk: format!("{EVENT_PREFIX}{number:012}") }
}

/// The same entry, by its number among those of its action.
pub(crate) fn case_action_entry(partition: &str, action: &CaseAction, number: u64) -> Key {
    Key { pk: partition.to_owned(), sk: format!("ACT#{action}#{number:012}") }
}

/// The number of an entry by the key of either of its rows.
pub(crate) fn parse_case_entry(sk: &str) -> Option<u64> {
    let (_, digits) = sk.rsplit_once('#')?;
    digits.parse().ok().filter(|_| digits.len() == 12)
}

/// Where the ids of an organization's case entries are given out.
pub(crate) fn case_counter(org: &OrgId) -> Key {
    Key { pk: format!("ORG#{org}#KYC"), sk: "COUNTER".to_owned() }
}

/// Says that entries of a case came late: the oldest of an append, and the id of the append's entry in the feed.
pub(crate) fn late_case_entries(org: &OrgId, case: &EntityId, oldest: Instant, feed_id: EventId) -> Key {
    let place = LatePlace { occurred_at: oldest, entity_type: EntityType::KycCase, event_id: feed_id };
    late(org, RetentionGroup::Kyc, case, &place)
}

/// A request that its client has named.
pub(crate) fn idempotency(org: &OrgId, operation: Operation, key: &IdempotencyKey) -> Key {
    // The key stands last: it may contain anything.
    Key { pk: format!("ORG#{org}#IDEMPOTENCY"), sk: format!("{}#{}", operation.name(), key.as_str()) }
}

/// The records of an organization's exports to Bufdir, which of those exports have one, and how many there are.
pub(crate) fn export_audits_partition(org: &OrgId) -> String {
    format!("ORG#{org}#BUFDIR")
}

/// The record of an export to Bufdir, ordered by when it was made; ids of one day sort by their number.
pub(crate) fn export_audit(org: &OrgId, created_at: Instant, id: AuditId) -> Key {
    let sk = format!("{}#{:012}", export_audits_from(created_at), id.number());
    Key { pk: export_audits_partition(org), sk }
}

/// What the keys of the records that were made at an instant or later come after.
pub(crate) fn export_audits_from(created_at: Instant) -> String {
    format!("{EXPORT_AUDIT_PREFIX}{created_at}")
}

/// What the keys of all records come before.
pub(crate) fn export_audits_end() -> String {
    format!("{EXPORT_AUDIT_PREFIX}{NO_INSTANT}")
}

/// Says that an export to Bufdir has a record, and which.
pub(crate) fn audited_export(org: &OrgId, export: &ExportId) -> Key {
    // The id stands last: it may contain anything.
    Key { pk: export_audits_partition(org), sk: format!("EXP#{export}") }
}

/// Says that the id of a record is taken, and where the record is. Not under its organization: ids are unique over all.
pub(crate) fn audit_id(id: AuditId) -> Key {
    Key { pk: format!("{AUDIT_ID_PREFIX}{id}"), sk: META.to_owned() }
}

pub(crate) fn parse_audit_id(pk: &str) -> Option<AuditId> {
    AuditId::parse(pk.strip_prefix(AUDIT_ID_PREFIX)?).ok()
}

/// The last number that a record of this day got.
pub(crate) fn audit_counter(day: Day) -> Key {
    Key { pk: format!("BUFDIRDAY#{day}"), sk: "COUNTER".to_owned() }
}

/// The partition of an organization's export.
pub(crate) fn export_partition(org: &OrgId) -> String {
    format!("ORG#{org}#EXPORT")
}

pub(crate) fn parse_export_partition(pk: &str) -> Option<OrgId> {
    OrgId::parse(pk.strip_prefix("ORG#")?.strip_suffix("#EXPORT")?).ok()
}

/// What the customer configured.
pub(crate) fn export_config(org: &OrgId) -> Key {
    Key { pk: export_partition(org), sk: "CONFIG".to_owned() }
}

/// The external id that was issued to the organization. Beside the configuration, since it is needed before there is one.
pub(crate) fn export_external_id(org: &OrgId) -> Key {
    Key { pk: export_partition(org), sk: "EXTERNALID".to_owned() }
}

/// How far the export is.
pub(crate) fn export_state(org: &OrgId) -> Key {
    Key { pk: export_partition(org), sk: "STATE".to_owned() }
}

/// One run; run ids sort by time.
pub(crate) fn run(org: &OrgId, run: RunId) -> Key {
    Key { pk: export_partition(org), sk: format!("{RUN_PREFIX}{run}") }
}

/// Where an organization's export stands in the due index.
pub(crate) fn due(org: &OrgId, due_at: Instant) -> (String, String) {
    let shard = Sha256::digest(org.as_str())[0] % DUE_SHARDS;
    (due_partition(shard), format!("{due_at}#{org}"))
}

/// The entry that makes an organization one whose export is behind.
pub(crate) fn behind(org: &OrgId) -> Key {
    Key { pk: export_partition(org), sk: "BEHIND".to_owned() }
}

/// Where an organization stands in the index of those whose exports are behind.
pub(crate) fn behind_since(org: &OrgId, since: Instant) -> (String, String) {
    let shard = Sha256::digest(org.as_str())[0] % DUE_SHARDS;
    (behind_partition(shard), format!("{since}#{org}"))
}

pub(crate) fn behind_partition(shard: u8) -> String {
    format!("BEHIND#{shard:02}")
}

/// Since when an export is due, or behind, by its place in the index.
pub(crate) fn parse_due_at(sk: &str) -> Option<Instant> {
    Instant::parse(sk.split_once('#')?.0).ok()
}

pub(crate) fn due_partition(shard: u8) -> String {
    format!("DUE#{shard:02}")
}

/// The partition of an organization's settings.
pub(crate) fn settings_partition(org: &OrgId) -> String {
    format!("ORG#{org}#SETTINGS")
}

/// [`parse_late`] of a key that may be another's.
pub(crate) fn parse_late_key(key: &Key) -> Option<LatePlace> {
    key.pk.contains("#LATE#").then(|| parse_late(&key.sk)).flatten()
}

/// A setting that was changed.
pub(crate) fn setting(org: &OrgId, setting: &SettingDefinition) -> Key {
    Key { pk: settings_partition(org), sk: format!("{}{}", setting_prefix(setting.group), setting.key) }
}

/// What the sort keys of all settings of a group begin with.
pub(crate) fn setting_prefix(group: SettingGroup) -> String {
    format!("{group}#")
}

pub(crate) fn parse_setting(sk: &str) -> Option<&'static SettingDefinition> {
    let (group, key) = sk.split_once('#')?;
    SettingDefinition::find(SettingGroup::from_id(group)?, key)
}

#[cfg(test)]
mod every_key;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sporlog_model::settings::SETTINGS;
    use uuid::Uuid;

    use super::*;

    prop_compose! {
        fn instants()(millis in -62_167_219_200_000_i64..253_402_207_200_000) -> Instant {
            Instant::from_epoch_millis(millis).unwrap()
        }
    }

    prop_compose! {
        fn event_ids()(bits in any::<u128>()) -> EventId { EventId::from(Uuid::from_u128(bits)) }
    }

    prop_compose! {
        fn orgs()(text in "[A-Za-z0-9][A-Za-z0-9_.-]{0,8}") -> OrgId { OrgId::parse(&text).unwrap() }
    }

    prop_compose! {
        fn entities()(text in "[!-\"$-~]{1,10}", kind in 0..EntityType::ALL.len()) -> (EntityType, EntityId) {
            (EntityType::ALL[kind], EntityId::parse(&text).unwrap())
        }
    }

    proptest! {
        #[test]
        fn event_order_is_time_then_id(a in instants(), b in instants(), x in event_ids(), y in event_ids()) {
            let (one, two) = (EventPlace { occurred_at: a, event_id: x }, EventPlace { occurred_at: b, event_id: y });
            let (key_one, key_two) = (event("p", &one).sk, event("p", &two).sk);
            prop_assert_eq!((a, x).cmp(&(b, y)), key_one.cmp(&key_two));
            prop_assert_eq!(parse_event(&key_one), Some(one.clone()));
            let (index_one, index_two) = (index("p", Some(b), &one).sk, index("p", Some(a), &two).sk);
            prop_assert_eq!((b, a, x).cmp(&(a, b, y)), index_one.cmp(&index_two));
            prop_assert_eq!(parse_index(&index_one), Some((Some(b), one)));
            prop_assert!(index_one < index("p", None, &two).sk, "no date sorts last");
            prop_assert_eq!(parse_index(&index("p", None, &two).sk), Some((None, two)));
        }

        #[test]
        fn feed_order_is_recorded_time(a in instants(), b in instants(), id in event_ids(), (kind, entity) in entities(), org in orgs()) {
            let place = |recorded_at| FeedPlace { recorded_at, entity_type: kind, event_id: id };
            let (one, two) = (feed(&org, &entity, &place(a)), feed(&org, &entity, &place(b)));
            prop_assert_eq!(a.cmp(&b), one.sk.cmp(&two.sk));
            prop_assert_eq!(parse_feed(&one.sk), Some(place(a)));
            // A window's bounds, as bare instants, hold exactly the keys from its start up to its end.
            prop_assert_eq!(a <= b, a.to_string() < two.sk);
        }

        #[test]
        fn case_entries_are_in_the_order_of_their_numbers(a in 0..1_000_000_000_000_u64, b in 0..1_000_000_000_000_u64, x in "[A-Z][A-Z0-9_]{0,3}", y in "[A-Z][A-Z0-9_]{0,3}") {
            let (x, y) = (CaseAction::parse(&x).unwrap(), CaseAction::parse(&y).unwrap());
            prop_assert_eq!(a.cmp(&b), case_entry("p", a).sk.cmp(&case_entry("p", b).sk));
            let (one, two) = (case_action_entry("p", &x, a).sk, case_action_entry("p", &y, b).sk);
            // Those of one action stand together.
            prop_assert_eq!((x == y).then_some(a.cmp(&b)), (x == y).then_some(one.cmp(&two)));
            prop_assert_eq!(one == two, x == y && a == b);
            prop_assert_eq!(parse_case_entry(&one), Some(a));
            prop_assert_eq!(parse_case_entry(&case_entry("p", a).sk), Some(a));
        }

        #[test]
        fn different_things_have_different_partitions(a in orgs(), b in orgs(), (kind_a, id_a) in entities(), (kind_b, id_b) in entities(), event in event_ids(), day in instants()) {
            let one = [entity_partition(&a, kind_a, &id_a), seen(&a, kind_a, event).pk, feed_days_partition(&a), feed_partition(&a, day.day(), 1), export_partition(&a), super::org(&a).pk, api_keys_partition(&a), case_counter(&a).pk, settings_partition(&a)];
            let two = [entity_partition(&b, kind_b, &id_b), seen(&b, kind_b, event).pk, feed_days_partition(&b), feed_partition(&b, day.day(), 1), export_partition(&b), super::org(&b).pk, api_keys_partition(&b), case_counter(&b).pk, settings_partition(&b)];
            for (i, x) in one.iter().enumerate() {
                for (j, y) in two.iter().enumerate() {
                    let same = i == j && a == b && match i {
                        0 => kind_a == kind_b && id_a == id_b,
                        1 => kind_a == kind_b,
                        _ => true,
                    };
                    prop_assert_eq!(x == y, same, "{} {}", x, y);
                }
            }
            prop_assert_eq!(parse_export_partition(&one[4]), Some(a));
        }

        #[test]
        fn api_keys_are_found_by_hash_and_listed_by_id(x in any::<[u8; 32]>(), y in any::<[u8; 32]>(), i in any::<u128>(), j in any::<u128>(), org in orgs()) {
            let (x, y) = (ApiKeyHash::parse(&hex::encode(x)).unwrap(), ApiKeyHash::parse(&hex::encode(y)).unwrap());
            prop_assert_eq!(api_key(&x).pk == api_key(&y).pk, x == y);
            prop_assert_eq!(parse_api_key(&api_key(&x).pk), Some(x.clone()));
            prop_assert!(!api_key(&x).pk.starts_with("ORG#"), "no organization's partition");
            let entry = |bits| api_key_entry(&org, ApiKeyId::from(Uuid::from_u128(bits))).sk;
            prop_assert_eq!(i.cmp(&j), entry(i).cmp(&entry(j)));
        }
    }

    proptest! {
        #[test]
        fn export_audits_are_ordered_by_time_and_number(a in instants(), b in instants(), x in 1_u64..2_000, y in 1_u64..2_000, org in orgs()) {
            let key = |at: Instant, number| export_audit(&org, at, AuditId::new(at.day(), number).unwrap()).sk;
            prop_assert_eq!((a, x).cmp(&(b, y)), key(a, x).cmp(&key(b, y)));
            // Bare instants bound a half open window.
            prop_assert_eq!(a >= b, key(a, x) > export_audits_from(b));
            prop_assert!(key(a, x) < export_audits_end());
            prop_assert!(AuditId::new(a.day(), x).map(|id| audit_id(id).pk).unwrap().starts_with("BUFDIRAUD#aud-"));
        }

        #[test]
        fn the_exports_of_an_organization_are_its_own(a in orgs(), b in orgs(), x in "[!-~]{1,10}", y in "[!-~]{1,10}") {
            let key = |org, id: &str| audited_export(org, &ExportId::parse(id).unwrap());
            prop_assert_eq!(key(&a, &x) == key(&b, &y), a == b && x == y);
            prop_assert_eq!(export_audits_partition(&a) == export_audits_partition(&b), a == b);
            for other in [feed_days_partition(&a), export_partition(&a), super::org(&a).pk, api_keys_partition(&a)] {
                prop_assert_ne!(&other, &export_audits_partition(&a));
            }
            prop_assert!(!key(&a, &x).sk.starts_with(EXPORT_AUDIT_PREFIX) && key(&a, &x).sk != HEAD);
        }
    }

    #[test]
    fn settings_are_found_by_group_and_read_back() {
        let org = OrgId::parse("diku").unwrap();
        for definition in &SETTINGS {
            let sk = setting(&org, definition).sk;
            assert_eq!(parse_setting(&sk), Some(definition));
            for group in SettingGroup::ALL {
                assert_eq!(sk.starts_with(&setting_prefix(group)), group == definition.group, "{sk}");
            }
            for group in RetentionGroup::ALL {
                assert!(!retention(&org, group).sk.starts_with(&setting_prefix(definition.group)));
            }
        }
        let due = |text| retention_due(&org, RetentionGroup::Kyc, Instant::parse(text).unwrap());
        let (early, late) = (due("2026-11-20T08:00:00Z"), due("2026-11-20T08:00:00.000001Z"));
        assert_eq!((early.0.len(), &early.0), ("RETENTION#00".len(), &late.0));
        assert!(early.1 < late.1 && !early.0.starts_with("DUE#"));
        assert_eq!(parse_retention_due(&early.1), Some((org, RetentionGroup::Kyc)));
    }

    #[test]
    fn those_behind_are_ordered_by_since_when_and_are_not_the_due_ones() {
        let org = OrgId::parse("diku").unwrap();
        let since = |text| behind_since(&org, Instant::parse(text).unwrap());
        let (early, late) = (since("2026-11-20T08:00:00Z"), since("2026-11-20T08:00:00.000001Z"));
        assert_eq!((early.0.len(), &early.0), ("BEHIND#00".len(), &late.0));
        assert!(early.1 < late.1 && early.0 != due(&org, Instant::MIN).0);
        assert_eq!(parse_due_at(&early.1), Instant::parse("2026-11-20T08:00:00Z").ok());
    }

    #[test]
    fn the_rows_of_an_entity_do_not_mix() {
        let id = EventId::from(Uuid::nil());
        let place = EventPlace { occurred_at: Instant::MAX, event_id: id };
        let rows = [event("p", &place), head("p"), index("p", None, &place), part("p", id, 0)];
        for (kept, row) in rows.iter().enumerate() {
            let prefixes = [EVENT_PREFIX, HEAD, INDEX_PREFIX, &part_prefix(id)];
            for (other, prefix) in prefixes.iter().enumerate() {
                assert_eq!(row.sk.starts_with(prefix), kept == other);
            }
        }
    }
}
