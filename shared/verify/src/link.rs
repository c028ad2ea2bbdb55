use std::io::Read;

use sporlog_model::export::{Digest, MerkleTree, Segment, sha256_hex};

use crate::inventory::{Inventory, Listed};
use crate::source::org_segment;
use crate::verifier::VerifyError;
use crate::{Fault, FaultKind, Fingerprint, SourceError, signature};

/// The largest digest that is read: twice what one can come to, with a key of 1,024 bytes and an ARN of 2,048.
const LARGEST_BYTES: u64 = 8 * 1024;

/// A digest that is right by itself; not yet whether it is the next of its chain.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) place: usize,
    pub(crate) key: String,
    pub(crate) sha256: String,
    pub(crate) digest: Digest,
    pub(crate) signer: Option<Fingerprint>,
}

impl Link {
    /// Reads a digest and checks all that can be said of it alone.
    pub(crate) fn read(inventory: &mut Inventory<'_>, listed: &Listed) -> Result<Self, VerifyError> {
        let (key, org) = (inventory.key(listed), inventory.org);
        let wrong = |kind, problem: String| Fault::new(kind, &key, problem);
        let place = inventory.place(listed)?;
        let source = place.source;
        let mut bytes = Vec::new();
        let read = source.open(&key)?.take(LARGEST_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| SourceError { place: format!("{}/{key}", source.name()), problem: error.to_string() })?;
        if bytes.len() as u64 > LARGEST_BYTES {
            return Err(wrong(FaultKind::Digest, "is too large to be a digest".to_owned()).into());
        }
        let digest = Digest::parse(&bytes).map_err(|error| wrong(FaultKind::Digest, error.to_string()))?;
        if digest.org_id != *org {
            let problem = format!("is a digest of organization {}", digest.org_id);
            return Err(wrong(FaultKind::WrongOrg, problem).member("orgId").into());
        }
        check_members(&digest).map_err(|(member, problem)| wrong(FaultKind::Digest, problem).member(member))?;
        let segment = segment_of(&digest);
        let named = segment.digest_key(&place.root, digest.last_seq);
        if named != key {
            return Err(wrong(FaultKind::WrongKey, format!("holds the digest whose key is {named}")).into());
        }
        if let Some(object) = &digest.object {
            let name = segment.object_key("", digest.last_seq, &object.sha256);
            let root = object.key.strip_suffix(&name).filter(|root| {
                let known = place.root_in_bucket_sha256.as_deref();
                known.is_none_or(|known| known == sha256_hex(root.as_bytes()))
                    && same_place(root, &place.root, source.has_whole_keys(), &org_segment(org))
            });
            let Some(root) = root else {
                let problem =
                    format!("is {}, and the object of these numbers, hash and day is {}{name}", object.key, place.root);
                return Err(wrong(FaultKind::WrongKey, problem).member("object.key").into());
            };
            place.root_in_bucket_sha256.get_or_insert_with(|| sha256_hex(root.as_bytes()));
        }
        let signer = digest.signature.as_ref().map(|signed| signature::signer(&digest, signed)).transpose();
        let signer = signer.map_err(|error| wrong(FaultKind::Signature, error.to_string()).member("signature"))?;
        Ok(Self { place: listed.place, sha256: sha256_hex(&bytes), digest, signer, key })
    }

    /// The name of its object below the place's root.
    pub(crate) fn object(&self) -> Option<Listed> {
        let object = self.digest.object.as_ref()?;
        let name = segment_of(&self.digest).object_key("", self.digest.last_seq, &object.sha256);
        Some(Listed { place: self.place, name: name.strip_prefix('/').unwrap_or(&name).into() })
    }

    /// Whether this is `other` again, in another place.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        let without_place = |link: &Self| {
            let mut digest = link.digest.clone();
            digest.signature = None;
            if let Some(object) = &mut digest.object {
                object.key.clear();
            }
            digest
        };
        self.place != other.place && without_place(self) == without_place(other)
    }
}

/// What its keys follow from.
pub(crate) fn segment_of(digest: &Digest) -> Segment {
    let Digest { stream, window_start, window_end, first_seq, .. } = *digest;
    Segment { stream, window_start, window_end, first_seq }
}

/// Whether the members of a digest agree with each other.
pub(crate) fn check_members(digest: &Digest) -> Result<(), (&'static str, String)> {
    if digest.first_seq == 0 {
        return Err(("firstSeq", "is 0, and numbers begin at 1".to_owned()));
    }
    let next = digest.first_seq.checked_add(digest.event_count);
    if next.is_none() || next != digest.last_seq.checked_add(1) {
        let (first, last) = (digest.first_seq, digest.last_seq);
        return Err(("eventCount", format!("is {}, and the numbers are {first}–{last}", digest.event_count)));
    }
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash(&digest.merkle_root) {
        return Err(("merkleRoot", "is no SHA-256".to_owned()));
    }
    if digest.previous_digest_sha256.as_deref().is_some_and(|hash| !is_hash(hash)) {
        return Err(("previousDigestSha256", "is no SHA-256".to_owned()));
    }
    match &digest.object {
        None if digest.event_count > 0 => Err(("object", "is null, and there are events".to_owned())),
        None if digest.merkle_root != MerkleTree::default().root() => {
            Err(("merkleRoot", "is not the hash of nothing, and there are no events".to_owned()))
        }
        Some(_) if digest.event_count == 0 => Err(("object", "is there, and no events are".to_owned())),
        Some(object) if !is_hash(&object.sha256) => Err(("object.sha256", "is no SHA-256".to_owned())),
        None | Some(_) => Ok(()),
    }
}

/// Whether `in_bucket` and `here` are the same place: one ends with the other, if one of them is of a copy.
fn same_place(in_bucket: &str, here: &str, whole: bool, org_segment: &str) -> bool {
    let ends =
        |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    ends(in_bucket, org_segment) && (in_bucket == here || (!whole && (ends(in_bucket, here) || ends(here, in_bucket))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_may_have_lost_or_gained_what_keys_begin_with() {
        for (in_bucket, here, whole, copy) in [
            ("p/org_id=o", "p/org_id=o", true, true),
            ("p/org_id=o", "org_id=o", false, true),
            ("org_id=o", "backup/org_id=o", false, true),
            ("p/org_id=o", "q/org_id=o", false, false),
            ("p/org_id=x", "p/org_id=x", false, false),
            ("xp/org_id=o", "p/org_id=o", false, false),
        ] {
            let found = (same_place(in_bucket, here, true, "org_id=o"), same_place(in_bucket, here, false, "org_id=o"));
            assert_eq!(found, (whole, copy), "{in_bucket} {here}");
        }
    }
}
