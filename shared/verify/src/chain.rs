use std::collections::{BTreeMap, BTreeSet};

use sporlog_model::export::Digest;

use crate::inventory::{Inventory, Listed};
use crate::link::Link;
use crate::verifier::VerifyError;
use crate::windows::Windows;
use crate::{ChainEnd, Fault, FaultKind, Options, Signer};

/// The digests so far: their numbers, hashes, windows and signatures.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    options: &'a Options,
    next_seq: u64,
    tip: Option<Tip>,
    /// What the next digest names as the one before it: the newest or one of its copies in other places, or nothing.
    before_next: BTreeSet<Option<String>>,
    pub(crate) windows: Windows,
    pub(crate) signed: u64,
    pub(crate) signers: Vec<Signer>,
    /// The hash of a digest that is looked for in the chain, and whether it has been met.
    looked_for: Option<&'a str>,
    met: bool,
}

/// The newest digest.
#[derive(Debug)]
pub(crate) struct Tip {
    pub(crate) key: String,
    pub(crate) sha256: String,
}

/// The digests that begin with the same number, by the one before them that they name. All but the last of them must be
/// of windows without events, so their order is the chain's alone.
pub(crate) type Group = BTreeMap<Option<String>, Vec<Member>>;

/// A digest of a group.
#[derive(Debug)]
pub(crate) struct Member {
    listed: Listed,
    last_seq: u64,
    /// `None` in a group of very many, whose digests would fill the memory: it is read again when its turn comes.
    link: Option<Box<Link>>,
}

impl Member {
    pub(crate) fn new(listed: Listed, link: Link, is_kept: bool) -> Self {
        let last_seq = link.digest.last_seq;
        Self { listed, last_seq, link: is_kept.then(|| Box::new(link)) }
    }

    fn link(self, inventory: &mut Inventory<'_>) -> Result<(Listed, Link), VerifyError> {
        let link = match self.link {
            Some(link) => *link,
            None => Link::read(inventory, &self.listed)?,
        };
        Ok((self.listed, link))
    }
}

/// The next digest of the chain.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) link: Link,
    pub(crate) listed: Listed,
    /// The places of its copies. Of these, a hostile bucket may have any number.
    pub(crate) copies: Vec<usize>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(options: &'a Options, looked_for: Option<&'a str>) -> Self {
        Self {
            options,
            next_seq: 1,
            tip: None,
            before_next: BTreeSet::from([None]),
            windows: Windows::default(),
            signed: 0,
            signers: Vec::new(),
            looked_for,
            met: false,
        }
    }

    /// Where the chain ends; `None` when there is none.
    pub(crate) fn end(&self) -> Option<ChainEnd> {
        self.tip.as_ref().map(|tip| ChainEnd {
            next_seq: self.next_seq,
            newest_digest_sha256: tip.sha256.clone(),
            live: self.windows.live(),
            backfill: self.windows.backfilled(),
            has_looked_for: self.met,
        })
    }

    /// The newest digest.
    pub(crate) fn tip(&self) -> Option<&Tip> {
        self.tip.as_ref()
    }

    /// Whether the digests that begin with this number are next.
    pub(crate) fn expect(&self, first_seq: u64, key: &str) -> Result<(), Fault> {
        let (next, before) = (self.next_seq, self.tip());
        let before = before.map_or_else(
            || "there is no digest before it".to_owned(),
            |tip| format!("the digest before it is {}", tip.key),
        );
        if first_seq > next {
            let problem =
                format!("begins with number {first_seq}; {before}: the numbers {next}–{} are missing", first_seq - 1);
            return Err(Fault::new(FaultKind::Gap, key, problem));
        }
        if first_seq < next {
            let problem = format!(
                "begins with number {first_seq}, which has been before; {before}: the log went on twice, as after a table was restored"
            );
            return Err(Fault::new(FaultKind::Fork, key, problem));
        }
        Ok(())
    }

    /// Takes the next digest out of those that begin with the same number; with its copies in other places, if any.
    ///
    /// However many name the same digest before them, two are in memory at a time: the first, and the one that must be its copy.
    pub(crate) fn next_of(
        &mut self,
        group: &mut Group,
        inventory: &mut Inventory<'_>,
    ) -> Result<Option<Next>, VerifyError> {
        let mut members: Vec<_> = self.before_next.iter().filter_map(|before| group.remove(before)).flatten().collect();
        members.sort_by_cached_key(|member| (member.last_seq, inventory.key(&member.listed)));
        let mut members = members.into_iter();
        let Some(first) = members.next() else {
            let left = std::mem::take(group).into_values().flatten().min_by(|a, b| a.listed.cmp(&b.listed));
            return match left {
                Some(member) => Err(self.not_next(&member.link(inventory)?.1).into()),
                None => Ok(None),
            };
        };
        let (listed, link) = self.link_of(first, inventory)?;
        // Digests that begin with the same number may follow each other only while they have no events.
        self.expect(link.digest.first_seq, &link.key)?;
        let (mut copies, mut hashes) = (Vec::new(), BTreeSet::from([Some(link.sha256.clone())]));
        // A fork is told of before anything else that is wrong with its digests.
        let mut right = self.join(&link);
        for member in members {
            let (listed, other) = self.link_of(member, inventory)?;
            if !other.is_copy_of(&link) {
                let problem = format!(
                    "names the same digest before it as {}: the log went on twice, as after a table was restored",
                    link.key
                );
                return Err(Fault::new(FaultKind::Fork, &other.key, problem).into());
            }
            right = right.and_then(|()| self.check_signature(&other));
            copies.push(listed.place);
            hashes.insert(Some(other.sha256));
        }
        right?;
        self.signed += u64::from(link.signer.is_some());
        self.next_seq = link.digest.last_seq + 1;
        self.met |= self.looked_for.is_some_and(|looked_for| hashes.contains(&Some(looked_for.to_owned())));
        self.before_next = hashes;
        self.tip = Some(Tip { key: link.key.clone(), sha256: link.sha256.clone() });
        Ok(Some(Next { link, listed, copies }))
    }

    fn link_of(&self, member: Member, inventory: &mut Inventory<'_>) -> Result<(Listed, Link), VerifyError> {
        let (listed, link) = member.link(inventory)?;
        // One that was read again may have become another meanwhile.
        if self.before_next.contains(&link.digest.previous_digest_sha256) {
            Ok((listed, link))
        } else {
            Err(self.not_next(&link).into())
        }
    }

    fn join(&mut self, link: &Link) -> Result<(), Fault> {
        self.windows
            .join(&link.digest)
            .map_err(|(member, problem)| Fault::new(FaultKind::Window, &link.key, problem).member(member))?;
        self.check_signature(link)
    }

    /// At the end: whether the keys that are trusted vouch for it all. The newest signature covers every digest before it.
    pub(crate) fn check_end(&self) -> Result<(), Fault> {
        match self.tip() {
            Some(tip) if self.options.trusted.are_named() && !self.has_current_signer() => {
                Err(Fault::new(FaultKind::Unsigned, &tip.key, "is not signed, by none of the keys that are trusted"))
            }
            _ => Ok(()),
        }
    }

    fn has_current_signer(&self) -> bool {
        self.signers.iter().any(|signer| self.options.trusted.is_current(&signer.fingerprint))
    }

    fn not_next(&self, link: &Link) -> Fault {
        let named = named(&link.digest);
        let problem = match self.tip() {
            None => format!("is the first, and names {named} before it"),
            Some(tip) => format!("names {named} before it, and that is {}, whose SHA-256 is {}", tip.key, tip.sha256),
        };
        Fault::new(FaultKind::Chain, &link.key, problem).member("previousDigestSha256")
    }

    fn check_signature(&mut self, link: &Link) -> Result<(), Fault> {
        let wrong = |kind, problem: String| Err(Fault::new(kind, &link.key, problem).member("signature"));
        let (Some(signer), Some(signature)) = (&link.signer, &link.digest.signature) else {
            return match self.signers.first() {
                _ if self.options.require_signature => wrong(FaultKind::Unsigned, "is not there".to_owned()),
                Some(_) => {
                    wrong(FaultKind::Unsigned, "is not there, and digests before this one are signed".to_owned())
                }
                None => Ok(()),
            };
        };
        if !self.options.trusted.trusts(signer) {
            return wrong(FaultKind::UntrustedKey, format!("is of the key {signer}, which is not trusted"));
        }
        if self.options.trusted.are_named() && !self.options.trusted.is_current(signer) && self.has_current_signer() {
            let problem = format!("is of the key {signer}, which was retired: another had signed before");
            return wrong(FaultKind::UntrustedKey, problem);
        }
        if self.signers.iter().all(|known| known.fingerprint != *signer) {
            if let Some(known) = self.signers.first().filter(|_| !self.options.trusted.are_named()) {
                let problem = format!(
                    "is of the key {signer}, and the ones before of {}; say which are trusted",
                    known.fingerprint
                );
                return wrong(FaultKind::UntrustedKey, problem);
            }
            self.signers
                .push(Signer { fingerprint: signer.clone(), key_id: crate::fault::printable(&signature.key_id) });
        }
        Ok(())
    }
}

fn named(digest: &Digest) -> String {
    digest
        .previous_digest_sha256
        .as_ref()
        .map_or_else(|| "no digest".to_owned(), |hash| format!("a digest with SHA-256 {hash}"))
}
