use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sporlog_auth::{KeyScope, TenantScope};
use sporlog_model::{Actor, ApiKeyHash, ApiKeyId, ApiKeySecret, EntityId, EntityType, Instant, Name, OrgId};
use tokio::time::timeout;

use crate::org::{CREATE, own_event};
use crate::row::Row;
use crate::table::{Change, text};
use crate::{SortOrder, Store, StoreError, keys};

/// Most keys an organization can have that are not revoked.
pub const MAX_API_KEYS: u64 = 100;

/// How exactly the last use of a key is known.
const TOUCHED_EVERY: Duration = Duration::from_hours(1);

/// How long a caller may wait for the last use to be written down.
const TOUCH_WITHIN: Duration = Duration::from_secs(1);

const REVOKE: &str = "Revoke";

/// A key to the API, as far as it is known: its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub org: OrgId,
    pub name: Name,
    /// The first characters of the key, for people to tell their keys apart.
    pub prefix: String,
    pub scopes: BTreeSet<KeyScope>,
    pub created_at: Instant,
    /// From when on it is refused.
    pub expires_at: Option<Instant>,
    /// Since when it is refused for good.
    pub revoked_at: Option<Instant>,
    /// To within an hour.
    pub last_used_at: Option<Instant>,
    pub hash: ApiKeyHash,
}

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: Name,
    pub scopes: BTreeSet<KeyScope>,
    pub expires_at: Option<Instant>,
}

/// What came of making a key.
#[derive(Debug)]
pub enum ApiKeyCreation {
    Created(Box<ApiKey>),
    /// The organization is not registered.
    NoOrganization,
    /// It has [`MAX_API_KEYS`] keys that are not revoked.
    LimitReached,
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    pub fn is_live(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Store {
    /// Makes `secret` a key to the organization's API.
    ///
    /// One transaction puts the key where its hash finds it, lists it, counts it and records the event: never the secret, nor
    /// its hash, in the log.
    pub async fn create_api_key(
        &self,
        scope: &TenantScope,
        secret: &ApiKeySecret,
        new: &NewApiKey,
        by: &Actor,
    ) -> Result<ApiKeyCreation, StoreError> {
        let org = scope.org();
        let key = ApiKey {
            id: ApiKeyId::random(),
            org: org.clone(),
            name: new.name.clone(),
            prefix: secret.prefix().to_owned(),
            scopes: new.scopes.clone(),
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            hash: secret.hash(),
        };
        let counted = Change::new("ADD live_keys :one")
            .only_if("attribute_exists(pk) AND (attribute_not_exists(live_keys) OR live_keys < :most)")
            .number(":one", 1)
            .number(":most", MAX_API_KEYS);
        let listed = Row::at(keys::api_key_entry(org, key.id)).with_text("hash", key.hash.as_str());
        let items = vec![self.update(keys::org(org), counted), self.create(listed), self.create(key_row(&key))];
        let event = own_event(API_KEY, EntityId::from(key.id), key.created_at, CREATE, by, None, document(&key))?;
        match self.append_with(scope, &event, items).await {
            Ok(_) => Ok(ApiKeyCreation::Created(Box::new(key))),
            Err(StoreError::Conflict) if self.organization(scope).await?.is_none() => {
                Ok(ApiKeyCreation::NoOrganization)
            }
            // Ids and hashes are random, so it was the count.
            Err(StoreError::Conflict) => Ok(ApiKeyCreation::LimitReached),
            Err(error) => Err(error),
        }
    }

    /// The organization's keys that are not revoked, newest first; `before` continues an earlier list.
    pub async fn api_keys(
        &self,
        scope: &TenantScope,
        before: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let partition = keys::api_keys_partition(scope.org());
        let mut request = self.range(&partition, keys::API_KEY_PREFIX, SortOrder::Descending);
        if let Some(before) = before {
            let key = keys::api_key_entry(scope.org(), before);
            request = request.exclusive_start_key("pk", text(key.pk)).exclusive_start_key("sk", text(key.sk));
        }
        let entries = self.slice(request, 0, limit).await?;
        let hashes: Vec<ApiKeyHash> = entries.iter().map(entry_hash).collect::<Result<_, _>>()?;
        let mut rows = self.batch_get(hashes.iter().map(keys::api_key)).await?;
        let listed = hashes.iter().map(|hash| {
            let key = keys::api_key(hash);
            // Entry and key are written in one transaction, and a key is never removed.
            rows.remove(&key).ok_or_else(|| key.missing())
        });
        let found = listed.map(|row| parse_key(&row?)).collect::<Result<Vec<_>, _>>()?;
        // Revoked between the two reads.
        Ok(found.into_iter().filter(|key| key.revoked_at.is_none()).collect())
    }

    /// Makes a key useless from now on. [`StoreError::NotFound`] when the organization has no such key, or has revoked it.
    pub async fn revoke_api_key(&self, scope: &TenantScope, id: ApiKeyId, by: &Actor) -> Result<(), StoreError> {
        let org = scope.org();
        let entry = self.get(keys::api_key_entry(org, id)).await?.ok_or(StoreError::NotFound)?;
        let hash = entry_hash(&entry)?;
        let key = self.api_key_by_hash(&hash).await?.ok_or(StoreError::NotFound)?;
        let now = self.clock.now();
        let revoked = ApiKey { revoked_at: Some(now), ..key.clone() };
        let refuse = Change::new("SET revoked_at = :now")
            .only_if("attribute_exists(pk) AND attribute_not_exists(revoked_at) AND org = :org")
            .text(":now", now.to_string())
            .text(":org", org.as_str());
        let discounted = Change::new("ADD live_keys :less").number(":less", -1);
        let items = vec![
            self.update(keys::api_key(&hash), refuse),
            self.remove(keys::api_key_entry(org, id)),
            self.update(keys::org(org), discounted),
        ];
        let event = own_event(API_KEY, EntityId::from(id), now, REVOKE, by, Some(document(&key)), document(&revoked))?;
        match self.append_with(scope, &event, items).await {
            Ok(_) => Ok(()),
            // Somebody else revoked it in this moment.
            Err(StoreError::Conflict) => Err(StoreError::NotFound),
            Err(error) => Err(error),
        }
    }

    /// The key with this hash, whatever has become of it: [`ApiKey::is_live`] tells. Takes no [`TenantScope`], since the key
    /// is what says for which organization a scope can be made. Strongly consistent, so that a revoked key is seen as such.
    pub async fn api_key_by_hash(&self, hash: &ApiKeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.get(keys::api_key(hash)).await?.as_ref().map(parse_key).transpose()
    }

    /// Notes that the key is used now, at most once an hour. Whoever uses the key must not suffer when this fails, so it
    /// takes a second at most and a failure is only logged.
    pub async fn touch_api_key(&self, key: &ApiKey) {
        let now = self.clock.now();
        let an_hour_ago = now.minus(TOUCHED_EVERY);
        if key.last_used_at.is_some_and(|last_used_at| last_used_at > an_hour_ago) {
            return;
        }
        let change = Change::new("SET last_used_at = :now")
            .only_if("attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at <= :hour_ago)")
            .text(":now", now.to_string())
            .text(":hour_ago", an_hour_ago.to_string());
        match timeout(TOUCH_WITHIN, self.write(keys::api_key(&key.hash), change)).await {
            // A conflict: another request noted it in this moment.
            Ok(Ok(()) | Err(StoreError::Conflict)) => {}
            Ok(Err(error)) => {
                let cause = sporlog_model::error_chain(&error);
                tracing::warn!(org = %key.org, key = %key.id, cause, "the last use of a key was not noted");
            }
            Err(_) => {
                tracing::warn!(org = %key.org, key = %key.id, "the last use of a key was not noted in time");
            }
        }
    }
}

const API_KEY: EntityType = EntityType::ApiKey;

fn key_row(key: &ApiKey) -> Row {
    Row::at(keys::api_key(&key.hash))
        .with_text("org", key.org.as_str())
        .with_text("id", key.id.to_string())
        .with_text("name", key.name.as_str())
        .with_text("prefix", &key.prefix)
        .with_text("scopes", key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" "))
        .with_text("created_at", key.created_at.to_string())
        .with_optional("expires_at", key.expires_at.map(|instant| instant.to_string()))
}

fn parse_key(row: &Row) -> Result<ApiKey, StoreError> {
    let instant = |text: &str| Instant::parse(text).ok();
    let scopes = |text: &str| text.split_ascii_whitespace().map(KeyScope::from_name).collect();
    Ok(ApiKey {
        id: row.parse("id", |text| ApiKeyId::parse(text).ok())?,
        org: row.parse("org", |text| OrgId::parse(text).ok())?,
        name: row.parse("name", |text| Name::parse(text).ok())?,
        prefix: row.text("prefix")?.to_owned(),
        scopes: row.parse("scopes", scopes)?,
        created_at: row.parse("created_at", instant)?,
        expires_at: row.parse_optional("expires_at", instant)?,
        revoked_at: row.parse_optional("revoked_at", instant)?,
        last_used_at: row.parse_optional("last_used_at", instant)?,
        hash: row.parse("pk", keys::parse_api_key)?,
    })
}

fn entry_hash(row: &Row) -> Result<ApiKeyHash, StoreError> {
    row.parse("hash", ApiKeyHash::parse)
}

/// The key as the log tells it.
fn document(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name.as_str(),
        "prefix": key.prefix,
        "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        "createdAt": key.created_at.to_string(),
        "expiresAt": key.expires_at.map(|instant| instant.to_string()),
        "revokedAt": key.revoked_at.map(|instant| instant.to_string()),
    })
}
