use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use sporlog_auth::TenantScope;
use sporlog_model::export::SegmentPlan;
use sporlog_model::{Instant, RunId};

use crate::export_state::parse_state;
use crate::row::Row;
use crate::run::RunObject;
use crate::table::{Change, text};
use crate::{ExportConfig, ExportState, RunStatus, Store, StoreError, keys};

/// For how long a run may be silent before another takes over. Longer than the function may run, so that a run which is
/// alive is never taken for dead.
const LEASE: Duration = Duration::from_secs(330);

/// The right to change one organization's export state. Lost when another run takes it over; every change checks.
#[derive(Debug)]
pub struct Lease {
    pub(crate) scope: TenantScope,
    pub(crate) run: RunId,
}

impl Lease {
    /// The run that holds it.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The organization.
    pub fn scope(&self) -> &TenantScope {
        &self.scope
    }
}

/// What came of asking for the lease.
#[derive(Debug)]
pub enum LeaseAttempt {
    Held {
        lease: Lease,
        config: Box<ExportConfig>,
        state: Box<ExportState>,
        /// The run that held the lease before and went silent.
        taken_over: Option<RunId>,
    },
    /// Another run has it.
    Busy,
    /// There is no export, or it is switched off.
    Disabled,
}

impl Store {
    /// Asks for the lease of an organization's export.
    pub async fn acquire_lease(&self, scope: &TenantScope, run: RunId) -> Result<LeaseAttempt, StoreError> {
        let config = match self.export_config(scope).await? {
            Some(config) if config.enabled => config,
            _ => {
                return match self.clear_due(scope).await {
                    // Switched on in this moment: then it is due and the next tick takes it.
                    Ok(()) | Err(StoreError::Conflict) => Ok(LeaseAttempt::Disabled),
                    Err(error) => Err(error),
                };
            }
        };
        let key = keys::export_state(scope.org());
        let now = self.clock.now();
        let asked = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("SET lease_run = :run, lease_until = :until")
            .condition_expression("attribute_not_exists(lease_run) OR lease_until < :now")
            .expression_attribute_values(":run", text(run.to_string()))
            .expression_attribute_values(":until", text(now.plus(LEASE).to_string()))
            .expression_attribute_values(":now", text(now.to_string()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let before = match asked {
            Ok(output) => Row(output.attributes.unwrap_or_default()),
            Err(error)
                if matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) =>
            {
                return Ok(LeaseAttempt::Busy);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(LeaseAttempt::Held {
            lease: Lease { scope: scope.clone(), run },
            config: Box::new(config),
            state: Box::new(parse_state(&before)?),
            taken_over: before.parse_optional("lease_run", |text| RunId::parse(text).ok())?,
        })
    }

    /// Keeps the plan of the next segment, before anything of it is written to the bucket.
    pub async fn persist_plan(&self, lease: &Lease, plan: &SegmentPlan) -> Result<(), StoreError> {
        let change = Change::new("SET #plan = :plan, lease_until = :until")
            .only_if("lease_run = :run AND attribute_not_exists(#plan)")
            .name("#plan", "plan")
            .text(":plan", plan_text(plan)?)
            .text(":until", self.clock.now().plus(LEASE).to_string())
            .text(":run", lease.run.to_string());
        self.transact(vec![self.update(keys::export_state(lease.scope.org()), change)]).await
    }

    /// Records that a planned segment and its digest are in the bucket: progress, chain and the run's totals change
    /// together, or not at all.
    pub async fn commit_segment(
        &self,
        lease: &Lease,
        plan: &SegmentPlan,
        digest_sha256: &str,
        object: &RunObject,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let progress = Change::new(
            "SET exported_to = :to, next_seq = :seq, previous_digest_sha256 = :digest, last_exported_at = :now, \
             lease_until = :until REMOVE #plan",
        )
        .only_if("lease_run = :run AND #plan = :plan")
        .name("#plan", "plan")
        .text(":to", plan.window_end.to_string())
        .number(":seq", plan.last_seq + 1)
        .text(":digest", digest_sha256)
        .text(":now", now.to_string())
        .text(":until", now.plus(LEASE).to_string())
        .text(":run", lease.run.to_string())
        .text(":plan", plan_text(plan)?);
        let object_text = serde_json::to_string(object).map_err(|error| StoreError::Refused(Box::new(error)))?;
        let totals = Change::new(
            "SET objects = list_append(if_not_exists(objects, :none), :object), first_seq = if_not_exists(first_seq, :first), \
             last_seq = :last, window_start = if_not_exists(window_start, :start), window_end = :end, digest_key = :key \
             ADD event_count :events, byte_count :bytes",
        )
        .value(":none", AttributeValue::L(Vec::new()))
        .value(":object", AttributeValue::L(vec![text(object_text)]))
        .number(":first", plan.first_seq)
        .number(":last", plan.last_seq)
        .text(":start", plan.window_start.to_string())
        .text(":end", plan.window_end.to_string())
        .text(":key", &plan.digest_key)
        .number(":events", plan.event_count)
        .number(":bytes", plan.byte_count);
        self.transact(vec![
            self.update(keys::export_state(lease.scope.org()), progress),
            self.update(keys::run(lease.scope.org(), lease.run), totals),
        ])
        .await
    }

    /// Ends a run and gives the lease back. The export is due again at `due_at`.
    pub async fn finish_run(
        &self,
        lease: Lease,
        status: RunStatus,
        error: Option<(&str, &str)>,
        due_at: Instant,
    ) -> Result<(), StoreError> {
        let org = lease.scope.org();
        let (due_partition, due_sort) = keys::due(org, due_at);
        let change = if status == RunStatus::Failed {
            Change::new(
                "SET gsi1pk = :due_pk, gsi1sk = :due_sk REMOVE lease_run, lease_until ADD consecutive_failures :one",
            )
            .number(":one", 1)
        } else {
            Change::new("SET gsi1pk = :due_pk, gsi1sk = :due_sk REMOVE lease_run, lease_until, consecutive_failures")
        };
        let release = change
            .only_if("lease_run = :run")
            .text(":due_pk", due_partition)
            .text(":due_sk", due_sort)
            .text(":run", lease.run.to_string());
        let next_attempt_at = (status == RunStatus::Failed).then_some(due_at);
        let end = self.run_ended(status, error, next_attempt_at);
        self.transact(vec![self.update(keys::export_state(org), release), self.update(keys::run(org, lease.run), end)])
            .await
    }
}

fn plan_text(plan: &SegmentPlan) -> Result<String, StoreError> {
    serde_json::to_string(plan).map_err(|error| StoreError::Refused(Box::new(error)))
}
