use std::collections::BTreeMap;

use sporlog_model::export::Digest;

use crate::inventory::Listed;
use crate::link::Link;
use crate::verifier::VerifyError;
use crate::windows::Windows;
use crate::{ChainEnd, Fault, FaultKind, Options, Signer};

/// The digests so far: their numbers, hashes, windows and signatures.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    options: &'a Options,
    next_seq: u64,
    /// The newest digest, and its copies in other places: any of them may be named as the one before.
    tips: Vec<Tip>,
    pub(crate) windows: Windows,
    pub(crate) signed: u64,
    pub(crate) signers: Vec<Signer>,
    /// The hash of a digest that is looked for in the chain, and whether it has been met.
    looked_for: Option<&'a str>,
    met: bool,
}

#[derive(Debug)]
pub(crate) struct Tip {
    pub(crate) key: String,
    pub(crate) sha256: String,
}

/// The digests that begin with the same number, by the one before them that they name. All but the last of them are of
/// windows without events, so their order is the chain's alone.
pub(crate) type Group = BTreeMap<Option<String>, Vec<Member>>;

/// A digest of a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) listed: Listed,
    /// `None` in a group of very many, whose digests would fill the memory: it is read again when its turn comes.
    pub(crate) link: Option<Box<Link>>,
}

impl Member {
    fn link(self, read: &mut impl FnMut(&Listed) -> Result<Link, VerifyError>) -> Result<Link, VerifyError> {
        self.link.map_or_else(|| read(&self.listed), |link| Ok(*link))
    }
}

impl<'a> Chain<'a> {
    pub(crate) fn new(options: &'a Options, looked_for: Option<&'a str>) -> Self {
        Self {
            options,
            next_seq: 1,
            tips: Vec::new(),
            windows: Windows::default(),
            signed: 0,
            signers: Vec::new(),
            looked_for,
            met: false,
        }
    }

    /// Where the chain ends; `None` when there is none.
    pub(crate) fn end(&self) -> Option<ChainEnd> {
        self.tip().map(|tip| ChainEnd {
            next_seq: self.next_seq,
            newest_digest_sha256: tip.sha256.clone(),
            live: self.windows.live(),
            backfill: self.windows.backfilled(),
            has_looked_for: self.met,
        })
    }

    /// The newest digest.
    pub(crate) fn tip(&self) -> Option<&Tip> {
        self.tips.first()
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
    pub(crate) fn next_of(
        &mut self,
        group: &mut Group,
        mut read: impl FnMut(&Listed) -> Result<Link, VerifyError>,
    ) -> Result<Option<Vec<Link>>, VerifyError> {
        let members: Vec<Member> = if self.tips.is_empty() {
            group.remove(&None).unwrap_or_default()
        } else {
            let of_tip = |tip: &Tip| group.remove(&Some(tip.sha256.clone())).unwrap_or_default();
            self.tips.iter().flat_map(of_tip).collect()
        };
        let mut links = members.into_iter().map(|member| member.link(&mut read)).collect::<Result<Vec<_>, _>>()?;
        // One that was read again may have become another meanwhile.
        if let Some(changed) = links.iter().find(|link| !self.is_next(link)) {
            return Err(self.not_next(changed).into());
        }
        links.sort_by(|a, b| (a.digest.last_seq, &a.key).cmp(&(b.digest.last_seq, &b.key)));
        let Some((one, others)) = links.split_first() else {
            let left = std::mem::take(group).into_values().flatten().min_by(|a, b| a.listed.cmp(&b.listed));
            return match left {
                Some(member) => Err(self.not_next(&member.link(&mut read)?).into()),
                None => Ok(None),
            };
        };
        if let Some(other) = others.iter().find(|other| !other.is_copy_of(one)) {
            let problem = format!(
                "names the same digest before it as {}: the log went on twice, as after a table was restored",
                one.key
            );
            return Err(Fault::new(FaultKind::Fork, &other.key, problem).into());
        }
        self.windows
            .join(&one.digest)
            .map_err(|(member, problem)| Fault::new(FaultKind::Window, &one.key, problem).member(member))?;
        for link in &links {
            self.check_signature(link)?;
        }
        self.signed += u64::from(one.signer.is_some());
        self.next_seq = one.digest.last_seq + 1;
        self.met |= links.iter().any(|link| Some(link.sha256.as_str()) == self.looked_for);
        self.tips = links.iter().map(|link| Tip { key: link.key.clone(), sha256: link.sha256.clone() }).collect();
        Ok(Some(links))
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

    /// Whether the digest names one that is the newest so far as the one before it.
    fn is_next(&self, link: &Link) -> bool {
        match &link.digest.previous_digest_sha256 {
            None => self.tips.is_empty(),
            Some(hash) => self.tips.iter().any(|tip| tip.sha256 == *hash),
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
