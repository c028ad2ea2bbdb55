//! An export made to measure, with the code that makes real ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use sporlog_export::SegmentWriter;
use sporlog_model::export::{
    Digest, DigestSignature, Segment, SegmentPlan, SegmentSummary, SignatureAlgorithm, Stream,
};
use sporlog_model::{
    AwsRegion, BucketName, Destination, EntityType, Event, ExternalId, Instant, KeyPrefix, RecordedEvent, RoleArn,
};

use crate::harness::{FolioEvent, org};

/// A signing key, as KMS would have one.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    /// DER in base64.
    pub(crate) public: String,
}

impl Key {
    pub(crate) fn new() -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let mut der = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        der.extend_from_slice(pair.public_key().as_ref());
        Self { pair, public: STANDARD.encode(der) }
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> DigestSignature {
        let value = self.pair.sign(&SystemRandom::new(), bytes).unwrap();
        DigestSignature {
            algorithm: SignatureAlgorithm::EcdsaSha256,
            key_id: "arn:aws:kms:eu-north-1:123456789012:key/test".to_owned(),
            public_key: self.public.clone(),
            value: STANDARD.encode(value),
        }
    }
}

/// A bucket that grows by segments.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) org: String,
    pub(crate) prefix: &'static str,
    pub(crate) next_seq: u64,
    pub(crate) previous: Option<String>,
    /// Where the next window of each stream starts.
    pub(crate) live_from: Instant,
    pub(crate) backfill_from: Instant,
    /// The events of the next segment; new ones, when there are not enough.
    pub(crate) events: Vec<Event>,
}

pub(crate) fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

impl Export {
    pub(crate) fn of(org: &str) -> Self {
        Self {
            files: BTreeMap::new(),
            org: org.to_owned(),
            prefix: "",
            next_seq: 1,
            previous: None,
            live_from: at("2026-03-01"),
            backfill_from: at("2026-01-01"),
            events: Vec::new(),
        }
    }

    /// Four windows: four events, four, none, four.
    pub(crate) fn usual(key: Option<&Key>) -> Self {
        let mut export = Self::of("diku");
        export.live("2026-03-01T06:00:00Z", 4, key);
        export.live("2026-03-02T00:00:00Z", 4, key);
        export.live("2026-03-03T00:00:00Z", 0, key);
        export.live("2026-03-03T08:00:00Z", 4, key);
        export
    }

    pub(crate) fn live(&mut self, end: &str, count: u64, key: Option<&Key>) {
        self.segment(Stream::Live, at(end), count, key);
    }

    pub(crate) fn backfill(&mut self, end: &str, count: u64) {
        self.segment(Stream::Backfill, at(end), count, None);
    }

    fn segment(&mut self, stream: Stream, window_end: Instant, count: u64, key: Option<&Key>) {
        let from = match stream {
            Stream::Live => &mut self.live_from,
            Stream::Backfill => &mut self.backfill_from,
        };
        let window_start = std::mem::replace(from, window_end);
        let segment = Segment { stream, window_start, window_end, first_seq: self.next_seq };
        let mut writer = SegmentWriter::new(&org(&self.org), self.next_seq);
        // Of the day in which the window ends, a second apart.
        let first_at = window_start.max(segment.day().start());
        for n in 0..count {
            let new = || FolioEvent::of(EntityType::Order, &uuid::Uuid::new_v4().to_string()).event();
            let event = if self.events.is_empty() { new() } else { self.events.remove(0) };
            let recorded_at = first_at.plus(Duration::from_secs(n));
            writer.push(&RecordedEvent { event, recorded_at }).unwrap();
        }
        let written = writer.finish().unwrap();
        self.add(segment, written.summary, &written.gzip, key);
    }

    /// A segment with any lines.
    pub(crate) fn add(&mut self, segment: Segment, summary: SegmentSummary, gzip: &[u8], key: Option<&Key>) {
        let destination = Destination {
            bucket: BucketName::parse("logs-of-diku").unwrap(),
            region: AwsRegion::parse("eu-north-1").unwrap(),
            role_arn: RoleArn::parse("arn:aws:iam::123456789012:role/r").unwrap(),
            external_id: ExternalId::random(),
            prefix: KeyPrefix::parse(self.prefix).unwrap(),
            kms_key: None,
        };
        let previous = self.previous.take();
        let mut plan = SegmentPlan::unsigned(segment, summary, &org(&self.org), &destination, previous).unwrap();
        if let Some(key) = key {
            let signature = key.sign(&plan.bytes_to_sign().unwrap());
            plan = plan.signed(signature).unwrap();
        }
        self.next_seq = plan.last_seq + 1;
        self.previous = Some(plan.digest_sha256());
        if let Some(object) = plan.object {
            self.files.insert(object.key, gzip.to_vec());
        }
        self.files.insert(plan.digest_key, plan.digest.into_bytes());
    }

    /// The keys with this in them, in order.
    pub(crate) fn keys(&self, part: &str) -> Vec<String> {
        self.files.keys().filter(|key| key.contains(part)).cloned().collect()
    }

    pub(crate) fn digest(&self, key: &str) -> Digest {
        Digest::parse(&self.files[key]).unwrap()
    }

    pub(crate) fn put_digest(&mut self, key: &str, digest: &Digest) {
        self.files.insert(key.to_owned(), digest.to_bytes().unwrap());
    }

    /// As `aws s3 sync` does.
    pub(crate) fn write_to(&self, directory: &Path) {
        for (key, bytes) in &self.files {
            let file = directory.join(key);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
}
