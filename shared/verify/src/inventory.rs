use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use sporlog_model::OrgId;

use crate::source::org_segment;
use crate::{Fault, FaultKind, Source, SourceError};

/// What the sources hold of one organization, by name; nothing of it has been read.
#[derive(Debug)]
pub(crate) struct Inventory<'a> {
    pub(crate) org: &'a OrgId,
    places: Vec<Place<'a>>,
    /// By the first number in their names.
    pub(crate) digests: BTreeMap<u64, Vec<Listed>>,
    /// The objects of segments, and whatever else is there. Those that a digest names are taken out.
    pub(crate) objects: BTreeSet<Listed>,
    /// What the tests of the connection left, which is not part of the log.
    pub(crate) connection_tests: u64,
}

/// An organization's part of a source. There are several after a change of bucket or prefix.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) source: &'a dyn Source,
    /// What its keys begin with, up to and with the organization's segment.
    pub(crate) root: String,
    /// The hash of the same in the bucket, as its digests have it. That may be shorter than in a copy, or longer by as much as a
    /// digest can hold, and a hostile bucket has as many places as objects.
    pub(crate) root_in_bucket_sha256: Option<String>,
}

/// One object: where, and what its key is below the place's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    pub(crate) place: usize,
    pub(crate) name: Box<str>,
}

impl<'a> Inventory<'a> {
    pub(crate) fn of(sources: &'a [Box<dyn Source>], org: &'a OrgId) -> Result<Self, SourceError> {
        let (places, digests, objects) = Default::default();
        let mut inventory = Self { org, places, digests, objects, connection_tests: 0 };
        for source in sources {
            let mut places = BTreeMap::new();
            for key in source.list(org)? {
                let Some((root, name)) = split(&key, &org_segment(org)) else { continue };
                let place = *places.entry(root.to_owned()).or_insert_with(|| {
                    let (source, root) = (source.as_ref(), root.to_owned());
                    inventory.places.push(Place { source, root, root_in_bucket_sha256: None });
                    inventory.places.len() - 1
                });
                inventory.add(Listed { place, name: name.into() });
            }
        }
        Ok(inventory)
    }

    fn add(&mut self, listed: Listed) {
        if listed.name.starts_with("connection-tests/") {
            self.connection_tests += 1;
        } else if let Some(first) = digest_number(&listed.name) {
            self.digests.entry(first).or_default().push(listed);
        } else {
            self.objects.insert(listed);
        }
    }

    /// The key of an object in its source.
    pub(crate) fn key(&self, listed: &Listed) -> String {
        let root = self.places.get(listed.place).map_or("", |place| &place.root);
        format!("{root}/{}", listed.name)
    }

    pub(crate) fn place(&mut self, listed: &Listed) -> Result<&mut Place<'a>, SourceError> {
        self.places.get_mut(listed.place).ok_or_else(unknown)
    }

    pub(crate) fn open(&self, listed: &Listed) -> Result<Box<dyn Read + 'a>, SourceError> {
        self.places.get(listed.place).ok_or_else(unknown)?.source.open(&self.key(listed))
    }

    /// Two objects for one number: each of them may look right by itself.
    pub(crate) fn check_forks(&self) -> Result<(), Fault> {
        let mut by_first: BTreeMap<(usize, u64), (&str, &Listed)> = BTreeMap::new();
        for listed in &self.objects {
            let Some((first, rest)) = object_number(&listed.name) else { continue };
            match by_first.get(&(listed.place, first)) {
                Some((other, there)) if *other != rest => {
                    let problem = format!(
                        "begins with number {first}, and so does {}, with other lines: the log went on twice, as after a table was restored",
                        self.key(there)
                    );
                    return Err(Fault::new(FaultKind::Fork, &self.key(listed), problem));
                }
                Some(_) => {}
                None => {
                    by_first.insert((listed.place, first), (rest, listed));
                }
            }
        }
        Ok(())
    }
}

fn unknown() -> SourceError {
    SourceError { place: "a source".to_owned(), problem: "is not known".to_owned() }
}

/// A key at the organization's segment; the last one, if there are several.
fn split<'a>(key: &'a str, segment: &str) -> Option<(&'a str, &'a str)> {
    let mut at = key.len();
    loop {
        let start = key.get(..at)?.rfind(segment)?;
        let end = start + segment.len();
        let whole =
            (start == 0 || key.as_bytes().get(start - 1) == Some(&b'/')) && key.as_bytes().get(end) == Some(&b'/');
        if whole {
            return Some((key.get(..end)?, key.get(end + 1..)?));
        }
        at = start;
    }
}

/// The first number of a digest, from a name of the form that digests have.
fn digest_number(name: &str) -> Option<u64> {
    let stem = name.strip_prefix("digests/")?.strip_suffix(".json")?;
    number(stem.split('-').next()?)
}

/// The first number of a segment's object, and what else its name has to say.
pub(crate) fn object_number(name: &str) -> Option<(u64, &str)> {
    let (day, stem) = name.split_once('/')?;
    day.strip_prefix("date=")?;
    let (first, rest) = stem.strip_suffix(".jsonl.gz")?.split_once('-')?;
    Some((number(first)?, rest))
}

fn number(digits: &str) -> Option<u64> {
    let padded = digits.len() >= 12 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_at_the_organization() {
        for (key, expected) in [
            ("org_id=a/digests/x", Some(("org_id=a", "digests/x"))),
            ("p/q/org_id=a/date=1/x", Some(("p/q/org_id=a", "date=1/x"))),
            ("org_id=a/org_id=a/x", Some(("org_id=a/org_id=a", "x"))),
            ("org_id=ab/x", None),
            ("xorg_id=a/x", None),
            ("org_id=a", None),
            ("", None),
        ] {
            assert_eq!(split(key, "org_id=a"), expected, "{key}");
        }
    }

    #[test]
    fn names_tell_numbers() {
        assert_eq!(digest_number("digests/000000000006-000000000005-20260302T000000000000Z.json"), Some(6));
        assert_eq!(digest_number("digests/1000000000006-1000000000007.json"), Some(1_000_000_000_006));
        for odd in ["digests/6-7.json", "digests/x.json", "digests/00000000000+-1.json", "date=1/000000000006-1.json"] {
            assert_eq!(digest_number(odd), None, "{odd}");
        }
        assert_eq!(
            object_number("date=2026-03-01/000000000006-000000000007-ab.jsonl.gz"),
            Some((6, "000000000007-ab"))
        );
    }
}
