//! STS: `AssumeRole` and what its sessions may do.

use super::super::Deny;
use super::{Aws, BUCKET, machine_seconds, refusal, refused};

const ONLY_PUT_UNDER_EXPORT: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::demo-bucket/export/*"]}]}"#;

#[tokio::test]
async fn a_session_says_who_it_is() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    assert_eq!(role.as_str(), "arn:aws:iam::000000000000:role/exporter");
    let answer = aws.sts().assume_role().role_arn(role.as_str()).role_session_name("org-1.run-2").send().await.unwrap();
    let arn = "arn:aws:sts::000000000000:assumed-role/exporter/org-1.run-2";
    assert_eq!(answer.assumed_role_user().unwrap().arn(), arn);
    let credentials = answer.credentials().unwrap();
    assert!(credentials.access_key_id().starts_with("ASIA") && credentials.access_key_id().len() == 20);
    let lifetime = credentials.expiration().secs() - machine_seconds();
    assert!((3590..=3600).contains(&lifetime), "{lifetime}");

    let identity = aws.sts_as(aws.assume(&role, None).await).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::000000000000:assumed-role/exporter/test-session"));
    assert_eq!(identity.account(), Some("000000000000"));
    let identity = aws.sts().get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:iam::000000000000:user/sporlog"));
}

#[tokio::test]
async fn the_external_id_must_be_the_roles() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", Some("org-1:secret-id"), None);
    let sts = aws.sts();
    let assume = |external_id: Option<&str>| {
        sts.assume_role()
            .role_arn(role.as_str())
            .role_session_name("test")
            .set_external_id(external_id.map(str::to_owned))
            .send()
    };
    for wrong in [None, Some("org-1:secret-i"), Some("ORG-1:SECRET-ID")] {
        let outcome = assume(wrong).await;
        let message = outcome.as_ref().unwrap_err().as_service_error().unwrap().meta().message().unwrap().to_owned();
        assert_eq!(refusal(outcome), refused("AccessDenied", 403));
        assert_eq!(
            message,
            "User: arn:aws:iam::000000000000:user/sporlog is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::000000000000:role/exporter"
        );
    }
    assume(Some("org-1:secret-id")).await.unwrap();

    // A trust policy without a condition takes any.
    let open = aws.role("open", None, None);
    sts.assume_role().role_arn(open.as_str()).role_session_name("test").external_id("any").send().await.unwrap();
}

#[tokio::test]
async fn roles_that_cannot_be_assumed() {
    let aws = Aws::start().await;
    let denied = aws.role("denied", None, Some(Deny::Assume));
    for arn in [denied.as_str(), "arn:aws:iam::000000000000:role/unknown", "arn:aws:iam::111111111111:role/denied"] {
        let outcome = aws.sts().assume_role().role_arn(arn).role_session_name("test").send().await;
        assert_eq!(refusal(outcome), refused("AccessDenied", 403), "{arn}");
    }
    let role = aws.role("exporter", None, None);
    let chained = aws.sts_as(aws.assume(&role, None).await);
    let outcome = chained.assume_role().role_arn(role.as_str()).role_session_name("test").send().await;
    assert_eq!(refusal(outcome), refused("AccessDenied", 403));
}

#[tokio::test]
async fn parameters_out_of_range() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    let sts = aws.sts();
    let assume = || sts.assume_role().role_arn(role.as_str()).role_session_name("test");
    let invalid = refused("ValidationError", 400);
    assert_eq!(refusal(assume().role_session_name("a").send().await), invalid);
    assert_eq!(refusal(assume().role_session_name("a b").send().await), invalid);
    assert_eq!(refusal(assume().duration_seconds(899).send().await), invalid);
    assert_eq!(refusal(assume().duration_seconds(3601).send().await), invalid);
    assert_eq!(refusal(assume().external_id("x").send().await), invalid);
    assert_eq!(refusal(assume().role_arn("exporter").send().await), invalid);
    let blanks = " ".repeat(2048);
    assert_eq!(refusal(assume().policy(format!("{ONLY_PUT_UNDER_EXPORT}{blanks}")).send().await), invalid);
    assert_eq!(refusal(assume().policy("{}").send().await), refused("MalformedPolicyDocument", 400));
    assume().duration_seconds(900).send().await.unwrap();
}

#[tokio::test]
async fn an_action_that_is_not_there() {
    let aws = Aws::start().await;
    assert_eq!(refusal(aws.sts().get_session_token().send().await), refused("InvalidAction", 400));
}

#[tokio::test]
async fn a_session_policy_narrows_and_never_widens() {
    let aws = Aws::start().await;
    let role = aws.role("exporter", None, None);
    let s3 = aws.s3_as(aws.assume(&role, Some(ONLY_PUT_UNDER_EXPORT)).await);
    let denied = refused("AccessDenied", 403);
    s3.put_object().bucket(BUCKET).key("export/k").send().await.unwrap();
    assert_eq!(refusal(s3.put_object().bucket(BUCKET).key("elsewhere/k").send().await), denied);
    assert_eq!(refusal(s3.get_object().bucket(BUCKET).key("export/k").send().await), denied);
    assert_eq!(refusal(s3.delete_object().bucket(BUCKET).key("export/k").send().await), denied);
    assert_eq!(refusal(s3.list_objects_v2().bucket(BUCKET).send().await), denied);
    // Whether a key exists is for those who may list.
    let wide = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    aws.storage.create_bucket("someone-elses", super::DEFAULT_REGION).unwrap();
    let s3 = aws.s3_as(aws.assume(&role, Some(wide)).await);
    assert_eq!(refusal(s3.put_object().bucket("someone-elses").key("k").send().await), denied);
    assert_eq!(refusal(s3.get_object().bucket(BUCKET).key("missing").send().await), refused("NoSuchKey", 404));

    let reader = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::demo-bucket/*"}}"#;
    let s3 = aws.s3_as(aws.assume(&role, Some(reader)).await);
    assert_eq!(refusal(s3.get_object().bucket(BUCKET).key("missing").send().await), denied);
    // If-Match tells whether an ETag is the object's: it takes the right to read.
    let s3 = aws.s3_as(aws.assume(&role, Some(ONLY_PUT_UNDER_EXPORT)).await);
    assert_eq!(refusal(s3.put_object().bucket(BUCKET).key("export/k").if_match("x").send().await), denied);
}
