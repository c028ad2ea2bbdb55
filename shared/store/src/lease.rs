use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use sporlog_auth::TenantScope;
use sporlog_model::export::SegmentPlan;
use sporlog_model::{Instant, RunId};

use crate::export_state::parse_state;
use crate::row::Row;
use crate::table::{Change, text};
use crate::{ExportConfig, ExportState, RunStatus, Store, StoreError, keys};

/// For how long a run may be silent before another takes over. Longer than the function may run, so that a run which is
/// alive is never taken for dead.
const LEASE: Duration = Duration::from_secs(330);

/// The right to change one organization's export state. Lost when another run takes it over; every change checks.
#[derive(Debug)]
pub struct Lease {
    scope: TenantScope,
    run: RunId,
    /// When the export was configured last, as far as this run knows.
    configured_at: Option<String>,
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
        let key = keys::export_state(scope.org());
        let now = self.clock.now();
        let asked = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("SET lease_run = :run, lease_until = :until")
            // Its own lease as well: the client sends the request again when an answer was lost.
            .condition_expression(
                "attribute_exists(pk) AND \
                 (attribute_not_exists(lease_run) OR lease_until < :now OR lease_run = :run)",
            )
            .expression_attribute_values(":run", text(run.to_string()))
            .expression_attribute_values(":until", text(now.plus(LEASE).to_string()))
            .expression_attribute_values(":now", text(now.to_string()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let before = match asked {
            Ok(output) => Row(output.attributes.unwrap_or_default()),
            Err(error) => {
                return match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                        // Without an item there never was an export.
                        Ok(if failed.item().is_some() { LeaseAttempt::Busy } else { LeaseAttempt::Disabled })
                    }
                    _ => Err(error.into()),
                };
            }
        };
        let configured_at = before.optional_text("configured_at").map(str::to_owned);
        let lease = Lease { scope: scope.clone(), run, configured_at };
        // Read under the lease: what an administrator changes from here on, the next run sees.
        match self.export_config(scope).await? {
            Some(config) if config.enabled => Ok(LeaseAttempt::Held {
                lease,
                config: Box::new(config),
                state: Box::new(parse_state(&before)?),
                taken_over: before
                    .parse_optional("lease_run", |text| RunId::parse(text).ok())?
                    .filter(|other| *other != run),
            }),
            _ => {
                self.release_lease(lease).await?;
                match self.clear_due(scope).await {
                    // Switched on in this moment: then it is due and the next tick takes it.
                    Ok(()) | Err(StoreError::Conflict) => Ok(LeaseAttempt::Disabled),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Gives the lease back without a word, so that the next run need not wait for it to run out.
    pub async fn release_lease(&self, lease: Lease) -> Result<(), StoreError> {
        let release = Change::new("REMOVE lease_run, lease_until").only_if("lease_run = :run");
        let release = release.text(":run", lease.run.to_string());
        match self.change(keys::export_state(lease.scope.org()), release).await {
            // Another run has it already.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Keeps the plan of the next segment, before anything of it is written to the bucket; in the place of `replaced`, when
    /// that one can no longer be finished.
    pub async fn persist_plan(
        &self,
        lease: &Lease,
        plan: &SegmentPlan,
        replaced: Option<&SegmentPlan>,
    ) -> Result<(), StoreError> {
        let condition = match replaced {
            None => "lease_run = :run AND attribute_not_exists(#plan)",
            Some(_) => "lease_run = :run AND plan_uri = :replaced",
        };
        let change = Change::new("SET #plan = :plan, plan_uri = :uri, lease_until = :until")
            .only_if(condition)
            .name("#plan", "plan")
            .text(":plan", serde_json::to_string(plan).map_err(|error| StoreError::Refused(Box::new(error)))?)
            .text(":uri", plan.object_uri())
            .text(":until", self.clock.now().plus(LEASE).to_string())
            .text(":run", lease.run.to_string());
        let change = match replaced {
            None => change,
            Some(replaced) => change.text(":replaced", replaced.object_uri()),
        };
        self.change(keys::export_state(lease.scope.org()), change).await
    }

    /// Records that a planned segment and its digest are in the bucket: progress, chain and the run's totals change
    /// together, or not at all.
    pub async fn commit_segment(&self, lease: &Lease, plan: &SegmentPlan) -> Result<(), StoreError> {
        let now = self.clock.now();
        let progress = Change::new(
            "SET exported_to = :to, next_seq = :seq, previous_digest_sha256 = :digest, last_exported_at = :now, \
             lease_until = :until REMOVE #plan, plan_uri",
        )
        .only_if("lease_run = :run AND plan_uri = :uri")
        .name("#plan", "plan")
        .text(":to", plan.window_end.to_string())
        .number(":seq", plan.last_seq + 1)
        .text(":digest", plan.digest_sha256())
        .text(":now", now.to_string())
        .text(":until", now.plus(LEASE).to_string())
        .text(":run", lease.run.to_string())
        .text(":uri", plan.object_uri());
        let totals = Self::run_exported(plan)?;
        self.transact(vec![
            self.update(keys::export_state(lease.scope.org()), progress),
            self.update(keys::run(lease.scope.org(), lease.run), totals),
        ])
        .await
    }

    /// Ends a run and gives the lease back. The export is due again at `due_at`; at once if somebody changed the
    /// configuration during a run that failed, since that may have mended it.
    pub async fn finish_run(
        &self,
        lease: Lease,
        status: RunStatus,
        error: Option<(&str, &str)>,
        due_at: Instant,
    ) -> Result<(), StoreError> {
        if status != RunStatus::Failed {
            return self.end_run(&lease, "lease_run = :run", status, error, due_at).await;
        }
        let unchanged = "lease_run = :run AND configured_at = :configured_at";
        match self.end_run(&lease, unchanged, status, error, due_at).await {
            Err(StoreError::Conflict) => {
                self.end_run(&lease, "lease_run = :run", status, error, self.clock.now()).await
            }
            ended => ended,
        }
    }

    async fn end_run(
        &self,
        lease: &Lease,
        condition: &str,
        status: RunStatus,
        error: Option<(&str, &str)>,
        due_at: Instant,
    ) -> Result<(), StoreError> {
        let org = lease.scope.org();
        let (due_partition, due_sort) = keys::due(org, due_at);
        let due = "SET gsi1pk = :due_pk, gsi1sk = :due_sk REMOVE lease_run, lease_until";
        let mut release = match status {
            RunStatus::Failed => Change::new(format!("{due} ADD consecutive_failures :one")).number(":one", 1),
            RunStatus::Running | RunStatus::Succeeded | RunStatus::Empty => {
                Change::new(format!("{due}, consecutive_failures"))
            }
        };
        if condition.contains(":configured_at") {
            release = release.text(":configured_at", lease.configured_at.as_deref().unwrap_or_default());
        }
        let release = release
            .only_if(condition)
            .text(":due_pk", due_partition)
            .text(":due_sk", due_sort)
            .text(":run", lease.run.to_string());
        let next_attempt_at = (status == RunStatus::Failed).then_some(due_at);
        let end = self.run_ended(status, error, next_attempt_at);
        let items = vec![self.update(keys::export_state(org), release), self.update(keys::run(org, lease.run), end)];
        self.transact(items).await
    }
}
