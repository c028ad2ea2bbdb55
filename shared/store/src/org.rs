use serde_json::json;
use sporlog_auth::TenantScope;
use sporlog_model::{Action, Actor, EntityId, EntityType, Event, EventId, Instant, JsonObject, Name, OrgId};

use crate::row::Row;
use crate::table::{Backoff, Change};
use crate::{Store, StoreError, keys};

/// An organization that is registered. Events of others are taken as well; only what callers set up wants a registered one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: OrgId,
    pub name: Option<Name>,
    pub created_at: Instant,
}

/// What came of registering an organization: how it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOrganization {
    /// It was not there.
    Created(Organization),
    /// It was there; its name may have changed.
    Known(Organization),
}

impl Store {
    /// Registers an organization, or renames it. Without a name, a known one keeps its own. What changes something is
    /// recorded in the organization's log, in the same transaction.
    pub async fn put_organization(
        &self,
        scope: &TenantScope,
        name: Option<&Name>,
        by: &Actor,
    ) -> Result<PutOrganization, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let changed = match self.organization(scope).await? {
                None => self.create_organization(scope, name, by).await.map(PutOrganization::Created),
                Some(known) if name.is_none() || name == known.name.as_ref() => Ok(PutOrganization::Known(known)),
                Some(known) => self.rename_organization(scope, known, name, by).await.map(PutOrganization::Known),
            };
            match changed {
                // Somebody else changed it since it was read.
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                settled => return settled,
            }
        }
    }

    /// The organization; `None` when it is not registered.
    pub async fn organization(&self, scope: &TenantScope) -> Result<Option<Organization>, StoreError> {
        let row = self.get(keys::org(scope.org())).await?;
        row.map(|row| parse_organization(&row, scope.org())).transpose()
    }

    async fn create_organization(
        &self,
        scope: &TenantScope,
        name: Option<&Name>,
        by: &Actor,
    ) -> Result<Organization, StoreError> {
        let created_at = self.clock.now();
        let created = Organization { id: scope.org().clone(), name: name.cloned(), created_at };
        let row = Row::at(keys::org(scope.org()))
            .with_optional("name", name.map(Name::as_str))
            .with_text("created_at", created_at.to_string());
        let event = event(created_at, CREATE, by, None, &created)?;
        self.append_with(scope, &event, vec![self.create(row)]).await?;
        Ok(created)
    }

    async fn rename_organization(
        &self,
        scope: &TenantScope,
        known: Organization,
        name: Option<&Name>,
        by: &Actor,
    ) -> Result<Organization, StoreError> {
        let renamed = Organization { name: name.cloned(), ..known.clone() };
        let condition = if known.name.is_some() { "#name = :before" } else { "attribute_not_exists(#name)" };
        let mut change = Change::new("SET #name = :name")
            .only_if(format!("attribute_exists(pk) AND {condition}"))
            .name("#name", "name")
            .text(":name", name.map_or("", Name::as_str));
        if let Some(before) = &known.name {
            change = change.text(":before", before.as_str());
        }
        let event = event(self.clock.now(), EDIT, by, Some(&known), &renamed)?;
        self.append_with(scope, &event, vec![self.update(keys::org(scope.org()), change)]).await?;
        Ok(renamed)
    }
}

pub(crate) const CREATE: &str = "Create";
pub(crate) const EDIT: &str = "Edit";

fn parse_organization(row: &Row, org: &OrgId) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: org.clone(),
        name: row.parse_optional("name", |text| Name::parse(text).ok())?,
        created_at: row.parse("created_at", |text| Instant::parse(text).ok())?,
    })
}

fn event(
    at: Instant,
    action: &str,
    by: &Actor,
    before: Option<&Organization>,
    after: &Organization,
) -> Result<Event, StoreError> {
    let document = |organization: &Organization| {
        let Organization { id, name, created_at } = organization;
        json!({"id": id, "name": name.as_ref().map(Name::as_str), "createdAt": created_at.to_string()})
    };
    let (before, after_document) = (before.map(document), document(after));
    own_event(EntityType::Org, EntityId::from(&after.id), at, action, by, before, after_document)
}

/// An event that Sporlog is the producer of: what a caller changed in it.
pub(crate) fn own_event(
    entity_type: EntityType,
    entity_id: EntityId,
    at: Instant,
    action: &str,
    by: &Actor,
    before: Option<serde_json::Value>,
    after: serde_json::Value,
) -> Result<Event, StoreError> {
    let object = |value: serde_json::Value| {
        JsonObject::parse(&value.to_string()).map_err(|error| StoreError::Refused(Box::new(error)))
    };
    Ok(Event {
        id: EventId::random(),
        entity_type,
        entity_id,
        action: Action::parse(action).ok_or_else(|| StoreError::Refused("no name of an action".into()))?,
        actor: by.clone(),
        occurred_at: at,
        published_at: None,
        parent_id: None,
        data: Some(object(after)?),
        original: before.map(object).transpose()?,
    })
}
