//! Every key of the table, built and read here only.
//!
//! Parts are joined by `#`, which no part can contain: ids and names are validated types. Words of ours in a key are upper
//! case, entity types are lower case, so the two never meet.

use sha2::{Digest, Sha256};
use sporlog_model::settings::{SettingDefinition, SettingGroup};
use sporlog_model::{ApiKeyHash, ApiKeyId, Day, EntityId, EntityType, EventId, IdempotencyKey, Instant, OrgId, RunId};

use crate::{Operation, StoreError};

/// Over how many partitions an organization's feed of one day is spread. A partition takes about 1,000 writes a second, so
/// this bounds one organization at about 8,000 events a second. A stored number: changing it loses the old entries.
pub(crate) const FEED_SHARDS: u8 = 8;

/// Over how many index partitions the organizations with an export are spread.
pub(crate) const DUE_SHARDS: u8 = 16;

/// The same for the groups whose events are kept for a time only.
pub(crate) const RETENTION_SHARDS: u8 = 16;

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

/// An event's place in the history of its entity.
#[derive(Debug, Clone, PartialEq, Eq)]
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

pub(crate) const EVENT_PREFIX: &str = "EV#";
pub(crate) const INDEX_PREFIX: &str = "IX#";
pub(crate) const API_KEY_PREFIX: &str = "KEY#";
pub(crate) const RUN_PREFIX: &str = "RUN#";
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

/// An event in the order in which the log took it.
pub(crate) fn feed(org: &OrgId, entity_id: &EntityId, place: &FeedPlace) -> Key {
    let shard = Sha256::digest(entity_id.as_str())[0] % FEED_SHARDS;
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

/// The organization itself.
pub(crate) fn org(org: &OrgId) -> Key {
    Key { pk: format!("ORG#{org}"), sk: META.to_owned() }
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

/// A request that its client has named.
pub(crate) fn idempotency(org: &OrgId, operation: Operation, key: &IdempotencyKey) -> Key {
    // The key stands last: it may contain anything.
    Key { pk: format!("ORG#{org}#IDEMPOTENCY"), sk: format!("{}#{}", operation.name(), key.as_str()) }
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

pub(crate) fn due_partition(shard: u8) -> String {
    format!("DUE#{shard:02}")
}

/// The partition of an organization's settings.
pub(crate) fn settings_partition(org: &OrgId) -> String {
    format!("ORG#{org}#SETTINGS")
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

/// When the events of a group are to be looked at, for some that are too old.
pub(crate) fn retention(org: &OrgId, group: SettingGroup) -> Key {
    Key { pk: settings_partition(org), sk: format!("RETENTION#{group}") }
}

/// Where that stands in the index.
pub(crate) fn retention_due(org: &OrgId, group: SettingGroup, due_at: Instant) -> (String, String) {
    let shard = Sha256::digest(org.as_str())[0] % RETENTION_SHARDS;
    (retention_partition(shard), format!("{due_at}#{org}#{group}"))
}

pub(crate) fn retention_partition(shard: u8) -> String {
    format!("RETENTION#{shard:02}")
}

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
        fn different_things_have_different_partitions(a in orgs(), b in orgs(), (kind_a, id_a) in entities(), (kind_b, id_b) in entities(), event in event_ids(), day in instants()) {
            let one = [entity_partition(&a, kind_a, &id_a), seen(&a, kind_a, event).pk, feed_days_partition(&a), feed_partition(&a, day.day(), 1), export_partition(&a), super::org(&a).pk, api_keys_partition(&a), settings_partition(&a)];
            let two = [entity_partition(&b, kind_b, &id_b), seen(&b, kind_b, event).pk, feed_days_partition(&b), feed_partition(&b, day.day(), 1), export_partition(&b), super::org(&b).pk, api_keys_partition(&b), settings_partition(&b)];
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

    #[test]
    fn settings_are_found_by_group_and_read_back() {
        let org = OrgId::parse("diku").unwrap();
        for definition in &SETTINGS {
            let sk = setting(&org, definition).sk;
            assert_eq!(parse_setting(&sk), Some(definition));
            for group in SettingGroup::ALL {
                assert_eq!(sk.starts_with(&setting_prefix(group)), group == definition.group, "{sk}");
                assert!(!retention(&org, group).sk.starts_with(&setting_prefix(definition.group)));
            }
        }
        let due = |text| retention_due(&org, SettingGroup::Kyc, Instant::parse(text).unwrap());
        let (early, late) = (due("2026-11-20T08:00:00Z"), due("2026-11-20T08:00:00.000001Z"));
        assert_eq!((early.0.len(), &early.0), ("RETENTION#00".len(), &late.0));
        assert!(early.1 < late.1 && !early.0.starts_with("DUE#"));
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
