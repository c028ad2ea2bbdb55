use serde::{Deserialize, Serialize};

use crate::destination::text_of;
use crate::{AwsRegion, InvalidDestination};

/// The KMS key that a bucket's objects are encrypted with, as S3 takes it in `x-amz-server-side-encryption-aws-kms-key-id`:
/// the ARN of a key, the ARN of an alias, or a key's id, which is then one of the role's account.
///
/// Key ids are letters, digits and hyphens (`mrk-` and hexadecimal digits for a key of several Regions); alias names have
/// `/` and `_` besides (AWS KMS Developer Guide, "Key identifiers"). At most 512 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KmsKey(String);

text_of!(KmsKey);

/// What the text of a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl KmsKey {
    /// Checks the form, not whether there is such a key.
    pub fn parse(text: &str) -> Result<Self, InvalidDestination> {
        let valid = match Arn::of(text) {
            Some(arn) => arn.is_valid(),
            None => is_key_id(text),
        };
        let problem = "must be the ARN of a KMS key or of an alias, or the id of a key";
        let key = (valid && text.len() <= 512).then(|| Self(text.to_owned()));
        key.ok_or(InvalidDestination { member: "kmsKeyId", problem })
    }

    /// Whether the key may be in that Region: a mere id says nothing about it.
    pub fn is_in(&self, partition: &str, region: &AwsRegion) -> bool {
        Arn::of(&self.0).is_none_or(|arn| arn.partition == partition && arn.region == region.as_str())
    }

    /// The ARN for a policy of a role: of the key, or of every key of the account that has the alias, whose name is beside
    /// it. `partition`, `region` and `account` stand in where there is only an id.
    pub fn policy_resource(&self, partition: &str, region: &str, account: &str) -> (String, Option<&str>) {
        match Arn::of(&self.0) {
            None => (format!("arn:{partition}:kms:{region}:{account}:key/{}", self.0), None),
            Some(Arn { partition, region, account, resource }) if resource.starts_with("alias/") => {
                (format!("arn:{partition}:kms:{region}:{account}:key/*"), Some(resource))
            }
            Some(_) => (self.0.clone(), None),
        }
    }
}

impl<'a> Arn<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let (partition, service) = (parts.next()?, parts.next()?);
        let arn = Self { partition, region: parts.next()?, account: parts.next()?, resource: parts.next()? };
        (service == "kms").then_some(arn)
    }

    fn is_valid(self) -> bool {
        let alias = |name: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
            !name.is_empty() && name.bytes().all(legal)
        };
        let named = match self.resource.split_once('/') {
            Some(("key", id)) => is_key_id(id),
            Some(("alias", name)) => alias(name),
            _ => false,
        };
        matches!(self.partition, "aws" | "aws-cn" | "aws-us-gov")
            && AwsRegion::parse(self.region).is_ok()
            && self.account.len() == 12
            && self.account.bytes().all(|b| b.is_ascii_digit())
            && named
    }
}

fn is_key_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn keys_and_aliases_are_read() {
        let arn = |resource: &str| format!("arn:aws:kms:eu-north-1:123456789012:{resource}");
        for good in [ID.to_owned(), "mrk-0a1b".to_owned(), arn(&format!("key/{ID}")), arn("alias/a/b_c-d")] {
            assert_eq!(KmsKey::parse(&good).unwrap().as_str(), good);
        }
        for bad in [
            String::new(),
            "alias/a".to_owned(),
            "a b".to_owned(),
            arn("key/"),
            arn("alias/"),
            arn("key/a/b"),
            arn("grant/a"),
            arn("alias/a:b"),
            format!("arn:aws:s3:eu-north-1:123456789012:key/{ID}"),
            format!("arn:aws:kms:eu-north-1:12345678901:key/{ID}"),
            format!("arn:aws:kms::123456789012:key/{ID}"),
            format!("arn:aws-x:kms:eu-north-1:123456789012:key/{ID}"),
            "x".repeat(65),
        ] {
            assert_eq!(KmsKey::parse(&bad).unwrap_err().member, "kmsKeyId", "{bad}");
        }
    }

    #[test]
    fn a_policy_names_the_key_or_the_alias() {
        let resource = |text: &str| {
            let key = KmsKey::parse(text).unwrap();
            let (arn, alias) = key.policy_resource("aws", "eu-north-1", "123456789012");
            (arn, alias.map(str::to_owned))
        };
        let arn = format!("arn:aws:kms:eu-west-1:210987654321:key/{ID}");
        assert_eq!(resource(&arn), (arn, None));
        assert_eq!(resource(ID), (format!("arn:aws:kms:eu-north-1:123456789012:key/{ID}"), None));
        let every_key = "arn:aws:kms:eu-west-1:210987654321:key/*".to_owned();
        let alias = "arn:aws:kms:eu-west-1:210987654321:alias/logs";
        assert_eq!(resource(alias), (every_key, Some("alias/logs".to_owned())));
    }
}
