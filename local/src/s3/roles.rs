//! IAM roles, as far as an export needs them: one bucket, an optional external id, an optional fault.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ACCOUNT_ID, DEFAULT_REGION, Storage, StorageError, buckets};

/// What a role refuses although its bucket would allow it, so that every failure of an export can be seen locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deny {
    /// `sts:AssumeRole`.
    Assume,
    /// `s3:PutObject`.
    Put,
    /// `s3:DeleteObject`.
    Delete,
    /// `kms:GenerateDataKey`: the key that a PUT names for its encryption.
    Kms,
}

impl Deny {
    /// The word used on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assume => "assume",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Kms => "kms",
        }
    }
}

impl FromStr for Deny {
    type Err = StorageError;

    fn from_str(word: &str) -> Result<Self, StorageError> {
        [Self::Assume, Self::Put, Self::Delete, Self::Kms]
            .into_iter()
            .find(|deny| deny.as_str() == word)
            .ok_or_else(|| StorageError::InvalidName(format!("{word:?} is not one of assume, put, delete, kms")))
    }
}

/// A role: it may read, list, write and delete in its bucket, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDefinition {
    /// 1–64 characters of `[A-Za-z0-9_+=,.@-]`.
    pub name: String,
    /// The only bucket that the role reaches.
    pub bucket: String,
    /// What `AssumeRole` must send. `None`: the trust policy asks for no external id, and one that is sent is ignored.
    pub external_id: Option<String>,
    /// The one action that is refused.
    pub deny: Option<Deny>,
}

impl RoleDefinition {
    /// The role's ARN.
    pub fn arn(&self) -> RoleArn {
        RoleArn(format!("arn:aws:iam::{ACCOUNT_ID}:role/{}", self.name))
    }
}

/// `arn:aws:iam::000000000000:role/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// The ARN as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Storage {
    /// Defines the role, or replaces its definition, and creates its bucket in [`DEFAULT_REGION`] when there is none.
    /// Sessions that exist follow the new definition from their next request on.
    pub fn define_role(&self, role: &RoleDefinition) -> Result<RoleArn, StorageError> {
        self.replace_role(role)?;
        Ok(role.arn())
    }

    /// The same; answers whether another definition stood there before.
    pub(crate) fn replace_role(&self, role: &RoleDefinition) -> Result<bool, StorageError> {
        if !is_role_name(&role.name) {
            return Err(StorageError::InvalidName(format!("{:?} is not a role name", role.name)));
        }
        buckets::check_name(&role.bucket)?;
        self.write_now(|transaction| {
            let replaced = find(transaction, &role.name)?.is_some_and(|other| other != *role);
            buckets::create(transaction, &role.bucket, DEFAULT_REGION)?;
            transaction.execute(
                "INSERT OR REPLACE INTO role (name, bucket, external_id, deny) VALUES (?1, ?2, ?3, ?4)",
                params![role.name, role.bucket, role.external_id, role.deny.map(Deny::as_str)],
            )?;
            Ok(replaced)
        })
    }
}

pub(super) fn find(connection: &Connection, name: &str) -> Result<Option<RoleDefinition>, StorageError> {
    let row = connection
        .prepare_cached("SELECT bucket, external_id, deny FROM role WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?)))
        .optional()?;
    let Some((bucket, external_id, deny)) = row else {
        return Ok(None);
    };
    let deny = deny.as_deref().map(str::parse).transpose().map_err(|error| StorageError::Corrupt(Box::new(error)))?;
    Ok(Some(RoleDefinition { name: name.to_owned(), bucket, external_id, deny }))
}

fn is_role_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// `[\w+=,.@-]`, the alphabet that IAM gives to role names and session names.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}
