//! What a bucket must hold, worked out from the published format alone.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sporlog_model::OrgId;
use sporlog_verify::{Options, Report, Source, SourceError, Verifier, VerifyError};

use crate::harness::System;

/// The exported lines of an organization whose bucket is in order: every segment has its digest and every digest its segment,
/// hashes are those of the content, sequence numbers have no gap, windows join within their stream, and there is nothing
/// else. `sporlog verify` must find the same.
pub(crate) fn lines_of_whole_bucket(system: &System, bucket: &str, prefix: &str, org: &str) -> Vec<Value> {
    let root = format!("{prefix}org_id={org}");
    let keys = system.keys(bucket);
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    let mut before = Before::default();
    for (key, digest) in chain(system, bucket, &root) {
        lines.extend(check_segment(system, bucket, &root, &key, &digest, &mut before));
        expected.extend(digest["object"]["key"].as_str().map(str::to_owned));
        expected.push(key);
    }
    expected.sort();
    assert_eq!(keys, expected, "the digests name every object");
    for (position, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], position + 1);
        assert_eq!(line["orgId"], org);
    }
    if !keys.is_empty() {
        assert_eq!(verified(system, &[bucket], org, &Options::default()).events, lines.len() as u64);
    }
    lines
}

/// The digests below `root` with their keys, in the order in which each names the one before.
pub(crate) fn chain(system: &System, bucket: &str, root: &str) -> Vec<(String, Value)> {
    let is_digest = |key: &String| key.starts_with(&format!("{root}/digests/"));
    let mut by_previous = BTreeMap::new();
    for key in system.keys(bucket).into_iter().filter(is_digest) {
        let bytes = system.object(bucket, &key);
        let digest: Value = serde_json::from_slice(&bytes).unwrap();
        let previous = digest["previousDigestSha256"].as_str().map(str::to_owned);
        let other = by_previous.insert(previous, (sha256(&bytes), key, digest));
        assert_eq!(other, None, "each digest has one before it");
    }
    let (mut chain, mut hash) = (Vec::new(), None);
    while let Some((next, key, digest)) = by_previous.remove(&hash) {
        hash = Some(next);
        chain.push((key, digest));
    }
    assert!(by_previous.is_empty(), "{by_previous:#?}");
    chain
}

/// What `sporlog verify` proves of these buckets; it must find nothing wrong.
pub(crate) fn verified(system: &System, buckets: &[&str], org: &str, options: &Options) -> Report {
    verify(system, buckets, org, options).unwrap_or_else(|error| panic!("{buckets:?}: {error}"))
}

pub(crate) fn verify(system: &System, buckets: &[&str], org: &str, options: &Options) -> Result<Report, VerifyError> {
    let sources: Vec<_> = buckets.iter().map(|bucket| source(system, bucket)).collect();
    Verifier { sources: &sources, org: &crate::harness::org(org), options }.verify()
}

/// What is in a bucket now.
pub(crate) fn source(system: &System, bucket: &str) -> Box<dyn Source> {
    let object = |key: String| (key.clone(), system.object(bucket, &key));
    Box::new(Objects { name: bucket.to_owned(), objects: system.keys(bucket).into_iter().map(object).collect() })
}

/// What was in a bucket.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) name: String,
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
}

impl Source for Objects {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn list(&self, _: &OrgId) -> Result<Vec<String>, SourceError> {
        Ok(self.objects.keys().cloned().collect())
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        Ok(Box::new(self.objects[key].as_slice()))
    }

    fn has_whole_keys(&self) -> bool {
        true
    }
}

/// The ids of the events in a bucket, in their order.
pub(crate) fn ids_of_whole_bucket(system: &System, bucket: &str, org: &str) -> Vec<String> {
    let lines = lines_of_whole_bucket(system, bucket, "", org);
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// What is known from the digests before.
#[derive(Default)]
struct Before {
    last_seq: u64,
    /// Where the last window of each stream ended.
    window_ends: BTreeMap<String, Value>,
}

fn check_segment(
    system: &System,
    bucket: &str,
    root: &str,
    digest_key: &str,
    digest: &Value,
    before: &mut Before,
) -> Vec<Value> {
    let key = digest["object"]["key"].as_str();
    let text = key.map(|key| uncompressed(&system.object(bucket, key))).unwrap_or_default();
    let leaves: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(key.is_none() || text.ends_with('\n') && leaves.iter().all(|line| !line.is_empty()));

    let hash = sha256(text.as_bytes());
    let (window_start, window_end) = (digest["windowStart"].as_str().unwrap(), digest["windowEnd"].as_str().unwrap());
    let stream = digest["stream"].as_str().unwrap();
    let joined = before.window_ends.insert(stream.to_owned(), digest["windowEnd"].clone());
    let first_seq = before.last_seq + 1;
    before.last_seq += lines.len() as u64;
    let mut unsigned = digest.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    assert_eq!(
        unsigned,
        json!({
            "version": 1,
            "stream": stream,
            "orgId": root.rsplit('=').next(),
            "windowStart": joined.unwrap_or_else(|| json!(window_start)),
            "windowEnd": window_end,
            "firstSeq": first_seq,
            "lastSeq": before.last_seq,
            "eventCount": lines.len(),
            "object": key.map(|key| json!({"key": key, "sha256": hash, "byteCount": text.len()})),
            "merkleRoot": hex::encode(merkle_root(&leaves)),
            "previousDigestSha256": digest["previousDigestSha256"],
        })
    );
    let Some(key) = key else {
        let end: String = window_end.chars().filter(|c| !"-:.".contains(*c)).collect();
        assert_eq!(digest_key, format!("{root}/digests/{}-{end}.json", range(digest)));
        return lines;
    };
    assert_eq!(digest_key, format!("{root}/digests/{}.json", range(digest)));
    let day = lines[0]["recordedAt"].as_str().unwrap()[..10].to_owned();
    assert_eq!(key, format!("{root}/date={day}/{}-{}.jsonl.gz", range(digest), &hash[..16]));
    // The text form of instants is in the order of time.
    let recorded: Vec<&str> = lines.iter().map(|line| line["recordedAt"].as_str().unwrap()).collect();
    assert!(recorded.is_sorted());
    assert!(recorded.iter().all(|at| (window_start..window_end).contains(at) && at.starts_with(&day)), "{recorded:?}");
    lines
}

fn range(digest: &Value) -> String {
    format!("{:012}-{:012}", digest["firstSeq"].as_u64().unwrap(), digest["lastSeq"].as_u64().unwrap())
}

/// The text of one gzip member with nothing behind it.
fn uncompressed(gzip: &[u8]) -> String {
    let mut decoder = GzDecoder::new(gzip);
    let mut text = String::new();
    decoder.read_to_string(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "one gzip member");
    text
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// RFC 6962, section 2.1, word for word.
fn merkle_root(leaves: &[&[u8]]) -> Vec<u8> {
    let hash = |prefix: u8, parts: &[&[u8]]| Sha256::digest([&[prefix], parts.concat().as_slice()].concat()).to_vec();
    match leaves {
        [] => Sha256::digest([]).to_vec(),
        [leaf] => hash(0, &[leaf]),
        _ => {
            // The largest power of two smaller than n.
            let k = leaves.len().next_power_of_two() / 2;
            hash(1, &[&merkle_root(&leaves[..k]), &merkle_root(&leaves[k..])])
        }
    }
}
