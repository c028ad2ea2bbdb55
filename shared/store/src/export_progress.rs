use sporlog_model::Instant;
use sporlog_model::export::{SegmentPlan, Stream};

use crate::export_state::TABLE_ID;
use crate::lease::LEASE;
use crate::table::Change;
use crate::{Backfill, ExportState, Lease, Store, StoreError, keys};

/// The instants that a run has exported so far: the first that is in and the first that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    pub from: Instant,
    pub to: Instant,
}

impl Covered {
    /// With the window of another plan.
    #[must_use]
    pub fn with(before: Option<Self>, plan: &SegmentPlan) -> Self {
        let (from, to) = (plan.window_start, plan.window_end);
        before.map_or(Self { from, to }, |before| Self { from: before.from.min(from), to: before.to.max(to) })
    }
}

impl Store {
    /// Says from where on the log is exported as it grows, and what of it is to be filled in; once, by the first run.
    pub async fn begin_export(
        &self,
        lease: &Lease,
        live_from: Instant,
        backfill: Option<Backfill>,
    ) -> Result<(), StoreError> {
        let mut set = "SET exported_to = :live_from, lease_until = :until".to_owned();
        let mut values = Vec::new();
        if let Some(Backfill { from, to }) = backfill {
            set.push_str(", backfill_from = :from, backfill_to = :to");
            values = vec![(":from", from), (":to", to)];
        }
        let mut begin = Change::new(set)
            .only_if("lease_run = :run AND attribute_not_exists(exported_to)")
            .text(":live_from", live_from.to_string())
            .text(":until", self.clock.now().plus(LEASE).to_string())
            .text(":run", lease.run().to_string());
        for (placeholder, instant) in values {
            begin = begin.text(placeholder, instant.to_string());
        }
        // A transaction, of one item, for its request token: the client sends the request again when an answer was lost, and the
        // first may still be on its way. Without a token it could bring back what was behind the run by then.
        self.transact(vec![self.update(keys::export_state(lease.scope().org()), begin)]).await
    }

    /// Keeps the plan of the next segment, before anything of it is written to the bucket; in the place of `replaced`, when
    /// that one can no longer be finished. [`StoreError::Conflict`] when the export was configured again meanwhile, or the
    /// lease is lost: either way this run may begin nothing more.
    pub async fn persist_plan(
        &self,
        lease: &Lease,
        plan: &SegmentPlan,
        replaced: Option<&SegmentPlan>,
    ) -> Result<(), StoreError> {
        let free = if replaced.is_some() { "plan_uri = :replaced" } else { "attribute_not_exists(#plan)" };
        let mut change = Change::new("SET #plan = :plan, plan_uri = :uri, lease_until = :until")
            .only_if(format!("lease_run = :run AND configured_at = :configured_at AND {free}"))
            .name("#plan", "plan")
            .text(":plan", serde_json::to_string(plan).map_err(|error| StoreError::Refused(Box::new(error)))?)
            .text(":uri", plan.digest_uri())
            .text(":until", self.clock.now().plus(LEASE).to_string())
            .text(":run", lease.run().to_string())
            .text(":configured_at", &lease.configured_at);
        if let Some(replaced) = replaced {
            change = change.text(":replaced", replaced.digest_uri());
        }
        // As in `begin_export`.
        self.transact(vec![self.update(keys::export_state(lease.scope().org()), change)]).await
    }

    /// Says that the state is not where the bucket is: no run goes by it before [`Store::resume_export`].
    pub async fn distrust_export(&self, lease: &Lease) -> Result<(), StoreError> {
        // No table has this id.
        let nowhere = Change::new(format!("SET {TABLE_ID} = :nowhere"))
            .only_if("lease_run = :run")
            .text(":nowhere", "place-taken")
            .text(":run", lease.run().to_string());
        // As in `begin_export`: a repeat that is late must not undo what an operator has done meanwhile.
        self.transact(vec![self.update(keys::export_state(lease.scope().org()), nowhere)]).await
    }

    /// Records that a planned segment and its digest are in the bucket: progress, chain and the run's totals change
    /// together, or not at all. `after` is the state with this plan behind it, `covered` what the run has exported with it.
    pub async fn commit_segment(
        &self,
        lease: &Lease,
        plan: &SegmentPlan,
        after: &ExportState,
        covered: Covered,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (set, remove) = match (plan.stream, after.backfill) {
            (Stream::Live, _) => (", exported_to = :to", ""),
            (Stream::Backfill, Some(_)) => (", backfill_from = :to", ""),
            (Stream::Backfill, None) => ("", ", backfill_from, backfill_to"),
        };
        let mut progress = Change::new(format!(
            "SET next_seq = :seq, previous_digest_sha256 = :digest, last_exported_at = :now, lease_until = :until{set} \
             REMOVE #plan, plan_uri{remove}"
        ))
        .only_if("lease_run = :run AND plan_uri = :uri")
        .name("#plan", "plan")
        .number(":seq", after.next_seq)
        .text(":digest", plan.digest_sha256())
        .text(":now", now.to_string())
        .text(":until", now.plus(LEASE).to_string())
        .text(":run", lease.run().to_string())
        .text(":uri", plan.digest_uri());
        if !set.is_empty() {
            progress = progress.text(":to", plan.window_end.to_string());
        }
        let totals = Self::run_exported(plan, covered)?;
        let org = lease.scope().org();
        let run = self.update(keys::run(org, lease.run()), totals);
        self.transact(vec![self.update(keys::export_state(org), progress), run]).await
    }
}
