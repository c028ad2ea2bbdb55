use std::time::Duration;

use sporlog_model::export::Line;
use sporlog_model::{Instant, OrgId};

use crate::chain::{Chain, Group, Member};
use crate::inventory::{Inventory, Listed};
use crate::link::Link;
use crate::seen::SeenEvents;
use crate::segment::SegmentObject;
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

/// How many of the digests that begin with the same number are kept until their turn comes, 8 KB each at most. Longer rows of
/// windows without events are read twice: a bucket can hold any number of them.
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

/// An event that was looked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) link: Link,
    pub(crate) listed: Listed,
    pub(crate) seq: u64,
}

impl Verifier<'_> {
    /// Checks everything, in the order of the log, and stops at the first thing that is wrong.
    ///
    /// Memory: about 150 bytes for each key there is and as much again for each digest of the longest row of windows without
    /// events, 32 bytes (with the slack of the hash table up to 80) for each event, one line, and a thousand digests.
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
            Proof::read(self.source_of(&inventory, found.listed.place)?.open(&key)?, &key, &found, query)
        });
        Ok((report, proof.transpose()?))
    }

    fn run(&self, query: Option<&EventQuery>, looked_for: Option<&str>) -> Result<Checked, VerifyError> {
        let mut inventory = Inventory::of(self.sources, self.org)?;
        inventory.check_forks()?;
        let mut chain = Chain::new(self.options, looked_for);
        let mut totals = Totals::default();
        let firsts: Vec<u64> = inventory.digests.keys().copied().collect();
        for first in firsts {
            let mut listed = inventory.digests.get(&first).cloned().unwrap_or_default();
            listed.sort();
            let are_few = listed.len() <= KEPT_AT_ONCE;
            let mut group = Group::new();
            for listed in listed {
                let link = Link::read(self.sources, &mut inventory, &listed, self.org)?;
                chain.expect(first, &link.key)?;
                let previous = link.digest.previous_digest_sha256.clone();
                let link = are_few.then(|| Box::new(link));
                group.entry(previous).or_default().push(Member { listed, link });
            }
            let read_again =
                |inventory: &mut Inventory, listed: &Listed| Link::read(self.sources, inventory, listed, self.org);
            while let Some(links) = chain.next_of(&mut group, |listed| read_again(&mut inventory, listed))? {
                self.check_objects(&mut inventory, links, &mut totals, query)?;
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

    /// The object of a digest, and of its copies in other places as far as they are there.
    fn check_objects(
        &self,
        inventory: &mut Inventory,
        links: Vec<Link>,
        totals: &mut Totals,
        query: Option<&EventQuery>,
    ) -> Result<(), VerifyError> {
        totals.digests += 1;
        totals.left_behind += links.len() as u64 - 1;
        let mut missing = None;
        let mut checked = false;
        for link in links {
            let Some(listed) = link.object() else { continue };
            if !inventory.objects.remove(&listed) {
                missing.get_or_insert((inventory.key(&listed), link.key));
                continue;
            }
            if checked {
                self.check_object(inventory, &link, &listed, |_, _| Ok(()))?;
                continue;
            }
            checked = true;
            let mut found = None;
            self.check_object(inventory, &link, &listed, |line, text| {
                if query.is_some_and(|query| query.asks_for(line)) {
                    found = Some(line.seq);
                }
                totals.seen.see(line, text)
            })?;
            totals.objects += 1;
            totals.events += link.digest.event_count;
            totals.bytes += link.digest.object.as_ref().map_or(0, |object| object.byte_count);
            // The first telling, should there be others.
            if let Some(seq) = found.filter(|_| totals.found.is_none()) {
                totals.found = Some(Found { link, listed, seq });
            }
        }
        match missing {
            Some((key, digest)) if !checked => Err(Fault::new(
                FaultKind::ObjectMissing,
                &key,
                format!("is not there, and the digest {digest} names it"),
            )
            .into()),
            _ => Ok(()),
        }
    }

    fn check_object(
        &self,
        inventory: &Inventory,
        link: &Link,
        listed: &Listed,
        each: impl FnMut(&Line, &[u8]) -> Result<(), String>,
    ) -> Result<(), VerifyError> {
        let Some(object) = &link.digest.object else { return Ok(()) };
        let key = inventory.key(listed);
        let content = self.source_of(inventory, listed.place)?.open(&key)?;
        SegmentObject { key: &key, digest: &link.digest, object }.check(content, each)
    }

    /// What no digest names. A segment that was begun in a place which then refused is finished in another; what was there
    /// by then is a second copy, and is told of as that if it is one.
    fn check_orphans(&self, inventory: &mut Inventory, totals: &mut Totals) -> Result<(), VerifyError> {
        for listed in std::mem::take(&mut inventory.objects) {
            let key = inventory.key(&listed);
            if self.options.begun.as_deref().is_some_and(|begun| is_key_of(begun, &key)) {
                continue;
            }
            let Some(link) = self.digest_elsewhere(inventory, &listed)? else {
                return Err(Fault::new(FaultKind::Orphan, &key, "is there, and no digest names it").into());
            };
            self.check_object(inventory, &link, &listed, |_, _| Ok(()))?;
            totals.left_behind += 1;
        }
        Ok(())
    }

    /// The digest in another place whose object has the same name.
    fn digest_elsewhere(&self, inventory: &mut Inventory, orphan: &Listed) -> Result<Option<Link>, VerifyError> {
        let Some((first, name)) = crate::inventory::digest_of_object(&orphan.name) else { return Ok(None) };
        let beside = inventory.digests.get(&first).cloned().unwrap_or_default();
        for listed in beside.iter().filter(|listed| listed.place != orphan.place && *listed.name == *name) {
            let link = Link::read(self.sources, inventory, listed, self.org)?;
            if link.object().is_some_and(|object| object.name == orphan.name) {
                return Ok(Some(link));
            }
        }
        Ok(None)
    }

    fn source_of(&self, inventory: &Inventory, place: usize) -> Result<&dyn Source, SourceError> {
        let source = inventory.places.get(place).and_then(|place| self.sources.get(place.source));
        let source = source.map(AsRef::as_ref);
        source.ok_or_else(|| SourceError { place: "a source".to_owned(), problem: "is not known".to_owned() })
    }
}

#[derive(Debug, Default)]
struct Totals {
    digests: u64,
    objects: u64,
    events: u64,
    bytes: u64,
    left_behind: u64,
    seen: SeenEvents,
    found: Option<Found>,
}

/// What was found of an export that is whole.
struct Checked {
    report: Report,
    end: ChainEnd,
    found: Option<(Found, Inventory)>,
}

/// Whether `key`, maybe of a copy of a part of the bucket, is that of the object `in_bucket`.
fn is_key_of(in_bucket: &str, key: &str) -> bool {
    in_bucket == key || in_bucket.ends_with(&format!("/{key}")) || key.ends_with(&format!("/{in_bucket}"))
}
