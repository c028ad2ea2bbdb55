use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{KmsKey, OrgId};

/// A part of an export destination that AWS would not accept. Names the member of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} {problem}")]
pub struct InvalidDestination {
    pub member: &'static str,
    pub problem: &'static str,
}

/// Where an organization's log is exported to, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub bucket: BucketName,
    pub region: AwsRegion,
    pub role_arn: RoleArn,
    pub external_id: ExternalId,
    pub prefix: KeyPrefix,
    /// What the objects are encrypted with; `None` leaves that to the bucket.
    pub kms_key: Option<KmsKey>,
}

impl Destination {
    /// Whether the parts go together: the role's partition has the Region, and the key may be where the bucket is.
    pub fn check(role_arn: &RoleArn, region: &AwsRegion, kms_key: Option<&KmsKey>) -> Result<(), InvalidDestination> {
        let partition = role_arn.partition();
        if region.partition() != Some(partition) {
            let problem = "must be a Region of the partition that the role is in";
            return Err(InvalidDestination { member: "region", problem });
        }
        if kms_key.is_some_and(|key| !key.is_in(partition, region)) {
            return Err(InvalidDestination { member: "kmsKeyId", problem: "must be a key in the bucket's Region" });
        }
        Ok(())
    }
}

macro_rules! text_of {
    ($name:ident) => {
        impl $name {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidDestination;
            fn try_from(text: String) -> Result<Self, InvalidDestination> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}
pub(crate) use text_of;

/// The name of an S3 general purpose bucket.
///
/// 3–63 lower-case letters, digits, `.` and `-`, starting and ending with a letter or digit, no two dots in a row, not an
/// IP address, none of the reserved prefixes and suffixes (Amazon S3 User Guide, "General purpose bucket naming rules").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

text_of!(BucketName);

impl BucketName {
    /// Checks the naming rules.
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| text.starts_with(p))
            || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|s| text.ends_with(s));
        let valid = (3..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
            && edge(text.bytes().next())
            && edge(text.bytes().last())
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err()
            && !reserved;
        let problem = "must follow the S3 bucket naming rules: 3 to 63 lower-case letters, digits, dots and hyphens";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDestination { member: "bucket", problem })
    }
}

/// The name of an AWS Region: `eu-north-1`, `us-gov-west-1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AwsRegion(String);

text_of!(AwsRegion);

impl AwsRegion {
    /// The AWS partition that has Regions of such a name (the SDKs' `partitions.json`, `regionRegex`); `None` for the name
    /// of no Region of the three that roles can be in.
    pub fn partition(&self) -> Option<&'static str> {
        let areas = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
        match self.0.split('-').collect::<Vec<_>>().as_slice() {
            ["cn", _, _] => Some("aws-cn"),
            ["us", "gov", _, _] => Some("aws-us-gov"),
            [area, _, _] if areas.contains(area) => Some("aws"),
            _ => None,
        }
    }

    /// Two letters, one or more words, one digit, joined by hyphens.
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let parts: Vec<&str> = text.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let valid = match parts.as_slice() {
            [area, words @ .., number] => {
                area.len() == 2
                    && word(area)
                    && !words.is_empty()
                    && words.iter().all(word)
                    && number.len() == 1
                    && number.bytes().all(|b| b.is_ascii_digit())
                    && text.len() <= 32
            }
            _ => false,
        };
        let problem = "must be the name of an AWS Region, such as eu-north-1";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDestination { member: "region", problem })
    }
}

/// The ARN of the IAM role that Sporlog assumes to write into the bucket.
///
/// Partition `aws`, `aws-cn` or `aws-us-gov`, a 12-digit account, and a role name with its path.
/// `Debug` masks account and role: the ARN never reaches a log or an answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn(String);

text_of!(RoleArn);

impl RoleArn {
    /// Checks the form (IAM User Guide, "IAM identifiers").
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let valid = match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            ["arn", "aws" | "aws-cn" | "aws-us-gov", "iam", "", account, resource] => {
                let named = resource.strip_prefix("role/").is_some_and(|name| {
                    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
                    (1..=576).contains(&name.len()) && name.bytes().all(legal) && !name.ends_with('/')
                });
                account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && named
            }
            _ => false,
        };
        let problem = "must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/audit-export";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDestination { member: "roleArn", problem })
    }

    /// The AWS partition: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The twelve digits of the account.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    fn part(&self, number: usize) -> &str {
        // `parse` has seen six parts.
        self.0.split(':').nth(number).unwrap_or_default()
    }

    /// What may be shown: the partition, the service and the last four digits of the account.
    pub fn masked(&self) -> String {
        let parts: Vec<&str> = self.0.splitn(6, ':').collect();
        match parts.as_slice() {
            [_, partition, _, _, account, _] => {
                format!("arn:{partition}:iam::********{}:role/****", account.get(8..).unwrap_or_default())
            }
            _ => "****".to_owned(),
        }
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The external id of an organization: issued by Sporlog, sent with every `AssumeRole`, so that no other organization can
/// name this one's role (IAM User Guide, "The confused deputy problem"). 2–1,224 characters of `A-Z a-z 0-9 + = , . @ : / -`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExternalId(String);

text_of!(ExternalId);

impl ExternalId {
    /// Checks the characters STS accepts.
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@:/-".contains(&b);
        let valid = (2..=1_224).contains(&text.len()) && text.bytes().all(legal);
        let problem = "must be 2 to 1224 letters, digits or + = , . @ : / -";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDestination { member: "externalId", problem })
    }

    /// A new one: 122 random bits.
    pub fn random() -> Self {
        Self(format!("sporlog-{}", uuid::Uuid::new_v4().hyphenated()))
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

/// What every object key of an organization begins with, without the slash that follows. Empty by default.
///
/// At most 512 characters, no leading or trailing slash, no empty, `.` or `..` segment. Of the characters that are safe in a
/// key (Amazon S3 User Guide, "Object key naming guidelines") all but `*`, which is a wildcard in the session's policy:
/// letters, digits, `! - _ . ' ( )`, and `=` as partitions have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPrefix(String);

text_of!(KeyPrefix);

impl KeyPrefix {
    /// What every key of an organization begins with.
    pub fn root(&self, org: &OrgId) -> String {
        if self.0.is_empty() { format!("org_id={org}") } else { format!("{}/org_id={org}", self.0) }
    }

    /// Accepts one trailing slash and drops it.
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let segments = || text.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"!-_.'()=/".contains(&b);
        let valid = text.is_empty() || (text.len() <= 512 && segments() && text.bytes().all(safe));
        let problem =
            "must be at most 512 letters, digits or ! - _ . ' ( ) = / without a leading slash, empty segments or '..'";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDestination { member: "prefix", problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for good in ["abc", "my-log.2026", "0a0", &"x".repeat(63)] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "ab",
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            ".abc",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "abc-s3alias",
            "a/b",
            &"x".repeat(64),
        ] {
            assert!(BucketName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions() {
        for good in ["eu-north-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5"] {
            assert!(AwsRegion::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "eu", "eu-1", "eu-north-12", "EU-north-1", "eu-north-1.evil.com", "eu--1", "eu-north-"] {
            assert!(AwsRegion::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_is_of_one_partition() {
        for (name, partition) in [
            ("eu-north-1", Some("aws")),
            ("mx-central-1", Some("aws")),
            ("cn-north-1", Some("aws-cn")),
            ("us-gov-west-1", Some("aws-us-gov")),
            ("us-iso-east-1", None),
            ("xx-north-1", None),
            ("cn-far-north-1", None),
        ] {
            assert_eq!(AwsRegion::parse(name).unwrap().partition(), partition, "{name}");
        }
    }

    #[test]
    fn the_parts_of_a_destination_go_together() {
        let (aws, gov) = ("arn:aws:iam::123456789012:role/a", "arn:aws-us-gov:iam::123456789012:role/a");
        let key = |region| format!("arn:aws:kms:{region}:123456789012:key/1a2b");
        for (region, role, key, wrong) in [
            ("eu-north-1", aws, None, None),
            ("us-gov-west-1", gov, None, None),
            ("eu-north-1", aws, Some("1a2b"), None),
            ("eu-north-1", aws, Some(key("eu-north-1").as_str()), None),
            ("eu-north-1", aws, Some(key("eu-west-1").as_str()), Some("kmsKeyId")),
            ("us-gov-west-1", gov, Some(key("us-gov-west-1").as_str()), Some("kmsKeyId")),
            ("us-gov-west-1", aws, None, Some("region")),
            ("eu-north-1", gov, None, Some("region")),
            ("us-iso-east-1", aws, None, Some("region")),
        ] {
            let key = key.map(|key| KmsKey::parse(key).unwrap());
            let (region_name, role_arn) = (AwsRegion::parse(region).unwrap(), RoleArn::parse(role).unwrap());
            let checked = Destination::check(&role_arn, &region_name, key.as_ref());
            assert_eq!(checked.err().map(|error| error.member), wrong, "{region} {role} {key:?}");
        }
    }

    #[test]
    fn role_arns_are_checked_and_masked() {
        let arn = RoleArn::parse("arn:aws:iam::123456789012:role/path/audit-export").unwrap();
        assert_eq!((arn.partition(), arn.account()), ("aws", "123456789012"));
        assert_eq!(arn.masked(), "arn:aws:iam::********9012:role/****");
        assert_eq!(format!("{arn:?}"), arn.masked());
        for bad in [
            "",
            "arn:aws:iam::12345678901:role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws-x:iam::123456789012:role/a",
            "arn:aws:sts::123456789012:role/a",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(RoleArn::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_stay_inside_the_bucket() {
        assert_eq!(KeyPrefix::parse("audit/logs/").unwrap().as_str(), "audit/logs");
        assert_eq!(KeyPrefix::parse("").unwrap(), KeyPrefix::default());
        for bad in ["/a", "a//b", "a/../b", "..", "a/./b", "a\nb", "a*", "${aws:x}", "журнал", "a b", &"x".repeat(513)]
        {
            assert!(KeyPrefix::parse(bad).is_err(), "{bad}");
        }
    }
}
