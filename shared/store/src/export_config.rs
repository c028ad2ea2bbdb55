use serde_json::{Value, json};
use sporlog_auth::TenantScope;
use sporlog_model::{
    Actor, AwsRegion, BucketName, Destination, EntityId, EntityType, ExportConfigId, ExternalId, Instant, KeyPrefix,
    KmsKey, OrgId, RoleArn, RunId,
};
use std::time::Duration;

use crate::export_state::config_row;
use crate::org::{CREATE, EDIT, own_event};
use crate::row::Row;
use crate::table::{Backoff, Change};
use crate::{ConnectionTest, ExportConfig, Store, StoreError, keys};

/// What a caller wants an export to be. The external id is not the caller's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportChange {
    pub bucket: BucketName,
    pub region: AwsRegion,
    pub role_arn: RoleArn,
    pub prefix: KeyPrefix,
    pub kms_key: Option<KmsKey>,
    pub enabled: bool,
}

/// A configuration that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutExportConfig {
    pub config: ExportConfig,
    /// Whether it was switched on by this change.
    pub switched_on: bool,
}

impl ExportChange {
    /// Where this points.
    pub fn destination(&self, external_id: ExternalId) -> Destination {
        let Self { bucket, region, role_arn, prefix, kms_key, enabled: _ } = self.clone();
        Destination { bucket, region, role_arn, external_id, prefix, kms_key }
    }
}

impl Store {
    /// The external id of an organization. Issued at the first need, and the same ever after, also for those who need it
    /// first at once.
    pub async fn export_external_id(&self, scope: &TenantScope) -> Result<ExternalId, StoreError> {
        let key = || keys::export_external_id(scope.org());
        let read = |row: &Row| row.parse("external_id", |text| ExternalId::parse(text).ok());
        if let Some(row) = self.get(key()).await? {
            return read(&row);
        }
        let issued = Change::new("SET external_id = :id, created_at = :now")
            .only_if("attribute_not_exists(pk)")
            .text(":id", ExternalId::random().as_str())
            .text(":now", self.clock.now().to_string());
        match self.write(key(), issued).await {
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        // What is there now, whoever put it.
        read(&self.get(key()).await?.ok_or_else(|| key().missing())?)
    }

    /// Configures an export, and records that in the organization's log, in the same transaction. `decide` says what it is to
    /// be, given what it is, or why not; it is asked again when somebody else was faster. Progress is kept; an enabled export
    /// is due at once.
    pub async fn change_export_config<R>(
        &self,
        scope: &TenantScope,
        by: &Actor,
        decide: impl Fn(Option<&ExportConfig>) -> Result<ExportChange, R>,
    ) -> Result<Result<PutExportConfig, R>, StoreError> {
        let external_id = self.export_external_id(scope).await?;
        let org = scope.org();
        let mut backoff = Backoff::default();
        loop {
            let before = self.export_config(scope).await?;
            let change = match decide(before.as_ref()) {
                Ok(change) => change,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let config = changed(before.as_ref(), &change, external_id.clone(), self.clock.now());
            let (action, write) = match &before {
                None => (CREATE, self.create(config_row(org, &config))),
                Some(before) => (EDIT, self.update(keys::export_config(org), edit(before, &config))),
            };
            let document = |config: &ExportConfig| document(org, config);
            let event = own_event(
                EntityType::ExportConfig,
                EntityId::from(config.id),
                config.updated_at,
                action,
                by,
                before.as_ref().map(document),
                document(&config),
            )?;
            let items = std::iter::once(write).chain(self.configured(org, &config, &self.table_id().await?)).collect();
            match self.append_with(scope, &event, items).await {
                Ok(_) => {
                    let switched_on = config.enabled && before.is_none_or(|before| !before.enabled);
                    return Ok(Ok(PutExportConfig { config, switched_on }));
                }
                // Somebody else changed it since it was read.
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes what came of testing `tested`, if that is still what is configured.
    pub async fn note_connection_test(
        &self,
        scope: &TenantScope,
        tested: &Destination,
        test: &ConnectionTest,
    ) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let Some(config) = self.export_config(scope).await? else { return Ok(()) };
            // Or a later test was faster.
            let later = config.last_test.as_ref().is_some_and(|known| known.at > test.at);
            if config.destination != *tested || later {
                return Ok(());
            }
            let note = match &test.error {
                None => Change::new("SET tested_at = :at REMOVE test_error"),
                Some(error) => Change::new("SET tested_at = :at, test_error = :error").text(":error", error),
            };
            let note = note
                .only_if("version = :version AND (attribute_not_exists(tested_at) OR tested_at <= :at)")
                .text(":at", test.at.to_string())
                .number(":version", config.version);
            match self.write(keys::export_config(scope.org()), note).await {
                // Configured anew since it was read, maybe as something else; or tested.
                Err(StoreError::Conflict) => backoff.pause(StoreError::Conflict).await?,
                done => return done,
            }
        }
    }

    /// Records that a caller asks for a run, before it is started.
    pub async fn record_run_request(
        &self,
        scope: &TenantScope,
        config: ExportConfigId,
        run: RunId,
        by: &Actor,
    ) -> Result<(), StoreError> {
        let (entity, now) = (EntityType::ExportConfig, self.clock.now());
        let event = own_event(entity, EntityId::from(config), now, START_RUN, by, None, json!({"runId": run}))?;
        self.append(scope, &event).await.map(|_| ())
    }
}

const START_RUN: &str = "StartRun";

fn changed(
    before: Option<&ExportConfig>,
    change: &ExportChange,
    external_id: ExternalId,
    now: Instant,
) -> ExportConfig {
    let destination = change.destination(external_id);
    let Some(before) = before else { return ExportConfig::new(destination, change.enabled, now) };
    // After the change before, also where that was by the faster clock of another server: the history is in order.
    let now = now.max(before.updated_at.plus(Duration::from_micros(1)));
    let old = &before.destination;
    let same_role = old.role_arn == destination.role_arn;
    let same_target = same_role && old.bucket == destination.bucket && old.region == destination.region;
    ExportConfig {
        id: before.id,
        enabled: change.enabled,
        switched_off: None,
        last_test: before.last_test.clone().filter(|_| same_target),
        version: before.version + 1,
        role_since: if same_role { before.role_since } else { now },
        created_at: before.created_at,
        updated_at: now,
        destination,
    }
}

/// How the item changes. A test that is noted meanwhile stays, unless it is of another target.
fn edit(before: &ExportConfig, after: &ExportConfig) -> Change {
    let Destination { bucket, region, role_arn, external_id, prefix, kms_key } = &after.destination;
    let mut set = "SET #bucket = :bucket, #region = :region, role_arn = :role_arn, external_id = :external_id, \
                   prefix = :prefix, enabled = :enabled, version = :version, role_since = :role_since, \
                   updated_at = :updated_at"
        .to_owned();
    let mut remove = vec!["disabled_reason", "disabled_at"];
    if kms_key.is_some() {
        set.push_str(", kms_key = :kms_key");
    } else {
        remove.push("kms_key");
    }
    let moved = before.role_since != after.role_since
        || before.destination.bucket != *bucket
        || before.destination.region != *region;
    if moved {
        remove.extend(["tested_at", "test_error"]);
    }
    let change = Change::new(format!("{set} REMOVE {}", remove.join(", ")))
        // Sporlog may have switched the export off since it was read.
        .only_if("version = :before AND enabled = :was_enabled")
        // Reserved words.
        .name("#bucket", "bucket")
        .name("#region", "region")
        .number(":before", before.version)
        .flag(":was_enabled", before.enabled)
        .text(":bucket", bucket.as_str())
        .text(":region", region.as_str())
        .text(":role_arn", role_arn.as_str())
        .text(":external_id", external_id.as_str())
        .text(":prefix", prefix.as_str())
        .flag(":enabled", after.enabled)
        .number(":version", after.version)
        .text(":role_since", after.role_since.to_string())
        .text(":updated_at", after.updated_at.to_string());
    match kms_key {
        Some(key) => change.text(":kms_key", key.as_str()),
        None => change,
    }
}

/// What the log tells of a configuration: the role masked, and since when it is that one; the external id not at all.
fn document(org: &OrgId, config: &ExportConfig) -> Value {
    let Destination { bucket, region, role_arn, external_id: _, prefix, kms_key } = &config.destination;
    json!({
        "id": config.id, "orgId": org, "bucket": bucket, "region": region, "roleArnMasked": role_arn.masked(),
        "roleSince": config.role_since.to_string(), "prefix": prefix, "kmsKeyId": kms_key, "enabled": config.enabled,
        "createdAt": config.created_at.to_string(), "updatedAt": config.updated_at.to_string(),
    })
}
