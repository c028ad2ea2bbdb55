//! `GetObject` and `HeadObject`: conditions, ranges, and the headers that were stored.

use bytes::Bytes;
use jiff::Timestamp;
use s3s::dto::{
    ChecksumMode, ChecksumType, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, Range, ServerSideEncryption, StreamingBlob,
};
use s3s::{Body, S3Error, S3Result, s3_error};

use super::checksum::Algorithm;
use super::identity::Identity;
use super::objects::{self, ObjectHead};
use super::put::precondition_failed;
use super::{Storage, access};

/// The parts that both operations share.
pub(super) struct ReadRequest {
    pub(super) bucket: String,
    pub(super) key: String,
    range: Option<Range>,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<s3s::dto::Timestamp>,
    if_unmodified_since: Option<s3s::dto::Timestamp>,
    with_checksum: bool,
}

impl From<GetObjectInput> for ReadRequest {
    fn from(input: GetObjectInput) -> Self {
        Self {
            bucket: input.bucket,
            key: input.key,
            range: input.range,
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
            with_checksum: is_enabled(input.checksum_mode.as_ref()),
        }
    }
}

impl From<HeadObjectInput> for ReadRequest {
    fn from(input: HeadObjectInput) -> Self {
        Self {
            bucket: input.bucket,
            key: input.key,
            range: input.range,
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
            with_checksum: is_enabled(input.checksum_mode.as_ref()),
        }
    }
}

fn is_enabled(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// `GetObject` without its headers' values yet: what was found, and the bytes asked for.
pub(super) struct Found {
    head: ObjectHead,
    /// The part that is answered, when a range was asked for.
    part: Option<std::ops::Range<u64>>,
    body: Bytes,
    with_checksum: bool,
}

/// Finds the object and, `with_body`, reads the bytes asked for, both from one moment.
pub(super) async fn find(
    storage: &Storage,
    identity: &Identity,
    request: ReadRequest,
    with_body: bool,
) -> S3Result<Found> {
    let (bucket, with_checksum) = (request.bucket.clone(), request.with_checksum);
    let found = storage.read(move |connection| {
        let Some(head) = objects::find(connection, &request.bucket, &request.key)? else {
            return Ok(None);
        };
        let part = match check_conditions(&head, &request).and_then(|()| part(&head, request.range.as_ref())) {
            Ok(part) => part,
            Err(error) => return Ok(Some(Err(error))),
        };
        let body = match (with_body, &part) {
            (false, _) => Bytes::new(),
            (true, None) => objects::read_body(connection, head.body, 0, head.size)?,
            (true, Some(part)) => objects::read_body(connection, head.body, part.start, part.end - part.start)?,
        };
        Ok(Some(Ok((head, part, body))))
    });
    let Some(found) = found.await? else {
        // Only who may list the bucket learns that a key is not there.
        access::allow(identity, "s3:ListBucket", &access::bucket_arn(&bucket))?;
        return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
    };
    let (head, part, body) = found?;
    // The stored checksum is of the whole object.
    let with_checksum = with_checksum && part.is_none();
    Ok(Found { head, part, body, with_checksum })
}

/// In the order of RFC 9110, 13.2.2: a condition on the `ETag` replaces the one on the date.
fn check_conditions(head: &ObjectHead, request: &ReadRequest) -> S3Result<()> {
    let is_this = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == head.etag,
    };
    let modified_at = whole_seconds(head.modified_at);
    let refused = match (&request.if_match, &request.if_unmodified_since) {
        (Some(condition), _) => !is_this(condition),
        (None, Some(since)) => modified_at > *since,
        (None, None) => false,
    };
    if refused {
        return Err(precondition_failed());
    }
    let unchanged = match (&request.if_none_match, &request.if_modified_since) {
        (Some(condition), _) => is_this(condition),
        (None, Some(since)) => modified_at <= *since,
        (None, None) => false,
    };
    if unchanged {
        return Err(S3Error::new(s3s::S3ErrorCode::NotModified));
    }
    Ok(())
}

fn part(head: &ObjectHead, range: Option<&Range>) -> S3Result<Option<std::ops::Range<u64>>> {
    let Some(range) = range else { return Ok(None) };
    let part = range.check(head.size).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    Ok(Some(part))
}

impl Found {
    pub(super) fn into_get(self) -> GetObjectOutput {
        let head = self.headers();
        GetObjectOutput {
            body: Some(StreamingBlob::from(Body::from(self.body))),
            accept_ranges: head.accept_ranges,
            bucket_key_enabled: head.bucket_key_enabled,
            cache_control: head.cache_control,
            checksum_crc32: head.checksum_crc32,
            checksum_crc32c: head.checksum_crc32c,
            checksum_crc64nvme: head.checksum_crc64nvme,
            checksum_sha1: head.checksum_sha1,
            checksum_sha256: head.checksum_sha256,
            checksum_type: head.checksum_type,
            content_disposition: head.content_disposition,
            content_encoding: head.content_encoding,
            content_language: head.content_language,
            content_length: head.content_length,
            content_range: head.content_range,
            content_type: head.content_type,
            e_tag: head.e_tag,
            last_modified: head.last_modified,
            metadata: head.metadata,
            server_side_encryption: head.server_side_encryption,
            ssekms_key_id: head.ssekms_key_id,
            ..GetObjectOutput::default()
        }
    }

    pub(super) fn into_head(self) -> HeadObjectOutput {
        self.headers()
    }

    fn headers(&self) -> HeadObjectOutput {
        let attributes = self.head.attributes.clone();
        let checksum = attributes.checksum.filter(|_| self.with_checksum);
        let value_of = |algorithm| checksum.as_ref().and_then(|checksum| checksum.value_of(algorithm));
        let size = self.head.size;
        let length = self.part.as_ref().map_or(size, |part| part.end - part.start);
        HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            bucket_key_enabled: attributes.encryption.bucket_key_enabled,
            cache_control: attributes.cache_control,
            checksum_crc32: value_of(Algorithm::Crc32),
            checksum_crc32c: value_of(Algorithm::Crc32c),
            checksum_crc64nvme: value_of(Algorithm::Crc64Nvme),
            checksum_sha1: value_of(Algorithm::Sha1),
            checksum_sha256: value_of(Algorithm::Sha256),
            checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            content_disposition: attributes.content_disposition,
            content_encoding: attributes.content_encoding,
            content_language: attributes.content_language,
            content_length: i64::try_from(length).ok(),
            content_range: self.part.as_ref().map(|part| format!("bytes {}-{}/{size}", part.start, part.end - 1)),
            content_type: Some(attributes.content_type.unwrap_or_else(|| "binary/octet-stream".to_owned())),
            e_tag: Some(ETag::Strong(self.head.etag.clone())),
            last_modified: Some(s3s_timestamp(self.head.modified_at)),
            metadata: (!attributes.metadata.is_empty()).then(|| attributes.metadata.into_iter().collect()),
            server_side_encryption: Some(ServerSideEncryption::from(attributes.encryption.algorithm)),
            ssekms_key_id: attributes.encryption.kms_key_id,
            ..HeadObjectOutput::default()
        }
    }
}

pub(super) fn s3s_timestamp(at: Timestamp) -> s3s::dto::Timestamp {
    s3s::dto::Timestamp::from(std::time::SystemTime::from(at))
}

/// HTTP dates have no fractions; without this an object would be newer than its own Last-Modified.
fn whole_seconds(at: Timestamp) -> s3s::dto::Timestamp {
    s3s_timestamp(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
