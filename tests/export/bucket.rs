//! What a bucket must hold, worked out from the published format alone.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::System;

/// The exported lines of an organization whose bucket is in order: every segment has its digest and every digest its segment,
/// hashes are those of the content, sequence numbers have no gap, windows join, and there is nothing else.
pub(crate) fn lines_of_whole_bucket(system: &System, bucket: &str, prefix: &str, org: &str) -> Vec<Value> {
    let root = format!("{prefix}org_id={org}");
    let keys = system.keys(bucket);
    let is_digest = |key: &&String| key.starts_with(&format!("{root}/digests/"));
    let (mut lines, mut expected, mut previous) = (Vec::new(), Vec::new(), None);
    for key in keys.iter().filter(is_digest) {
        let bytes = system.object(bucket, key);
        let digest: Value = serde_json::from_slice(&bytes).unwrap();
        lines.extend(check_segment(system, bucket, &root, &digest, previous.as_ref()));
        assert_eq!(*key, format!("{root}/digests/{}.json", range(&digest)));
        expected.extend([key.clone(), digest["object"]["key"].as_str().unwrap().to_owned()]);
        previous = Some((digest, sha256(&bytes)));
    }
    expected.sort();
    assert_eq!(keys, expected, "the digests name every object");
    for (position, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], position + 1);
        assert_eq!(line["orgId"], org);
    }
    lines
}

/// The ids of the events in a bucket, in their order.
pub(crate) fn ids_of_whole_bucket(system: &System, bucket: &str, org: &str) -> Vec<String> {
    let lines = lines_of_whole_bucket(system, bucket, "", org);
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

fn check_segment(
    system: &System,
    bucket: &str,
    root: &str,
    digest: &Value,
    previous: Option<&(Value, String)>,
) -> Vec<Value> {
    let key = digest["object"]["key"].as_str().unwrap();
    let text = uncompressed(&system.object(bucket, key));
    let leaves: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(text.ends_with('\n') && leaves.iter().all(|line| !line.is_empty()));

    let hash = sha256(text.as_bytes());
    let (window_start, window_end) = (digest["windowStart"].as_str().unwrap(), digest["windowEnd"].as_str().unwrap());
    let (last, last_hash) = previous.map_or((Value::Null, Value::Null), |(digest, hash)| (digest.clone(), json!(hash)));
    let first_seq = last["lastSeq"].as_u64().unwrap_or(0) + 1;
    assert_eq!(
        *digest,
        json!({
            "version": 1,
            "stream": "live",
            "orgId": root.rsplit('=').next(),
            "windowStart": last["windowEnd"].as_str().unwrap_or(window_start),
            "windowEnd": window_end,
            "firstSeq": first_seq,
            "lastSeq": first_seq + lines.len() as u64 - 1,
            "eventCount": lines.len(),
            "object": {"key": key, "sha256": hash, "byteCount": text.len()},
            "merkleRoot": hex::encode(merkle_root(&leaves)),
            "previousDigestSha256": last_hash,
        })
    );
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
