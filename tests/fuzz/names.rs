//! Every name and id that comes in from outside.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sporlog_model::bufdir::{ActivityType, AuditId, ExportId, FileUrl, Remark, UserId};
use sporlog_model::{
    Action, ApiKeyHash, ApiKeyId, ApiKeySecret, AwsRegion, BucketName, CaseAction, CaseId, CaseLabel, CaseText, Day,
    EntityId, EntityType, EventId, ExportConfigId, ExternalId, IdempotencyKey, Instant, KeyPrefix, KmsKey, Name, OrgId,
    RoleArn, RunId,
};

use super::{edit, for_all, hostile_text};

/// A kind of name: how it is read and written again, and what all of them have in common.
struct Kind {
    name: &'static str,
    /// The value that a text is read as, written.
    written: fn(&str) -> Option<String>,
    longest: Longest,
    /// Whether it stands in a key of the table, whose parts `#` separates.
    in_table_keys: bool,
    /// Text for people may have line breaks and the like.
    is_prose: bool,
    /// Whether the text itself is kept, or one of several for the same value.
    is_verbatim: bool,
    good: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Longest {
    Bytes(usize),
    Characters(usize),
}
use Longest::{Bytes, Characters};

const UUID: &[&str] = &["c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9", "C4ABF6C3-4BD5-4464-999B-C66CFB6F1CF9"];

impl Kind {
    fn of(
        name: &'static str,
        longest: Longest,
        written: fn(&str) -> Option<String>,
        good: &'static [&'static str],
    ) -> Self {
        Self { name, written, longest, in_table_keys: false, is_prose: false, is_verbatim: false, good }
    }

    fn in_table_keys(self) -> Self {
        Self { in_table_keys: true, ..self }
    }

    fn prose(self) -> Self {
        Self { is_prose: true, ..self }
    }

    fn verbatim(self) -> Self {
        Self { is_verbatim: true, ..self }
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn kinds() -> Vec<Kind> {
    vec![
        Kind::of("OrgId", Bytes(64), |t| OrgId::parse(t).ok().map(|v| v.to_string()), &["diku", "Org-1.a_b"])
            .in_table_keys()
            .verbatim(),
        Kind::of(
            "EntityId",
            Bytes(128),
            |t| EntityId::parse(t).ok().map(|v| v.to_string()),
            &["case-17", "aud-20260301-001"],
        )
        .in_table_keys()
        .verbatim(),
        Kind::of("EntityId of FOLIO", Bytes(36), |t| EntityId::parse_uuid(t).ok().map(|v| v.to_string()), UUID)
            .in_table_keys(),
        Kind::of("EventId", Bytes(36), |t| EventId::parse(t).ok().map(|v| v.to_string()), UUID).in_table_keys(),
        Kind::of("RunId", Bytes(36), |t| RunId::parse(t).ok().map(|v| v.to_string()), UUID).in_table_keys(),
        Kind::of("ApiKeyId", Bytes(36), |t| ApiKeyId::parse(t).ok().map(|v| v.to_string()), UUID).in_table_keys(),
        Kind::of("ExportConfigId", Bytes(36), |t| ExportConfigId::parse(t).ok().map(|v| v.to_string()), UUID),
        Kind::of(
            "CaseId",
            Bytes(16),
            |t| CaseId::parse(t).ok().map(|v| v.to_string()),
            &["1", "42", "9007199254740991"],
        )
        .in_table_keys(),
        Kind::of(
            "AuditId",
            Bytes(25),
            |t| AuditId::parse(t).ok().map(|v| v.to_string()),
            &["aud-20260301-001", "aud-20260301-999999999999"],
        )
        .in_table_keys()
        .verbatim(),
        Kind::of("CaseAction", Bytes(64), |t| CaseAction::parse(t).map(|v| v.as_str().to_owned()), &["STATUS_CHANGED"])
            .in_table_keys()
            .verbatim(),
        Kind::of(
            "IdempotencyKey",
            Bytes(255),
            |t| IdempotencyKey::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        )
        .verbatim(),
        Kind::of(
            "ExportId",
            Characters(128),
            |t| ExportId::parse(t).ok().map(|v| v.to_string()),
            &["exp-1", "årsrapport/2025"],
        )
        .verbatim(),
        Kind::of("UserId", Characters(128), |t| UserId::parse(t).ok().map(|v| v.to_string()), &["usr-0042"]).verbatim(),
        Kind::of(
            "ActivityType",
            Bytes(64),
            |t| ActivityType::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["group_session"],
        )
        .verbatim(),
        Kind::of(
            "FileUrl",
            Bytes(2048),
            |t| FileUrl::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["https://a.example:1/b?c#d"],
        )
        .verbatim(),
        Kind::of("Remark", Characters(2000), |t| Remark::parse(t).ok().map(|v| v.as_str().to_owned()), &["it broke"])
            .prose()
            .verbatim(),
        Kind::of("Name", Characters(100), |t| Name::parse(t).ok().map(|v| v.as_str().to_owned()), &["Diku Library"])
            .verbatim(),
        Kind::of(
            "CaseLabel",
            Characters(200),
            |t| CaseLabel::parse(t).map(|v| v.as_str().to_owned()),
            &["Martin Hansen"],
        )
        .verbatim(),
        Kind::of("CaseText", Characters(10_000), |t| CaseText::parse(t).map(|v| v.as_str().to_owned()), &["REVIEWED"])
            .prose()
            .verbatim(),
        Kind::of(
            "BucketName",
            Bytes(63),
            |t| BucketName::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["my-log.2026"],
        )
        .verbatim(),
        Kind::of(
            "AwsRegion",
            Bytes(32),
            |t| AwsRegion::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["eu-north-1", "us-gov-west-1"],
        )
        .verbatim(),
        Kind::of(
            "RoleArn",
            Bytes(620),
            |t| RoleArn::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["arn:aws:iam::123456789012:role/path/a"],
        )
        .verbatim(),
        Kind::of(
            "ExternalId",
            Bytes(1224),
            |t| ExternalId::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["sporlog-5f0d8a54"],
        )
        .verbatim(),
        Kind::of(
            "KeyPrefix",
            Bytes(512),
            |t| KeyPrefix::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["a/b=c", "a/", ""],
        ),
        Kind::of(
            "KmsKey",
            Bytes(512),
            |t| KmsKey::parse(t).ok().map(|v| v.as_str().to_owned()),
            &["arn:aws:kms:eu-north-1:123456789012:key/1a2b", "arn:aws:kms:eu-north-1:123456789012:alias/a/b"],
        )
        .verbatim(),
        Kind::of(
            "ApiKeySecret",
            Bytes(51),
            |t| ApiKeySecret::parse(t).map(|v| v.reveal().to_owned()),
            &["ap_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        )
        .verbatim(),
        Kind::of(
            "ApiKeyHash",
            Bytes(64),
            |t| ApiKeyHash::parse(t).map(|v| v.as_str().to_owned()),
            &["abababababababababababababababababababababababababababababababab"],
        )
        .in_table_keys()
        .verbatim(),
        Kind::of(
            "Instant",
            Bytes(27),
            |t| Instant::parse(t).ok().map(|v| v.to_string()),
            &["2026-03-01T08:00:00.123456Z", "2026-03-01", "1668072600333", "0000-01-01T00:00:00Z"],
        )
        .in_table_keys(),
        Kind::of(
            "Instant of RFC 3339",
            Bytes(27),
            |t| Instant::parse_rfc3339(t).ok().map(|v| v.to_string()),
            &["2026-03-01T08:00:00+02:00"],
        )
        .in_table_keys(),
        Kind::of("Day", Bytes(10), |t| Day::parse_strict(t).ok().map(|v| v.to_string()), &["2026-03-01"])
            .in_table_keys()
            .verbatim(),
        Kind::of(
            "EntityType",
            Bytes(32),
            |t| EntityType::from_name(t).map(|v| v.name().to_owned()),
            &["order", "order-line"],
        )
        .in_table_keys()
        .verbatim(),
        Kind::of(
            "Action",
            Bytes(64),
            |t| Action::parse(t).map(|v| v.as_str().to_owned()),
            &["Create", "STATUS_CHANGED"],
        )
        .verbatim(),
    ]
}

pub(super) fn texts(good: &'static [&'static str]) -> impl Strategy<Value = String> {
    let good: Vec<Vec<u8>> = good.iter().map(|text| text.as_bytes().to_vec()).collect();
    let near = (prop::sample::select(good), prop::collection::vec(edit(), 0..3)).prop_map(|(mut bytes, edits)| {
        for edit in edits {
            edit.apply(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    prop_oneof![2 => near, 1 => hostile_text()]
}

fn check(kind: &Kind, text: &str) -> Result<(), TestCaseError> {
    let Some(written) = (kind.written)(text) else { return Ok(()) };
    // Written and read again it is the same: there is one text for each value.
    let again = (kind.written)(&written);
    prop_assert_eq!(again.as_ref(), Some(&written), "{} of {:?}", kind.name, text);
    if kind.is_verbatim {
        prop_assert_eq!(&written, text, "{}", kind.name);
    }
    let (longest, length) = match kind.longest {
        Bytes(longest) => (longest, written.len()),
        Characters(longest) => (longest, written.chars().count()),
    };
    prop_assert!(length <= longest, "{}: {length} of {longest}", kind.name);
    if !kind.is_prose {
        prop_assert!(!written.contains(char::is_control), "{}: {written:?}", kind.name);
    }
    if kind.in_table_keys {
        prop_assert!(!written.contains('#'), "{}: {written:?}", kind.name);
        prop_assert!(written.is_ascii(), "{}: {written:?}", kind.name);
    }
    Ok(())
}

#[test]
fn what_is_read_is_written_as_it_is_and_breaks_no_key() {
    for kind in kinds() {
        for good in kind.good {
            assert!((kind.written)(good).is_some(), "{}: {good}", kind.name);
        }
        for_all(&texts(kind.good), |text| check(&kind, &text));
    }
}

/// Two texts that are read as different values are never written alike; values that are equal are written alike.
fn one_text_for_each<T: PartialEq + Debug>(
    parse: fn(&str) -> Option<T>,
    write: fn(&T) -> String,
    good: &'static [&'static str],
) {
    for_all(&(texts(good), texts(good)), |(one, other)| {
        if let (Some(one), Some(other)) = (parse(&one), parse(&other)) {
            prop_assert_eq!(one == other, write(&one) == write(&other), "{:?} {:?}", one, other);
        }
        Ok(())
    });
}

#[test]
fn different_values_are_written_differently() {
    one_text_for_each(|t| EventId::parse(t).ok(), ToString::to_string, UUID);
    one_text_for_each(|t| EntityId::parse(t).ok(), ToString::to_string, &["a", "b", "A"]);
    one_text_for_each(|t| CaseId::parse(t).ok(), ToString::to_string, &["1", "01", "10", "100"]);
    one_text_for_each(|t| AuditId::parse(t).ok(), ToString::to_string, &["aud-20260301-001", "aud-20260301-1001"]);
    one_text_for_each(|t| Instant::parse(t).ok(), ToString::to_string, &["2026-03-01T08:00:00.123456Z", "2026-03-01"]);
    one_text_for_each(|t| KeyPrefix::parse(t).ok(), |v| v.as_str().to_owned(), &["a", "a/", "a/b"]);
}
