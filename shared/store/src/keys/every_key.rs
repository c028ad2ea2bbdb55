//! All keys together: one thing has one key, two things have two, and every key is one that the table takes.

use std::fmt::Debug;

use proptest::prelude::*;
use sporlog_model::settings::SETTINGS;
use uuid::Uuid;

use super::*;

/// DynamoDB's limits of a key's two parts, in bytes (Amazon DynamoDB Developer Guide, "Constraints").
const LONGEST_PK_BYTES: usize = 2_048;
const LONGEST_SK_BYTES: usize = 1_024;

/// What keys are built of; few enough values of each that two of these often have some in common.
#[derive(Debug, Clone)]
struct Parts {
    org: OrgId,
    kind: EntityType,
    entity: EntityId,
    at: Instant,
    published_at: Option<Instant>,
    event: EventId,
    audit: AuditId,
    export: ExportId,
    idempotency: IdempotencyKey,
    hash: ApiKeyHash,
    api_key: ApiKeyId,
    run: RunId,
    action: CaseAction,
    number: u64,
    setting: usize,
    group: RetentionGroup,
    operation: Operation,
}

fn instants() -> impl Strategy<Value = Instant> {
    prop_oneof![
        Just(Instant::MIN),
        Just(Instant::MAX),
        (-62_167_219_200_000_i64..253_402_207_200_000).prop_map(|millis| Instant::from_epoch_millis(millis).unwrap()),
    ]
}

fn ids() -> impl Strategy<Value = Uuid> {
    prop_oneof![(0..3_u128).prop_map(Uuid::from_u128), any::<u128>().prop_map(Uuid::from_u128)]
}

/// Ids that look like words and parts of other keys.
fn texts(characters: &'static str) -> impl Strategy<Value = String> {
    let words =
        ["a", "b", "FEED", "EXPORT", "KYC", "SEEN", "order", "1", "2026-03-01", "0", "HEAD", "aud-20260301-001"];
    prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), characters.prop_map(|text: String| text)]
}

prop_compose! {
    fn names()(
        org in texts("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"),
        entity in texts("[!-\"$-~]{1,128}"),
        export in prop_oneof![texts("[!-~]{1,128}"), "[ø\u{10000}#]{1,128}"],
        idempotency in texts("[!-~]{1,255}"),
        action in prop_oneof!["[AB]", "[A-Z][A-Z0-9_]{0,63}"],
    ) -> (OrgId, EntityId, ExportId, IdempotencyKey, CaseAction) {
        (
            OrgId::parse(&org).unwrap(),
            EntityId::parse(&entity).unwrap(),
            ExportId::parse(&export).unwrap(),
            IdempotencyKey::parse(&idempotency).unwrap(),
            CaseAction::parse(&action).unwrap(),
        )
    }
}

prop_compose! {
    fn parts()(
        (org, entity, export, idempotency, action) in names(),
        (event, api_key, run, hash) in (ids(), ids(), ids(), any::<[u8; 32]>()),
        (at, published_at) in (instants(), prop::option::of(instants())),
        number in prop_oneof![1_u64..4, 1..1_000_000_000_000_u64],
        (kind, setting, kyc, create) in (0..EntityType::ALL.len(), 0..SETTINGS.len(), any::<bool>(), any::<bool>()),
    ) -> Parts {
        Parts {
            org, entity, export, idempotency, action, at, published_at, number, setting,
            kind: EntityType::ALL[kind],
            event: EventId::from(event),
            audit: AuditId::new(at.day(), number).unwrap(),
            hash: ApiKeyHash::parse(&hex::encode(hash)).unwrap(),
            api_key: ApiKeyId::from(api_key),
            run: RunId::parse(&run.hyphenated().to_string()).unwrap(),
            group: RetentionGroup::ALL[usize::from(kyc)],
            operation: if create { Operation::CreateExportAudit } else { Operation::AppendCaseAuditLog },
        }
    }
}

/// Every key, with all that it tells apart.
fn keys(parts: &Parts) -> Vec<(Key, String)> {
    let Parts {
        org,
        kind,
        entity,
        at,
        published_at,
        event: id,
        audit,
        export,
        idempotency: idempotency_key,
        hash,
        api_key: key_id,
        run: run_id,
        action,
        number,
        setting: nth,
        group,
        operation,
    } = parts.clone();
    let partition = entity_partition(&org, kind, &entity);
    let place = EventPlace { occurred_at: at, event_id: id };
    let fed = FeedPlace { recorded_at: at, entity_type: kind, event_id: id };
    let late_place = LatePlace { occurred_at: at, entity_type: kind, event_id: id };
    let pair = |(pk, sk)| Key { pk, sk };
    let of = |key: Key, what: &dyn Debug| (key, format!("{what:?}"));
    let whose = (&org, kind, &entity);
    vec![
        of(head(&partition), &whose),
        of(super::event(&partition, &place), &(whose, at, id)),
        of(index(&partition, published_at, &place), &(whose, published_at, at, id)),
        of(part(&partition, id, usize::try_from(number % 100).unwrap()), &(whose, id, number % 100)),
        of(case_entry(&partition, number), &(whose, number)),
        of(case_action_entry(&partition, &action, number), &(whose, &action, number)),
        of(seen(&org, kind, id), &(&org, kind, id)),
        of(feed_day(&org, at.day()), &(&org, at.day())),
        of(feed(&org, &entity, &fed), &(&org, shard_of(&entity), at, kind, id)),
        of(late(&org, group, &entity, &late_place), &(&org, group, shard_of(&entity), at, kind, id)),
        of(retention(&org, group), &(&org, group)),
        of(pair(retention_due(&org, group, at)), &(&org, group, at)),
        of(super::org(&org), &&org),
        of(super::api_key(&hash), &hash.as_str()),
        of(api_key_entry(&org, key_id), &(&org, key_id)),
        of(case_counter(&org), &&org),
        of(idempotency(&org, operation, &idempotency_key), &(&org, operation.name(), idempotency_key.as_str())),
        of(export_audit(&org, at, audit), &(&org, at, number)),
        of(audited_export(&org, &export), &(&org, &export)),
        of(audit_id(audit), &audit),
        of(audit_counter(at.day()), &at.day()),
        of(export_config(&org), &&org),
        of(export_external_id(&org), &&org),
        of(export_state(&org), &&org),
        of(super::run(&org, run_id), &(&org, run_id)),
        of(pair(due(&org, at)), &(&org, at)),
        of(behind(&org), &&org),
        of(pair(behind_since(&org, at)), &(&org, at)),
        of(setting(&org, &SETTINGS[nth]), &(&org, nth)),
    ]
}

proptest! {
    #[test]
    fn two_things_never_have_one_key(one in parts(), other in parts()) {
        for (i, (key, what)) in keys(&one).into_iter().enumerate() {
            prop_assert!(key.pk.len() <= LONGEST_PK_BYTES && key.sk.len() <= LONGEST_SK_BYTES, "{key:?}");
            prop_assert!(!key.pk.contains(char::is_control) && !key.sk.contains(char::is_control), "{key:?}");
            for (j, (other_key, other_what)) in keys(&other).into_iter().enumerate() {
                prop_assert_eq!(key == other_key, i == j && what == other_what, "{:?} {:?}", &key, &other_key);
            }
        }
    }

    #[test]
    fn what_is_read_back_is_what_was_built(parts in parts()) {
        let Parts { org, kind, entity, at, published_at, event: id, audit, hash, number, group, .. } = parts.clone();
        let place = EventPlace { occurred_at: at, event_id: id };
        prop_assert_eq!(parse_event(&super::event("p", &place).sk), Some(place.clone()));
        prop_assert_eq!(parse_index(&index("p", published_at, &place).sk), Some((published_at, place)));
        let fed = FeedPlace { recorded_at: at, entity_type: kind, event_id: id };
        let key = feed(&org, &entity, &fed);
        prop_assert_eq!(parse_feed_key(&org, &key), Some(fed));
        let late_place = LatePlace { occurred_at: at, entity_type: kind, event_id: id };
        prop_assert_eq!(parse_late_key(&late(&org, group, &entity, &late_place)), Some(late_place));
        prop_assert_eq!(parse_feed_day(&feed_day(&org, at.day()).sk), Some(at.day()));
        prop_assert_eq!(parse_retention_due(&retention_due(&org, group, at).1), Some((org.clone(), group)));
        prop_assert_eq!(parse_due_at(&due(&org, at).1), Some(at));
        prop_assert_eq!(parse_due_at(&behind_since(&org, at).1), Some(at));
        prop_assert_eq!(parse_export_partition(&export_partition(&org)), Some(org));
        prop_assert_eq!(parse_case_entry(&case_entry("p", number).sk), Some(number));
        prop_assert_eq!(parse_audit_id(&audit_id(audit).pk), Some(audit));
        prop_assert_eq!(parse_api_key(&super::api_key(&hash).pk), Some(hash));
        prop_assert_eq!(parse_setting(&setting(&parts.org, &SETTINGS[parts.setting]).sk), Some(&SETTINGS[parts.setting]));
    }

    /// A key from a table that somebody else wrote to is read or refused.
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), "[#A-Z0-9a-z:.~-]{0,80}", "(ORG|EV|IX|DAY|KEY|BUFDIRAUD)#[#0-9T:.Za-f-]{0,60}"]) {
        let _ = (parse_event(&text), parse_index(&text), parse_feed(&text), parse_late(&text), parse_feed_day(&text));
        let _ = (parse_retention_due(&text), parse_due_at(&text), parse_export_partition(&text), parse_case_entry(&text));
        let _ = (parse_audit_id(&text), parse_api_key(&text), parse_setting(&text));
    }
}
