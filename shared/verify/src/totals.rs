use std::collections::BTreeMap;

use sporlog_model::export::Line;

use crate::chain::Next;
use crate::inventory::{Inventory, Listed, object_number};
use crate::link::Link;
use crate::seen::SeenEvents;
use crate::segment::SegmentObject;
use crate::verifier::VerifyError;
use crate::{EventQuery, Fault, FaultKind};

/// What the digests so far and their objects come to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) digests: u64,
    pub(crate) objects: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) left_behind: u64,
    pub(crate) seen: SeenEvents,
    pub(crate) found: Option<Found>,
    /// The digests that have an object, without their copies, by their first number.
    named: BTreeMap<u64, Listed>,
}

/// An event that was looked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) link: Link,
    /// The object that it was read from: that of the digest, or a copy.
    pub(crate) listed: Listed,
    pub(crate) seq: u64,
}

impl Totals {
    /// Adds a digest and its object, and checks that; and its copies in other places, as far as they are there.
    pub(crate) fn take(
        &mut self,
        inventory: &mut Inventory<'_>,
        next: Next,
        query: Option<&EventQuery>,
    ) -> Result<(), VerifyError> {
        let Next { link, listed: digest, copies } = next;
        self.digests += 1;
        self.left_behind += copies.len() as u64;
        let (Some(object), Some(at)) = (&link.digest.object, link.object()) else { return Ok(()) };
        let (mut checked, mut found) = (false, None);
        for place in std::iter::once(digest.place).chain(copies.iter().copied()) {
            let listed = Listed { place, ..at.clone() };
            if !inventory.objects.remove(&listed) {
                continue;
            }
            if checked {
                check_object(inventory, &link, &listed, |_, _| Ok(()))?;
                continue;
            }
            checked = true;
            check_object(inventory, &link, &listed, |line, text| {
                if query.is_some_and(|query| query.asks_for(line)) {
                    found = Some((listed.clone(), line.seq));
                }
                self.seen.see(line, text)
            })?;
        }
        if !checked {
            let problem = format!("is not there, and the digest {} names it", link.key);
            return Err(Fault::new(FaultKind::ObjectMissing, &inventory.key(&at), problem).into());
        }
        self.objects += 1;
        self.events += link.digest.event_count;
        self.bytes += object.byte_count;
        self.named.insert(link.digest.first_seq, digest);
        // The first telling, should there be others.
        if let Some((listed, seq)) = found.filter(|_| self.found.is_none()) {
            self.found = Some(Found { link, listed, seq });
        }
        Ok(())
    }

    /// Adds an object that no digest beside it names. A segment that was begun in a place which then refused is finished in
    /// another; what was there by then is a second copy, and is told of as that if it is one.
    pub(crate) fn take_orphan(&mut self, inventory: &mut Inventory<'_>, orphan: &Listed) -> Result<(), VerifyError> {
        let digest = object_number(&orphan.name).and_then(|(first, _)| self.named.get(&first));
        let link = digest.map(|digest| Link::read(inventory, digest)).transpose()?;
        let names = |link: &Link| link.object().is_some_and(|object| object.name == orphan.name);
        let Some(link) = link.filter(names) else {
            let key = inventory.key(orphan);
            return Err(Fault::new(FaultKind::Orphan, &key, "is there, and no digest names it").into());
        };
        check_object(inventory, &link, orphan, |_, _| Ok(()))?;
        self.left_behind += 1;
        Ok(())
    }
}

fn check_object(
    inventory: &Inventory<'_>,
    link: &Link,
    listed: &Listed,
    each: impl FnMut(&Line, &[u8]) -> Result<(), String>,
) -> Result<(), VerifyError> {
    let Some(object) = &link.digest.object else { return Ok(()) };
    let (key, content) = (inventory.key(listed), inventory.open(listed)?);
    SegmentObject { key: &key, digest: &link.digest, object }.check(content, each)
}
