use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use sporlog_auth::TenantScope;
use sporlog_model::export::{SegmentPlan, Stream};
use sporlog_model::{
    AwsRegion, BucketName, Destination, ExportConfigId, ExternalId, Instant, KeyPrefix, KmsKey, OrgId, RoleArn,
};

use crate::behind::Waiting;
use crate::keys;
use crate::row::Row;
use crate::table::Change;
use crate::{Store, StoreError, TableId};

/// In which table the state came to be what it is. It goes along when the item is restored or copied, and tells there.
pub(crate) const TABLE_ID: &str = "table_id";

/// Whether `state`, which is what `row` says, came to be in `table`. One that does not say where is of this table only while
/// nothing was exported by it and nothing is begun: whatever it says otherwise, somebody else wrote it.
pub(crate) fn is_of_table(row: &Row, state: &ExportState, table: &TableId) -> bool {
    match row.optional_text(TABLE_ID) {
        Some(written_in) => written_in == table.as_str(),
        None => state.previous_digest_sha256.is_none() && state.plan.is_none(),
    }
}

/// What an organization configured for its export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportConfig {
    pub id: ExportConfigId,
    pub destination: Destination,
    pub enabled: bool,
    /// Why it is not enabled, when it was Sporlog that switched it off and nobody has configured it since.
    pub switched_off: Option<SwitchedOff>,
    /// The newest test of this very destination.
    pub last_test: Option<ConnectionTest>,
    /// Counts the changes: by it a client says which configuration it has seen.
    pub version: u64,
    /// When the role was named. The log shows it, since it shows the role only masked.
    pub role_since: Instant,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What came of testing whether the export gets into the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionTest {
    pub at: Instant,
    /// The sentence that says what is wrong; `None` when nothing is.
    pub error: Option<String>,
}

impl ExportConfig {
    /// The first configuration of an organization.
    pub fn new(destination: Destination, enabled: bool, now: Instant) -> Self {
        Self {
            id: ExportConfigId::random(),
            destination,
            enabled,
            switched_off: None,
            last_test: None,
            version: 1,
            role_since: now,
            created_at: now,
            updated_at: now,
        }
    }
}

/// How far an organization's export is. Only the holder of the lease changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportState {
    /// The live stream has come so far; `None` before the first run.
    pub exported_to: Option<Instant>,
    /// What was recorded before the export was first switched on and is not exported yet.
    pub backfill: Option<Backfill>,
    /// The sequence number of the next event.
    pub next_seq: u64,
    /// The hash of the newest digest.
    pub previous_digest_sha256: Option<String>,
    /// A segment that was planned and not committed: it must be finished before anything else.
    pub plan: Option<SegmentPlan>,
    /// Failed runs since the last that did not fail.
    pub consecutive_failures: u64,
    /// Since when the destination refuses: the first of the failed runs that met a fault of the configuration, with nothing
    /// exported in between.
    pub config_fault_since: Option<Instant>,
}

/// What a backfill still has to export: what was recorded from `from` up to, not including, `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    pub from: Instant,
    /// Where the live stream begins.
    pub to: Instant,
}

/// Why and when Sporlog switched an export off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// The code of the fault that lasted.
    pub code: String,
    pub at: Instant,
}

impl ExportState {
    /// What was recorded before this is exported.
    pub fn delivered_to(&self) -> Option<Instant> {
        self.backfill.map(|backfill| backfill.from).or(self.exported_to)
    }

    /// How the state is when `plan` is in the bucket.
    #[must_use]
    pub fn after(&self, plan: &SegmentPlan) -> Self {
        let mut after = self.clone();
        match plan.stream {
            Stream::Live => after.exported_to = Some(plan.window_end),
            Stream::Backfill => {
                let left = |backfill: Backfill| Backfill { from: plan.window_end, ..backfill };
                after.backfill = self.backfill.map(left).filter(|left| left.from < left.to);
            }
        }
        after.next_seq = plan.last_seq + 1;
        after.previous_digest_sha256 = Some(plan.digest_sha256());
        after.plan = None;
        after
    }
}

impl Store {
    /// Sets an organization's export up, or changes it, on nobody's behalf: whoever has a caller takes
    /// [`Store::change_export_config`], which tells the log. Progress is kept. An enabled export is due at once.
    pub async fn put_export_config(&self, scope: &TenantScope, config: &ExportConfig) -> Result<(), StoreError> {
        let org = scope.org();
        let mut items = vec![self.replace(config_row(org, config))];
        items.extend(self.configured(org, config, &self.table_id().await?));
        self.transact(items).await
    }

    /// The configuration; `None` before the first.
    pub async fn export_config(&self, scope: &TenantScope) -> Result<Option<ExportConfig>, StoreError> {
        self.get(keys::export_config(scope.org())).await?.as_ref().map(parse_config).transpose()
    }

    /// The progress; `None` before the first configuration.
    pub async fn export_state(&self, scope: &TenantScope) -> Result<Option<ExportState>, StoreError> {
        self.get(keys::export_state(scope.org())).await?.as_ref().map(parse_state).transpose()
    }

    /// Part of a transaction: lets the others happen only while the organization has no export, or has switched it off itself.
    pub(crate) fn export_is_given_up(&self, scope: &TenantScope) -> TransactWriteItem {
        let condition = "attribute_not_exists(pk) OR (enabled = :off AND attribute_not_exists(disabled_at))";
        self.check(keys::export_config(scope.org()), condition, vec![(":off", AttributeValue::Bool(false))])
    }

    /// Part of a transaction: lets the others happen only while the export is switched off, or there is none.
    pub(crate) fn export_is_off(&self, scope: &TenantScope) -> TransactWriteItem {
        let condition = "attribute_not_exists(pk) OR enabled = :off";
        self.check(keys::export_config(scope.org()), condition, vec![(":off", AttributeValue::Bool(false))])
    }

    /// Takes an organization whose export is switched off out of the due index, unless it was switched on meanwhile.
    pub(crate) async fn clear_due(&self, scope: &TenantScope, waiting: Waiting) -> Result<(), StoreError> {
        let org = scope.org();
        let remove = Change::new("REMOVE gsi1pk, gsi1sk, behind_since");
        let mut items = vec![self.export_is_off(scope), self.update(keys::export_state(org), remove)];
        items.extend(waiting.is_behind().then(|| self.leave_behind_index(org)));
        self.transact(items).await
    }

    /// Part of a transaction that configures the export: what follows for its state. Nobody waits for an export that is
    /// switched off; one that is behind and was configured anew still is.
    pub(crate) fn configured(&self, org: &OrgId, config: &ExportConfig, table: &TableId) -> Vec<TransactWriteItem> {
        let mut items = vec![self.update(keys::export_state(org), state_when_configured(org, config, table))];
        items.extend((!config.enabled).then(|| self.leave_behind_index(org)));
        items
    }
}

/// How the state changes when the export is configured. The first time it says in which table that was; later it does not,
/// or a state that lacks it would be adopted where it may not belong.
fn state_when_configured(org: &OrgId, config: &ExportConfig, table: &TableId) -> Change {
    let first = config.version == 1;
    let mut set = "SET configured_at = :now".to_owned();
    if first {
        set = format!("{set}, {TABLE_ID} = if_not_exists({TABLE_ID}, :table)");
    }
    // A changed configuration may have mended what failed, so the failures are forgotten and nothing waits.
    let due = if config.enabled {
        let (partition, sort) = keys::due(org, config.updated_at);
        Change::new(format!(
            "{set}, gsi1pk = :due_pk, gsi1sk = :due_sk REMOVE consecutive_failures, config_fault_since"
        ))
        .text(":due_pk", partition)
        .text(":due_sk", sort)
    } else {
        Change::new(format!("{set} REMOVE consecutive_failures, config_fault_since, behind_since, gsi1pk, gsi1sk"))
    };
    let due = due.text(":now", config.updated_at.to_string());
    if first { due.text(":table", table.as_str()) } else { due }
}

/// The item, whole.
pub(crate) fn config_row(org: &OrgId, config: &ExportConfig) -> Row {
    let Destination { bucket, region, role_arn, external_id, prefix, kms_key } = &config.destination;
    let row = Row::at(keys::export_config(org))
        .with_text("id", config.id.to_string())
        .with_text("bucket", bucket.as_str())
        .with_text("region", region.as_str())
        .with_text("role_arn", role_arn.as_str())
        .with_text("external_id", external_id.as_str())
        .with_text("prefix", prefix.as_str())
        .with_optional("kms_key", kms_key.as_ref().map(KmsKey::as_str))
        .with_flag("enabled", config.enabled)
        .with_optional("disabled_reason", config.switched_off.as_ref().map(|off| off.code.as_str()))
        .with_optional("disabled_at", config.switched_off.as_ref().map(|off| off.at.to_string()))
        .with_number("version", config.version)
        .with_text("role_since", config.role_since.to_string())
        .with_text("created_at", config.created_at.to_string())
        .with_text("updated_at", config.updated_at.to_string());
    match &config.last_test {
        Some(ConnectionTest { at, error }) => {
            row.with_text("tested_at", at.to_string()).with_optional("test_error", error.as_deref())
        }
        None => row,
    }
}

fn parse_config(row: &Row) -> Result<ExportConfig, StoreError> {
    let instant = |text: &str| Instant::parse(text).ok();
    let last_test = row.parse_optional("tested_at", instant)?.map(|at| {
        let error = row.optional_text("test_error").map(str::to_owned);
        ConnectionTest { at, error }
    });
    let switched_off = row.parse_optional("disabled_at", instant)?.map(|at| {
        let code = row.text("disabled_reason")?.to_owned();
        Ok::<_, StoreError>(SwitchedOff { code, at })
    });
    Ok(ExportConfig {
        id: row.parse("id", |text| ExportConfigId::parse(text).ok())?,
        destination: Destination {
            bucket: row.parse("bucket", |text| BucketName::parse(text).ok())?,
            region: row.parse("region", |text| AwsRegion::parse(text).ok())?,
            role_arn: row.parse("role_arn", |text| RoleArn::parse(text).ok())?,
            external_id: row.parse("external_id", |text| ExternalId::parse(text).ok())?,
            prefix: row.parse("prefix", |text| KeyPrefix::parse(text).ok())?,
            kms_key: row.parse_optional("kms_key", |text| KmsKey::parse(text).ok())?,
        },
        enabled: row.flag("enabled")?,
        switched_off: switched_off.transpose()?,
        last_test,
        version: row.count("version")?,
        role_since: row.parse("role_since", instant)?,
        created_at: row.parse("created_at", instant)?,
        updated_at: row.parse("updated_at", instant)?,
    })
}

pub(crate) fn parse_state(row: &Row) -> Result<ExportState, StoreError> {
    let instant = |text: &str| Instant::parse(text).ok();
    let from = row.parse_optional("backfill_from", instant)?;
    let to = row.parse_optional("backfill_to", instant)?;
    let backfill = match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) => Some(Backfill { from, to }),
        (None, Some(_)) => return Err(row.corrupt("backfill_from")),
        (Some(_), None) => return Err(row.corrupt("backfill_to")),
    };
    Ok(ExportState {
        exported_to: row.parse_optional("exported_to", instant)?,
        backfill,
        next_seq: row.count("next_seq")?.max(1),
        previous_digest_sha256: row.optional_text("previous_digest_sha256").map(str::to_owned),
        plan: row.parse_optional("plan", |json| serde_json::from_str(json).ok())?,
        consecutive_failures: row.count("consecutive_failures")?,
        config_fault_since: row.parse_optional("config_fault_since", instant)?,
    })
}
