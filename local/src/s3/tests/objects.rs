//! Reading and deleting objects.

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{Delete, ObjectIdentifier, ServerSideEncryption};

use super::super::Deny;
use super::{Aws, BUCKET, machine_seconds, machine_time, refusal, refused};

#[tokio::test]
async fn put_get_list_delete() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let put = s3
        .put_object()
        .bucket(BUCKET)
        .key("dir/k æ+ %")
        .body(ByteStream::from_static(b"hello"))
        .content_type("application/x-ndjson")
        .content_encoding("gzip")
        .metadata("org", "org-1")
        .send()
        .await
        .unwrap();
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(put.server_side_encryption(), Some(&ServerSideEncryption::Aes256));

    let get = s3.get_object().bucket(BUCKET).key("dir/k æ+ %").send().await.unwrap();
    assert_eq!(get.content_type(), Some("application/x-ndjson"));
    assert_eq!(get.content_encoding(), Some("gzip"));
    assert_eq!(get.metadata().unwrap()["org"], "org-1");
    assert_eq!(get.e_tag(), put.e_tag());
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), "hello");

    let head = s3.head_object().bucket(BUCKET).key("dir/k æ+ %").send().await.unwrap();
    assert_eq!(head.content_length(), Some(5));
    let age = machine_seconds() - head.last_modified().unwrap().secs();
    assert!((0..60).contains(&age));

    let listed = s3.list_objects_v2().bucket(BUCKET).prefix("dir/").send().await.unwrap();
    let object = &listed.contents()[0];
    assert_eq!((object.key(), object.size(), object.e_tag()), (Some("dir/k æ+ %"), Some(5), put.e_tag()));

    let stored = aws.storage.get_object(BUCKET, "dir/k æ+ %").unwrap().unwrap();
    assert_eq!((stored.body.as_ref(), stored.content_encoding.as_deref()), (&b"hello"[..], Some("gzip")));

    // Deleting what is not there is as good as deleting it.
    for _ in 0..2 {
        s3.delete_object().bucket(BUCKET).key("dir/k æ+ %").send().await.unwrap();
    }
    let get = s3.get_object().bucket(BUCKET).key("dir/k æ+ %").send().await;
    assert_eq!(refusal(get), refused("NoSuchKey", 404));
    assert_eq!(refusal(s3.head_object().bucket(BUCKET).key("dir/k æ+ %").send().await).1, 404);
    assert_eq!(aws.storage.get_object(BUCKET, "dir/k æ+ %").unwrap(), None);
}

#[tokio::test]
async fn ranges_and_conditions() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let put =
        s3.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"0123456789")).send().await.unwrap();
    let etag = put.e_tag().unwrap();
    let get = || s3.get_object().bucket(BUCKET).key("k");
    for (range, bytes, content_range) in
        [("bytes=2-4", "234", "bytes 2-4/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let part = get().range(range).send().await.unwrap();
        assert_eq!(part.content_range(), Some(content_range));
        assert_eq!(part.body.collect().await.unwrap().into_bytes(), bytes);
    }
    assert_eq!(refusal(get().range("bytes=10-").send().await), refused("InvalidRange", 416));
    get().if_match(etag).send().await.unwrap();
    assert_eq!(refusal(get().if_match("\"other\"").send().await), refused("PreconditionFailed", 412));
    assert_eq!(refusal(get().if_none_match(etag).send().await).1, 304);
    get().if_none_match("\"other\"").send().await.unwrap();
    let now = DateTime::from(machine_time());
    assert_eq!(refusal(get().if_modified_since(now).send().await).1, 304);
}

#[tokio::test]
async fn encryption_headers_come_back() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let key_id = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let put = s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(key_id)
        .send()
        .await
        .unwrap();
    assert_eq!(put.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(put.ssekms_key_id(), Some(key_id));
    let head = s3.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(head.ssekms_key_id(), Some(key_id));
    let put = s3.put_object().bucket(BUCKET).key("k").ssekms_key_id(key_id).send().await;
    assert_eq!(refusal(put), refused("InvalidArgument", 400));
}

#[tokio::test]
async fn many_deletes_in_one_request() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    for key in ["a", "b", "c"] {
        s3.put_object().bucket(BUCKET).key(key).send().await.unwrap();
    }
    let keys = |keys: &[&str]| {
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build().unwrap());
        Delete::builder().set_objects(Some(objects.collect())).build().unwrap()
    };
    let answer = s3.delete_objects().bucket(BUCKET).delete(keys(&["a", "missing"])).send().await.unwrap();
    assert_eq!((answer.deleted().len(), answer.errors().len()), (2, 0));
    let role = aws.role("no-delete", None, Some(Deny::Delete));
    let restricted = aws.s3_as(aws.assume(&role, None).await);
    let answer = restricted.delete_objects().bucket(BUCKET).delete(keys(&["b"])).send().await.unwrap();
    assert_eq!(answer.errors()[0].code(), Some("AccessDenied"));
    assert_eq!(aws.storage.list_objects(BUCKET, "").unwrap().len(), 2);
}
