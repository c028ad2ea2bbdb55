//! What the first start sets up, so that there is something to look at: one organization whose export works and one whose
//! role refuses.

use sporlog_auth::{Service, TenantScope};
use sporlog_model::{
    Actor, AwsRegion, BucketName, Clock, Destination, EntityType, InvalidDestination, KeyPrefix, OrgId, RoleArn, folio,
};
use sporlog_store::{ExportConfig, Store, StoreError};

use crate::s3::{DEFAULT_REGION, Deny, RoleDefinition, Storage, StorageError};

/// The organization whose export works.
pub const DEMO_ORG: &str = "demo";

/// The organization whose role lets nobody in.
pub const REFUSED_ORG: &str = "demo-refused";

/// An order of FOLIO's own samples.
pub const EXAMPLE_ORDER: &str = include_str!("../../events/folio/order.json");

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the demo's names are not valid")]
    Name(#[from] InvalidDestination),
    #[error("the demo's organization ids are not valid")]
    Org(#[from] sporlog_model::InvalidId),
    #[error("the demo's event is not valid")]
    Event(#[from] folio::Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Sets up what is not there yet. What somebody changed stays as it is.
pub async fn set_up(store: &Store, storage: &Storage, clock: &Clock) -> Result<(), DemoError> {
    for (org, deny) in [(DEMO_ORG, None), (REFUSED_ORG, Some(Deny::Assume))] {
        let org = OrgId::parse(org)?;
        let scope = TenantScope::for_service(Service::Provisioning, &org);
        store.put_organization(&scope, None, &Actor::default()).await?;
        if store.export_config(&scope).await?.is_some() {
            continue;
        }
        if deny.is_some() {
            // Without an event there would be nothing to export and so no refusal to see.
            let event = folio::parse_event(EntityType::Order, EXAMPLE_ORDER.as_bytes())?;
            store.append(&scope, &event).await?;
        }
        let external_id = store.export_external_id(&scope).await?;
        let role = RoleDefinition {
            name: format!("{org}-export"),
            bucket: format!("sporlog-{org}"),
            external_id: Some(external_id.as_str().to_owned()),
            deny,
        };
        let arn = storage.define_role(&role)?;
        let now = clock.now();
        let destination = Destination {
            bucket: BucketName::parse(&role.bucket)?,
            region: AwsRegion::parse(DEFAULT_REGION)?,
            role_arn: RoleArn::parse(arn.as_str())?,
            external_id,
            prefix: KeyPrefix::default(),
            kms_key: None,
        };
        let config = ExportConfig::new(destination, true, now);
        store.put_export_config(&scope, &config).await?;
    }
    Ok(())
}
