//! Every credential fault, with AWS's code and status, on both services.

use std::time::Duration;

use aws_sdk_s3::config::{Credentials, Region};
use aws_smithy_async::time::StaticTimeSource;
use jiff::SignedDuration;

use super::super::Deny;
use super::{Aws, BUCKET, machine_time, raw, refusal, refused, root};

async fn s3_refusal(client: aws_sdk_s3::Client) -> (String, u16) {
    refusal(client.list_objects_v2().bucket(BUCKET).send().await)
}

async fn sts_refusal(client: aws_sdk_sts::Client) -> (String, u16) {
    refusal(client.get_caller_identity().send().await)
}

#[tokio::test]
async fn an_unknown_access_key() {
    let aws = Aws::start().await;
    let stranger = Credentials::new("AKIAUNKNOWNUNKNOWN00", "secret", None, None, "test");
    assert_eq!(s3_refusal(aws.s3_as(stranger.clone())).await, refused("InvalidAccessKeyId", 403));
    assert_eq!(sts_refusal(aws.sts_as(stranger)).await, refused("InvalidClientTokenId", 403));
}

#[tokio::test]
async fn a_wrong_signature() {
    let aws = Aws::start().await;
    let forger = Credentials::new(super::ROOT_ACCESS_KEY, "not-the-secret", None, None, "test");
    assert_eq!(s3_refusal(aws.s3_as(forger.clone())).await, refused("SignatureDoesNotMatch", 403));
    assert_eq!(sts_refusal(aws.sts_as(forger)).await, refused("SignatureDoesNotMatch", 403));
}

#[tokio::test]
async fn a_temporary_key_without_its_token_or_with_another() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    let (mine, other) = (aws.assume(&role, None).await, aws.assume(&role, None).await);
    let with_token = |token: Option<&str>| {
        let token = token.map(str::to_owned);
        Credentials::new(mine.access_key_id(), mine.secret_access_key(), token, None, "test")
    };
    for (token, expected) in [
        (None, refused("InvalidAccessKeyId", 403)),
        (other.session_token(), refused("InvalidToken", 400)),
        (Some("nonsense"), refused("InvalidToken", 400)),
    ] {
        assert_eq!(s3_refusal(aws.s3_as(with_token(token))).await, expected);
        assert_eq!(sts_refusal(aws.sts_as(with_token(token))).await, refused("InvalidClientTokenId", 403));
    }
    aws.s3_as(mine).list_objects_v2().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test]
async fn a_permanent_key_with_a_token() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    let token = aws.assume(&role, None).await.session_token().map(str::to_owned);
    let mixed = Credentials::new(super::ROOT_ACCESS_KEY, super::ROOT_SECRET_KEY, token, None, "test");
    assert_eq!(s3_refusal(aws.s3_as(mixed.clone())).await, refused("InvalidToken", 400));
    assert_eq!(sts_refusal(aws.sts_as(mixed)).await, refused("InvalidClientTokenId", 403));
}

#[tokio::test]
async fn an_expired_session_and_later_a_forgotten_one() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    let session = aws.assume(&role, None).await;
    aws.s3_as(session.clone()).list_objects_v2().bucket(BUCKET).send().await.unwrap();

    aws.advance(SignedDuration::from_secs(3601));
    assert_eq!(s3_refusal(aws.s3_as(session.clone())).await, refused("ExpiredToken", 400));
    assert_eq!(sts_refusal(aws.sts_as(session.clone())).await, refused("ExpiredToken", 403));

    aws.advance(SignedDuration::from_hours(25));
    aws.assume(&role, None).await;
    assert_eq!(s3_refusal(aws.s3_as(session)).await, refused("InvalidAccessKeyId", 403));
}

#[tokio::test]
async fn a_clock_more_than_a_quarter_of_an_hour_off() {
    let aws = Aws::start().await;
    for time in [machine_time() - Duration::from_secs(1000), machine_time() + Duration::from_secs(1000)] {
        let s3 = aws.s3_config(root()).time_source(StaticTimeSource::new(time)).build();
        let sts = aws.sts_config(root()).time_source(StaticTimeSource::new(time)).build();
        assert_eq!(s3_refusal(aws_sdk_s3::Client::from_conf(s3)).await, refused("RequestTimeTooSkewed", 403));
        assert_eq!(sts_refusal(aws_sdk_sts::Client::from_conf(sts)).await, refused("SignatureDoesNotMatch", 403));
    }
}

#[tokio::test]
async fn a_signature_for_another_region() {
    let aws = Aws::start().await;
    let s3 = aws.s3_config(root()).region(Region::new("us-east-1")).build();
    let sts = aws.sts_config(root()).region(Region::new("us-east-1")).build();
    assert_eq!(s3_refusal(aws_sdk_s3::Client::from_conf(s3)).await, refused("AuthorizationHeaderMalformed", 400));
    assert_eq!(sts_refusal(aws_sdk_sts::Client::from_conf(sts)).await, refused("SignatureDoesNotMatch", 403));
}

#[tokio::test]
async fn nobody() {
    let aws = Aws::start().await;
    let nobody = aws.s3_config(None).allow_no_auth().build();
    assert_eq!(s3_refusal(aws_sdk_s3::Client::from_conf(nobody)).await, refused("AccessDenied", 403));
    let nobody = aws.sts_config(None).allow_no_auth().build();
    assert_eq!(sts_refusal(aws_sdk_sts::Client::from_conf(nobody)).await, refused("MissingAuthenticationToken", 403));
}

#[tokio::test]
async fn a_bucket_outside_the_role() {
    let aws = Aws::start().await;
    aws.storage.create_bucket("someone-elses", super::DEFAULT_REGION).unwrap();
    aws.storage.create_bucket("demo-bucket-2", super::DEFAULT_REGION).unwrap();
    let role = aws.role("exporter", None, None);
    let s3 = aws.s3_as(aws.assume(&role, None).await);
    // The name that starts like the role's own must not slip through.
    for bucket in ["someone-elses", "demo-bucket-2"] {
        let put = s3.put_object().bucket(bucket).key("k").send().await;
        assert_eq!(refusal(put), refused("AccessDenied", 403));
        let get = s3.get_object().bucket(bucket).key("k").send().await;
        assert_eq!(refusal(get), refused("AccessDenied", 403));
    }
    assert_eq!(refusal(s3.list_buckets().send().await), refused("AccessDenied", 403));
    assert_eq!(refusal(s3.delete_bucket().bucket(BUCKET).send().await), refused("AccessDenied", 403));
    assert_eq!(refusal(s3.put_object().bucket("no-such-bucket").key("k").send().await), refused("NoSuchBucket", 404));
}

#[tokio::test]
async fn a_denied_action() {
    let aws = Aws::start().await;
    aws.s3().put_object().bucket(BUCKET).key("k").send().await.unwrap();

    let role = aws.role("no-put", None, Some(Deny::Put));
    let s3 = aws.s3_as(aws.assume(&role, None).await);
    let put = s3.put_object().bucket(BUCKET).key("k").send().await;
    let sentence = put.as_ref().unwrap_err().as_service_error().unwrap().meta().message().unwrap().to_owned();
    assert_eq!(refusal(put), refused("AccessDenied", 403));
    assert_eq!(
        sentence,
        "User: arn:aws:sts::000000000000:assumed-role/no-put/test-session is not authorized to perform: s3:PutObject \
         on resource: \"arn:aws:s3:::demo-bucket/k\" with an explicit deny in an identity-based policy"
    );

    let role = aws.role("no-delete", None, Some(Deny::Delete));
    let s3 = aws.s3_as(aws.assume(&role, None).await);
    s3.put_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(refusal(s3.delete_object().bucket(BUCKET).key("k").send().await), refused("AccessDenied", 403));
}

#[tokio::test]
async fn a_bucket_of_another_region() {
    let aws = Aws::start().await;
    aws.storage.create_bucket("far-away", "us-west-2").unwrap();
    let outcome = aws.s3().put_object().bucket("far-away").key("k").send().await;
    let region = outcome.as_ref().unwrap_err().raw_response().unwrap().headers().get("x-amz-bucket-region");
    assert_eq!(region, Some("us-west-2"));
    assert_eq!(refusal(outcome), refused("PermanentRedirect", 301));
}

#[tokio::test]
async fn what_the_clients_never_send() {
    let aws = Aws::start().await;
    let host = aws.address.to_string();
    let scope = |service| {
        format!(
            "AWS4-HMAC-SHA256 Credential=sporlog/20260101/eu-north-1/{service}/aws4_request, SignedHeaders=host, \
             Signature=00"
        )
    };
    let (old, for_sts, for_s3) = ("AWS sporlog:signature".to_owned(), scope("sts"), scope("s3"));
    for (method, path, authorization, status, code) in [
        ("GET", "/demo-bucket", &old, 400, "InvalidRequest"),
        ("GET", "/demo-bucket?AWSAccessKeyId=sporlog&Expires=1&Signature=x", &String::new(), 400, "InvalidRequest"),
        ("GET", "/demo-bucket", &for_sts, 400, "AuthorizationHeaderMalformed"),
        ("POST", "/", &for_s3, 403, "SignatureDoesNotMatch"),
        ("POST", "/", &old, 403, "IncompleteSignature"),
    ] {
        let form = if method == "POST" { "application/x-www-form-urlencoded" } else { "text/plain" };
        let headers = [("host", host.as_str()), ("content-type", form), ("authorization", authorization)];
        let headers = if authorization.is_empty() { &headers[..2] } else { &headers[..] };
        let (answered, body) = raw::send(&aws, method, path, headers, "").await;
        assert!(answered == status && body.contains(code), "{path}: {answered} {body}");
        assert_eq!(body.contains("<ErrorResponse"), method == "POST", "{body}");
    }
}
