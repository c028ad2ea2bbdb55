use std::time::Duration;

use sporlog_auth::TenantScope;
use sporlog_model::{ExportConfigId, Instant, RunId};

use crate::behind::Waiting;
use crate::export_state::{TABLE_ID, is_of_table, parse_state};
use crate::table::Change;
use crate::{ExportConfig, ExportState, RunTrigger, Store, StoreError, keys};

/// For how long a run may be silent before another takes over. Longer than the function may run, so that a run which is
/// alive is never taken for dead.
pub(crate) const LEASE: Duration = Duration::from_secs(330);

/// The right to change one organization's export state. Lost when another run takes it over; every change checks.
///
/// In the state's item, `lease_run` is the last run that had it and `lease_until` is there while that run has it.
#[derive(Debug)]
pub struct Lease {
    scope: TenantScope,
    run: RunId,
    /// The configuration that this run goes by.
    config: ExportConfigId,
    /// When the export was configured last, as far as this run knows.
    pub(crate) configured_at: String,
    /// Since when the organization waits, by what runs before this one have done.
    pub(crate) waiting: Waiting,
}

impl Lease {
    /// The run that holds it.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The configuration that it goes by.
    pub(crate) fn config(&self) -> ExportConfigId {
        self.config
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
        /// Whether the state was written in this table. If not, the table was restored or the organization moved, and the
        /// bucket may be ahead: nothing may be exported until [`Store::resume_export`].
        of_this_table: bool,
    },
    /// Another run has it.
    Busy,
    /// There is no export, or it is switched off.
    Disabled,
}

impl Store {
    /// Begins a run, if no other run of the organization's export is alive.
    ///
    /// A run that the schedule starts while a backfill is unfinished is recorded as one of the backfill.
    ///
    /// One transaction takes the lease, puts the run on record and, if a run before went silent, says so in its record: at no
    /// point is there a lease without a run, or a dead run that seems to be alive.
    pub async fn acquire_lease(
        &self,
        scope: &TenantScope,
        run: RunId,
        trigger: RunTrigger,
    ) -> Result<LeaseAttempt, StoreError> {
        let org = scope.org();
        let Some(before) = self.get(keys::export_state(org)).await? else { return Ok(LeaseAttempt::Disabled) };
        let config = match self.export_config(scope).await? {
            Some(config) if config.enabled => config,
            _ => {
                return match self.clear_due(scope, Waiting::of(&before)?).await {
                    // Switched on in this moment: then it is due and the next tick takes it.
                    Ok(()) | Err(StoreError::Conflict) => Ok(LeaseAttempt::Disabled),
                    Err(error) => Err(error),
                };
            }
        };
        let now = self.clock.now();
        let last_run = before.parse_optional("lease_run", |text| RunId::parse(text).ok())?;
        let held_until = before.parse_optional("lease_until", |text| Instant::parse(text).ok())?;
        if held_until.is_some_and(|until| until >= now) {
            return Ok(LeaseAttempt::Busy);
        }
        let waiting = Waiting::of(&before)?;
        let mut state = parse_state(&before)?;
        let silent = last_run.filter(|_| held_until.is_some());
        let configured_at = before.text("configured_at")?.to_owned();
        // Configuration and state are still those that were read: nobody configured the export, no run came and went, and
        // one that was silent has not come back.
        let holder = if last_run.is_some() { "lease_run = :last" } else { "attribute_not_exists(lease_run)" };
        let free = if held_until.is_some() { "lease_until < :now" } else { "attribute_not_exists(lease_until)" };
        let table = self.table_id().await?;
        let of_this_table = is_of_table(&before, &state, &table);
        // Nor was it handed over to another table meanwhile.
        let here = format!("(attribute_not_exists({TABLE_ID}) OR {TABLE_ID} = :table)");
        let place = if of_this_table { here.as_str() } else { "attribute_exists(pk)" };
        let mut expression = "SET lease_run = :run, lease_until = :until".to_owned();
        if of_this_table {
            expression = format!("{expression}, {TABLE_ID} = if_not_exists({TABLE_ID}, :table)");
        }
        if silent.is_some() {
            // A run that went silent failed, if only nobody was left to say so.
            state.consecutive_failures += 1;
            expression.push_str(" ADD consecutive_failures :one");
        }
        let mut take = Change::new(expression)
            .only_if(format!("configured_at = :configured_at AND {holder} AND {free} AND {place}"))
            .text(":run", run.to_string())
            .text(":until", now.plus(LEASE).to_string())
            .text(":configured_at", &configured_at);
        if of_this_table {
            take = take.text(":table", table.as_str());
        }
        if let Some(last_run) = last_run {
            take = take.text(":last", last_run.to_string());
        }
        if held_until.is_some() {
            take = take.text(":now", now.to_string());
        }
        if silent.is_some() {
            take = take.number(":one", 1);
        }
        let trigger = match trigger {
            RunTrigger::Schedule if state.backfill.is_some() => RunTrigger::Backfill,
            other => other,
        };
        let mut items = vec![
            self.update(keys::export_state(org), take),
            self.create(self.run_begun(org, run, trigger, state.consecutive_failures + 1)),
        ];
        if let Some(silent) = silent {
            items.push(self.update(keys::run(org, silent), self.run_interrupted()));
        }
        match self.transact(items).await {
            Ok(()) => {
                let lease = Lease { scope: scope.clone(), run, config: config.id, configured_at, waiting };
                Ok(LeaseAttempt::Held { lease, config: Box::new(config), state: Box::new(state), of_this_table })
            }
            Err(StoreError::Conflict) => Ok(LeaseAttempt::Busy),
            Err(error) => Err(error),
        }
    }
}
