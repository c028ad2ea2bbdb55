//! What a PUT promises: its checksum, its condition, its bytes.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use aws_sigv4::http_request::SignableBody;
use tokio::task::JoinSet;

use super::{Aws, BUCKET, raw, refusal, refused};

/// Changes the bytes after the request has been signed.
#[derive(Debug)]
struct Tamper(&'static [u8]);

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut().body_mut() = SdkBody::from(self.0);
        Ok(())
    }
}

#[tokio::test]
async fn of_racing_writers_one_wins() {
    let aws = Aws::start().await;
    let directory = tempfile::tempdir().unwrap();
    let on_disk = Aws::serve(super::Storage::open(&directory.path().join("s3.sqlite")).unwrap()).await;
    for aws in [&aws, &on_disk] {
        let s3 = aws.s3();
        for race in 0..40 {
            let mut writers = JoinSet::new();
            for writer in 0..8 {
                let put = s3.put_object().bucket(BUCKET).key(format!("race-{race}")).if_none_match("*");
                let body = format!("writer {writer}").into_bytes();
                writers.spawn(async move { (writer, put.body(body.into()).send().await) });
            }
            let mut winners = Vec::new();
            while let Some(outcome) = writers.join_next().await {
                match outcome.unwrap() {
                    (writer, Ok(_)) => winners.push(writer),
                    (_, outcome) => assert_eq!(refusal(outcome), refused("PreconditionFailed", 412)),
                }
            }
            let stored = aws.storage.get_object(BUCKET, &format!("race-{race}")).unwrap().unwrap();
            assert_eq!(winners.len(), 1);
            assert_eq!(stored.body, format!("writer {}", winners[0]));
        }
    }
}

#[tokio::test]
async fn if_match_replaces_what_was_read() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let put = || s3.put_object().bucket(BUCKET).key("k");
    assert_eq!(refusal(put().if_match("\"x\"").send().await), refused("NoSuchKey", 404));
    let first = put().body(ByteStream::from_static(b"1")).send().await.unwrap();
    put().if_match(first.e_tag().unwrap()).body(ByteStream::from_static(b"2")).send().await.unwrap();
    assert_eq!(refusal(put().if_match(first.e_tag().unwrap()).send().await), refused("PreconditionFailed", 412));
    assert_eq!(aws.storage.get_object(BUCKET, "k").unwrap().unwrap().body, "2");
}

#[tokio::test]
async fn checksums_are_verified_and_given_back() {
    const SHA256_OF_HELLO: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    const SHA256_OF_NOTHING: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let put = || s3.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"hello"));
    put().checksum_sha256(SHA256_OF_HELLO).send().await.unwrap();
    let get = s3.get_object().bucket(BUCKET).key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(get.checksum_sha256(), Some(SHA256_OF_HELLO));
    assert_eq!(refusal(put().checksum_sha256(SHA256_OF_NOTHING).send().await), refused("BadDigest", 400));
    assert_eq!(refusal(put().checksum_sha256("AAAA").send().await), refused("InvalidRequest", 400));
    assert_eq!(refusal(put().checksum_crc32("AAAAAA==").send().await), refused("BadDigest", 400));
    let md5_of_hello = "XUFAKrxLKna5cZ2REBfFkg==";
    put().content_md5(md5_of_hello).send().await.unwrap();
    assert_eq!(refusal(put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await), refused("BadDigest", 400));
    assert_eq!(refusal(put().content_md5("hello").send().await), refused("InvalidDigest", 400));
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        put().checksum_algorithm(algorithm).send().await.unwrap();
        // The client compares the checksum that comes back with the bytes.
        let get = s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
        assert_eq!(get.body.collect().await.unwrap().into_bytes(), "hello");
    }
}

#[tokio::test]
async fn bytes_that_are_not_the_signed_ones() {
    let aws = Aws::start().await;
    let put = aws.s3().put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"hello"));
    let outcome = put.customize().interceptor(Tamper(b"jello")).send().await;
    assert_eq!(refusal(outcome), refused("XAmzContentSHA256Mismatch", 400));
    assert_eq!(aws.storage.get_object(BUCKET, "k").unwrap(), None);
}

#[tokio::test]
async fn a_streamed_body_with_its_checksum_in_the_trailer() {
    let aws = Aws::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("body");
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &body).unwrap();
    let put = aws
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_encoding("gzip")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .body(ByteStream::from_path(&path).await.unwrap());
    let put = put.send().await.unwrap();
    assert!(put.checksum_sha256().is_some());
    let stored = aws.storage.get_object(BUCKET, "k").unwrap().unwrap();
    assert!(stored.body == body);
    assert_eq!(stored.content_encoding.as_deref(), Some("gzip"));
}

/// Over TLS the clients leave the chunks unsigned, so here only the checksum in the trailer protects the bytes.
#[tokio::test]
async fn a_trailer_that_does_not_fit_the_bytes() {
    let aws = Aws::start().await;
    let headers = [
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("content-encoding", "aws-chunked"),
    ];
    let put = async |body: &str| {
        let length = body.len().to_string();
        let headers = [&headers[..], &[("content-length", length.as_str())]].concat();
        raw::send_signed(&aws, "PUT", "/demo-bucket/k", &headers, SignableBody::StreamingUnsignedPayloadTrailer, body)
            .await
    };
    for (body, code) in [
        ("5\r\njello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "BadDigest"),
        ("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"),
        ("5\r\nhello\r\n0\r\nx-amz-checksum-sha1:NhCmhg==\r\n\r\n", "MalformedTrailerError"),
        ("5\r\nhell", "IncompleteBody"),
    ] {
        let (status, answer) = put(body).await;
        assert!(status == 400 && answer.contains(code), "{status} {answer}");
    }
    assert_eq!(aws.storage.get_object(BUCKET, "k").unwrap(), None);
    let (status, answer) = put("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n").await;
    assert_eq!(status, 200, "{answer}");
    let stored = aws.storage.get_object(BUCKET, "k").unwrap().unwrap();
    assert_eq!((stored.body.as_ref(), stored.content_encoding), (&b"hello"[..], None));
}

#[tokio::test]
async fn a_bucket_that_is_not_there() {
    let aws = Aws::start().await;
    let put = aws.s3().put_object().bucket("no-such-bucket").key("k").if_none_match("*").send().await;
    assert_eq!(refusal(put), refused("NoSuchBucket", 404));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let aws = Aws::start().await;
    let headers = [("content-length", "536870913")];
    let body = SignableBody::UnsignedPayload;
    let (status, answer) = raw::send_signed(&aws, "PUT", "/demo-bucket/k", &headers, body, "").await;
    assert!(status == 400 && answer.contains("EntityTooLarge"), "{status} {answer}");
}
