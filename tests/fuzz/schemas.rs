//! The description of the API and the code read the same texts: what a schema lets pass is taken, and nothing else.

use proptest::prelude::*;
use serde_json::json;
use sporlog_model::bufdir::{ActivityType, AuditId, ExportId, FileUrl};
use sporlog_model::{
    AwsRegion, BucketName, CaseAction, CaseLabel, EventId, Instant, KeyPrefix, KmsKey, Name, OrgId, RoleArn,
};

use super::for_all;
use super::names::texts;
use crate::harness::contract::{document, problems};

/// A schema of the document, the code that reads such a text, and texts that are near to what it is for.
struct Pair {
    schema: &'static str,
    is_read: fn(&str) -> bool,
    /// Whether the schema says all of it; of some texts it cannot.
    is_exact: bool,
    near: &'static [&'static str],
}

const fn pair(schema: &'static str, is_read: fn(&str) -> bool, near: &'static [&'static str]) -> Pair {
    Pair { schema, is_read, is_exact: true, near }
}

const PAIRS: [Pair; 14] = [
    pair(
        "OrgId",
        |text| OrgId::parse(text).is_ok(),
        &["diku", "Org-1.a_b", "a23456789_123456789_123456789_123456789_123456789_123456789_1234"],
    ),
    pair("AnyUuid", |text| EventId::parse(text).is_ok(), &["C4ABF6C3-4bd5-4464-999b-c66cfb6f1cf9"]),
    Pair {
        is_exact: false,
        ..pair("AuditId", |text| AuditId::parse(text).is_ok(), &["aud-20260301-001", "aud-20260301-999999999999"])
    },
    pair("VisibleId", |text| ExportId::parse(text).is_ok(), &["exp-1", "årsrapport/2025"]),
    pair("ActivityType", |text| ActivityType::parse(text).is_ok(), &["group_session"]),
    Pair {
        is_exact: false,
        ..pair("FileUrl", |text| FileUrl::parse(text).is_ok(), &["https://a.example:1/b?c#d", "HTTPS://[::1]:8443/x"])
    },
    pair("Name", |text| Name::parse(text).is_ok(), &["Diku Library", "a", "å b c"]),
    pair("CaseAction", |text| CaseAction::parse(text).is_some(), &["STATUS_CHANGED"]),
    pair("CaseLabel", |text| CaseLabel::parse(text).is_some(), &["Martin Hansen", " a ", "\u{2003}b"]),
    pair(
        "BucketName",
        |text| BucketName::parse(text).is_ok(),
        &["my-log.2026", "192.168.5.4", "xn--a", "a-s3alias", "abc--x-s3", "abc.mrap"],
    ),
    pair(
        "AwsRegion",
        |text| AwsRegion::parse(text).is_ok_and(|region| region.partition().is_some()),
        &["eu-north-1", "us-gov-west-1", "cn-north-1", "eu-aaaaaaaaaaaaaaaaaaaaaaaaaaa-1"],
    ),
    pair("KeyPrefix", |text| KeyPrefix::parse(text).is_ok(), &["a/b=c", "a/", "..a/...", "a/./b"]),
    pair(
        "KmsKey",
        |text| KmsKey::parse(text).is_ok(),
        &[
            "mrk-1a2b",
            "arn:aws:kms:eu-north-1:123456789012:key/1a2b",
            "arn:aws:kms:eu-aaaaaaaaaaaaaaaaaaaaaaaaaaaa-1:123456789012:alias/a/b",
        ],
    ),
    Pair {
        is_exact: false,
        ..pair(
            "Moment",
            |text| Instant::parse_rfc3339(text).is_ok(),
            &["2026-03-01T08:00:00+02:00", "2026-03-01T08:00:00.123456789Z"],
        )
    },
];

#[test]
fn what_a_schema_lets_pass_is_read() {
    for Pair { schema: name, is_read, is_exact, near } in PAIRS {
        let schema = &document()["components"]["schemas"][name];
        assert!(schema.is_object(), "{name}");
        for_all(&texts(near), |text| {
            let (passes, is_read) = (problems(schema, &json!(text)).is_empty(), is_read(&text));
            prop_assert!(passes || !is_read, "{}: {:?} is read, and the schema refuses it", name, text);
            prop_assert!(
                !is_exact || is_read || !passes,
                "{}: {:?} is refused, and the schema lets it pass",
                name,
                text
            );
            Ok(())
        });
    }
}

/// The role goes together with the Region, in the schema as in the code.
#[test]
fn a_role_that_a_schema_lets_pass_is_read() {
    let schema = &document()["components"]["schemas"]["ExportTarget"];
    let near = &["arn:aws:iam::123456789012:role/path/a", "arn:aws:iam::123456789012:role/a"];
    for_all(&texts(near), |role| {
        let target = json!({"bucket": "my-log", "region": "eu-north-1", "roleArn": role});
        let passes = problems(schema, &target).is_empty();
        let is_read = RoleArn::parse(&role).is_ok_and(|role| role.partition() == "aws");
        prop_assert_eq!(passes, is_read, "{:?}", role);
        Ok(())
    });
}
