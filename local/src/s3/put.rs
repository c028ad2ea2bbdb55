//! `PutObject`: read the body, verify it, decide the condition and write.

use bytes::Bytes;
use futures_util::StreamExt as _;
use s3s::dto::{ETag, ETagCondition, PutObjectInput, PutObjectOutput, ServerSideEncryption, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::attributes::{Attributes, Encryption};
use super::checksum::{self, Algorithm, Promise};
use super::identity::{GENERATE_DATA_KEY, Identity};
use super::objects::{self, Condition, NewObject, PutOutcome};
use super::refusal::internal;
use super::{Clock, Storage, access};

/// S3 takes 5 GB in one PUT; nothing that Sporlog writes comes near this, and the body is held in memory.
const MAX_BODY_BYTES: usize = 512 * 1024 * 1024;

pub(super) async fn put_object(
    storage: &Storage,
    clock: &Clock,
    identity: &Identity,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let condition = condition(&request.input)?;
    if matches!(condition, Condition::Etag(_)) {
        // The answer tells whether the ETag is the object's, so S3 asks for the right to read it.
        let object = access::object_arn(&request.input.bucket, &request.input.key);
        access::allow(identity, "s3:GetObject", &object)?;
    }
    let mut attributes = attributes(&request.input)?;
    if attributes.encryption.algorithm.starts_with("aws:kms") {
        let key = attributes.encryption.kms_key_id.as_deref().unwrap_or("*");
        access::allow(identity, GENERATE_DATA_KEY, key)?;
    }
    let promise = Promise::of(&request.input, &request.headers)?;
    let body = read_body(request.input.body.take(), request.input.content_length).await?;
    let promised = promise.resolve(request.trailing_headers.as_ref())?;
    let content_md5 = request.input.content_md5.take();

    let (body, digests) = tokio::task::spawn_blocking(move || {
        let digests = checksum::verify(&body, promised.as_ref(), content_md5.as_deref())?;
        Ok::<_, S3Error>((body, digests))
    })
    .await
    .map_err(|_| internal())??;
    attributes.checksum = Some(digests.checksum.clone());
    let encryption = attributes.encryption.clone();

    let object = NewObject {
        bucket: request.input.bucket,
        key: request.input.key,
        etag: digests.etag.clone(),
        attributes,
        body,
        modified_at: clock(),
    };
    match storage.write(move |transaction| objects::put(transaction, &object, &condition)).await? {
        PutOutcome::Stored => {}
        PutOutcome::PreconditionFailed => return Err(precondition_failed()),
        PutOutcome::NoSuchKey => return Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
        PutOutcome::NoSuchBucket => return Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")),
    }
    let checksum = digests.checksum;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(digests.etag)),
        checksum_crc32: checksum.value_of(Algorithm::Crc32),
        checksum_crc32c: checksum.value_of(Algorithm::Crc32c),
        checksum_crc64nvme: checksum.value_of(Algorithm::Crc64Nvme),
        checksum_sha1: checksum.value_of(Algorithm::Sha1),
        checksum_sha256: checksum.value_of(Algorithm::Sha256),
        checksum_type: Some(s3s::dto::ChecksumType::from_static(s3s::dto::ChecksumType::FULL_OBJECT)),
        server_side_encryption: Some(ServerSideEncryption::from(encryption.algorithm)),
        ssekms_key_id: encryption.kms_key_id,
        bucket_key_enabled: encryption.bucket_key_enabled,
        ..PutObjectOutput::default()
    }))
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn condition(input: &PutObjectInput) -> S3Result<Condition> {
    match (&input.if_none_match, &input.if_match) {
        (None, None) => Ok(Condition::None),
        (Some(ETagCondition::Any), None) => Ok(Condition::Absent),
        (None, Some(ETagCondition::ETag(etag))) => Ok(Condition::Etag(etag.value().to_owned())),
        _ => Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")),
    }
}

fn attributes(input: &PutObjectInput) -> S3Result<Attributes> {
    let acl = input.acl.as_ref().map(s3s::dto::ObjectCannedACL::as_str);
    if !matches!(acl, None | Some("private" | "bucket-owner-full-control")) {
        let code = S3ErrorCode::Custom("AccessControlListNotSupported".into());
        let mut error = S3Error::with_message(code, "The bucket does not allow ACLs");
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        return Err(error);
    }
    if input.sse_customer_algorithm.is_some() || input.tagging.is_some() || input.object_lock_mode.is_some() {
        return Err(s3_error!(NotImplemented, "The local S3 has no customer keys, tags or object locks"));
    }
    let metadata = input.metadata.iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Attributes {
        content_type: input.content_type.clone(),
        content_encoding: input.content_encoding.as_deref().and_then(without_aws_chunked),
        content_disposition: input.content_disposition.clone(),
        content_language: input.content_language.clone(),
        cache_control: input.cache_control.clone(),
        metadata,
        encryption: encryption(input)?,
        checksum: None,
    })
}

fn encryption(input: &PutObjectInput) -> S3Result<Encryption> {
    let kms_key_id = input.ssekms_key_id.clone();
    match (input.server_side_encryption.as_ref().map(ServerSideEncryption::as_str), &kms_key_id) {
        (None | Some("AES256"), None) => Ok(Encryption::default()),
        (Some(algorithm @ ("aws:kms" | "aws:kms:dsse")), _) => {
            Ok(Encryption { algorithm: algorithm.to_owned(), kms_key_id, bucket_key_enabled: input.bucket_key_enabled })
        }
        (None | Some("AES256"), Some(_)) => Err(s3_error!(
            InvalidArgument,
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
        )),
        (Some(_), _) => Err(s3_error!(InvalidArgument, "The encryption method specified is not supported")),
    }
}

/// `aws-chunked` describes the transfer; S3 stores what remains.
fn without_aws_chunked(encodings: &str) -> Option<String> {
    let kept: Vec<_> =
        encodings.split(',').map(str::trim).filter(|coding| !coding.is_empty() && *coding != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

async fn read_body(body: Option<StreamingBlob>, content_length: Option<i64>) -> S3Result<Bytes> {
    let expected = content_length.and_then(|length| usize::try_from(length).ok());
    if expected.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(entity_too_large());
    }
    let Some(expected) = expected else {
        return Err(s3_error!(MissingContentLength, "You must provide the Content-Length HTTP header."));
    };
    let mut bytes = Vec::with_capacity(expected);
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken_body(&error.to_string()))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(entity_too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() != expected {
        return Err(incomplete_body());
    }
    Ok(Bytes::from(bytes))
}

/// The error types of `s3s`'s body streams are private, so they are told apart by what they print.
/// Architecture invariant: the version of `s3s` is pinned, and a test sends each of the first two.
fn broken_body(error: &str) -> S3Error {
    if error.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let sentence = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let mut error = S3Error::with_message(code, sentence);
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        error
    } else if error.contains("SignatureMismatch") {
        s3_error!(
            SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method."
        )
    } else {
        incomplete_body()
    }
}

fn incomplete_body() -> S3Error {
    s3_error!(IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

fn entity_too_large() -> S3Error {
    s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
}
