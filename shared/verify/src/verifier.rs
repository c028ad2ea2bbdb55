use std::time::Duration;

use sporlog_model::{Instant, OrgId};

use crate::chain::{Chain, Group, Member};
use crate::inventory::Inventory;
use crate::link::Link;
use crate::totals::{Found, Totals};
use crate::{ChainEnd, EventQuery, Fault, FaultKind, Proof, Report, Source, SourceError, TrustedKeys};

/// What an export must be beyond whole and unchanged.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub trusted: TrustedKeys,
    /// Every digest is signed.
    pub require_signature: bool,
    /// How long ago the newest window may have ended, and what time it is.
    pub max_age: Option<(Duration, Instant)>,
    /// The key of an object whose digest is still to be written: it is no fault that nothing names it.
    pub begun: Option<String>,
}

/// How many of the digests that begin with the same number are kept until their turn comes, 8 KB each at most. Longer rows, of
/// windows without events or of copies, are read twice: a bucket can hold any number of them.
const KEPT_AT_ONCE: usize = 1_000;

/// One organization's export: in one place, or in several after a change of bucket or prefix.
#[derive(Debug, Clone, Copy)]
pub struct Verifier<'a> {
    pub sources: &'a [Box<dyn Source>],
    pub org: &'a OrgId,
    pub options: &'a Options,
}

/// Why nothing was proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{0}")]
    Fault(Box<Fault>),
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl From<Fault> for VerifyError {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl Verifier<'_> {
    /// Checks everything, in the order of the log, and stops at the first thing that is wrong.
    ///
    /// Memory: about 150 bytes for each key there is, or 350 for each digest among more than a thousand that begin with the same
    /// number (500 at a prefix of its own; up to twice its length more for a longer key), 32 bytes (with the slack of the hash
    /// table up to 80) for each event, one line, and a thousand digests.
    pub fn verify(&self) -> Result<Report, VerifyError> {
        self.run(None, None).map(|checked| checked.report)
    }

    /// Checks everything and tells where it ends, and whether the digest with the hash `after` is in the chain.
    pub fn end(&self, after: Option<&str>) -> Result<ChainEnd, VerifyError> {
        self.run(None, after).map(|checked| checked.end)
    }

    /// Checks everything and proves that one event is part of it; `None` when it is not.
    pub fn prove(&self, query: &EventQuery) -> Result<(Report, Option<Proof>), VerifyError> {
        let Checked { report, found, end: _ } = self.run(Some(query), None)?;
        let proof = found.map(|(found, inventory)| {
            let key = inventory.key(&found.listed);
            Proof::read(inventory.open(&found.listed)?, &key, &found, query)
        });
        Ok((report, proof.transpose()?))
    }

    fn run(&self, query: Option<&EventQuery>, looked_for: Option<&str>) -> Result<Checked<'_>, VerifyError> {
        let mut inventory = Inventory::of(self.sources, self.org)?;
        inventory.check_forks()?;
        let mut chain = Chain::new(self.options, looked_for);
        let mut totals = Totals::default();
        for (first, mut row) in std::mem::take(&mut inventory.digests) {
            row.sort();
            let are_kept = row.len() <= KEPT_AT_ONCE;
            let mut group = Group::new();
            for listed in row {
                let link = Link::read(&mut inventory, &listed)?;
                chain.expect(first, &link.key)?;
                let previous = link.digest.previous_digest_sha256.clone();
                // Most are alone, and a vector would make room for four.
                let members = group.entry(previous).or_insert_with(|| Vec::with_capacity(1));
                members.push(Member::new(listed, link, are_kept));
            }
            while let Some(next) = chain.next_of(&mut group, &mut inventory)? {
                totals.take(&mut inventory, next, query)?;
            }
        }
        let ends = chain.tip().zip(chain.end()).zip(chain.windows.complete());
        let Some(((tip, end), (complete_from, complete_to))) = ends else {
            let names = self.sources.iter().map(|source| source.name()).collect::<Vec<_>>().join(", ");
            return Err(Fault::new(
                FaultKind::NothingThere,
                &names,
                format!("holds no digest of organization {}", self.org),
            )
            .into());
        };
        self.check_orphans(&mut inventory, &mut totals)?;
        chain.check_end()?;
        if let Some((max_age, now)) = self.options.max_age
            && now.since(complete_to) > max_age
        {
            let problem =
                format!("is the newest digest, and its window ended at {complete_to}: since then, nothing is known");
            return Err(Fault::new(FaultKind::Stale, &tip.key, problem).member("windowEnd").into());
        }
        let report = Report {
            org_id: self.org.clone(),
            digests: totals.digests,
            objects: totals.objects,
            events: totals.events,
            repeated: totals.seen.repeated(),
            bytes: totals.bytes,
            complete_from,
            complete_to,
            backfill: chain.windows.backfill(),
            signed: chain.signed,
            signers: chain.signers.clone(),
            newest_digest_sha256: tip.sha256.clone(),
            newest_digest_key: tip.key.clone(),
            connection_tests: inventory.connection_tests,
            left_behind: totals.left_behind,
        };
        Ok(Checked { report, end, found: totals.found.map(|found| (found, inventory)) })
    }

    /// What no digest names.
    fn check_orphans(&self, inventory: &mut Inventory<'_>, totals: &mut Totals) -> Result<(), VerifyError> {
        for listed in std::mem::take(&mut inventory.objects) {
            let key = inventory.key(&listed);
            if self.options.begun.as_deref().is_some_and(|begun| is_key_of(begun, &key)) {
                continue;
            }
            totals.take_orphan(inventory, &listed)?;
        }
        Ok(())
    }
}

/// What was found of an export that is whole.
struct Checked<'a> {
    report: Report,
    end: ChainEnd,
    found: Option<(Found, Inventory<'a>)>,
}

/// Whether `key`, maybe of a copy of a part of the bucket, is that of the object `in_bucket`.
fn is_key_of(in_bucket: &str, key: &str) -> bool {
    in_bucket == key || in_bucket.ends_with(&format!("/{key}")) || key.ends_with(&format!("/{in_bucket}"))
}
