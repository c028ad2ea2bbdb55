//! What each refusal of AWS means for the customer.

use serde_json::json;

use super::{Exports, ORG, with_orgs, working};
use crate::harness::{Fault, Faults};

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_a_code_of_its_own() {
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let kms = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:GenerateDataKey on resource: k";
    let lock =
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
    let s3 = |status, code| ("PutObject", Fault::S3(status, code, "injected"));
    for ((operation, fault), code) in [
        (("AssumeRole", Fault::Sts(403, "AccessDenied")), "assume_role_denied"),
        (("AssumeRole", Fault::Sts(403, "RegionDisabledException")), "sts_region_disabled"),
        (("AssumeRole", Fault::Sts(403, "ExpiredToken")), "own_credentials"),
        (("AssumeRole", Fault::Sts(400, "MalformedPolicyDocument")), "assume_role_failed"),
        (s3(404, "NoSuchBucket"), "bucket_not_found"),
        (s3(301, "PermanentRedirect"), "wrong_region"),
        (s3(301, ""), "wrong_region"),
        (s3(307, "TemporaryRedirect"), "wrong_region"),
        (s3(400, "AuthorizationHeaderMalformed"), "wrong_region"),
        (s3(403, "AccessDenied"), "put_denied"),
        (s3(403, "AllAccessDisabled"), "put_denied"),
        (("PutObject", Fault::S3(403, "AccessDenied", kms)), "kms_denied"),
        (s3(400, "KMS.DisabledException"), "kms_key_disabled"),
        (s3(400, "KMS.KMSInvalidStateException"), "kms_key_disabled"),
        (s3(400, "KMS.NotFoundException"), "kms_key_not_found"),
        (s3(400, "KMS.InvalidKeyUsageException"), "kms_key_unusable"),
        (("PutObject", Fault::S3(400, "InvalidRequest", lock)), "object_lock"),
        (s3(400, "InvalidRequest"), "put_failed"),
        (s3(400, "ExpiredToken"), "session_expired"),
        (s3(403, "RequestTimeTooSkewed"), "clock_skew"),
        (s3(409, "ConditionalRequestConflict"), "slow_down"),
        (s3(501, "NotImplemented"), "s3_unavailable"),
    ] {
        let faults = Faults::before(&system.stack).await;
        let endpoints = faults.endpoints();
        let own: Vec<_> = endpoints.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let function = Exports::of(&system, &own);
        // As often as the client may try.
        faults.on(operation, [fault; 4]);
        let (status, test) = function.call("POST", "test-connection", Some(&body)).await;
        let failed = test["stages"].as_array().unwrap().iter().find(|stage| stage["ok"] == false).unwrap();
        assert_eq!((status, &test["success"], &failed["code"]), (200, &json!(false), &json!(code)), "{fault:?}");
        assert_eq!(test["error"], failed["message"]);
        for secret in ["arn:", "injected", "Content-MD5"] {
            assert!(!test.to_string().contains(secret), "{test}");
        }
    }
    system.stop().await;
}
