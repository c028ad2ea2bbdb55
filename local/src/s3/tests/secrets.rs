//! Nothing that lets somebody act for a session is written anywhere but in the answer to `AssumeRole`.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use super::super::sessions;
use super::{Aws, BUCKET, Credentials, raw};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One successful and one refused request of each kind; answers what must not be written.
async fn one_of_each(aws: &Aws) -> [String; 5] {
    let role = aws.role("exporter", Some("external-id-to-hide"), None);
    let assume = aws.sts().assume_role().role_arn(role.as_str()).role_session_name("test");
    let answer = assume.external_id("external-id-to-hide").send().await.unwrap().credentials.unwrap();
    let (key, secret, token) = (answer.access_key_id, answer.secret_access_key, answer.session_token);
    let s3 = aws.s3_as(Credentials::new(&key, &secret, Some(token.clone()), None, "test"));
    s3.put_object().bucket(BUCKET).key("k").body(b"v".to_vec().into()).send().await.unwrap();

    let presigned = s3.get_object().bucket(BUCKET).key("k");
    let presigned = presigned.presigned(PresigningConfig::expires_in(Duration::from_mins(1)).unwrap()).await.unwrap();
    let path = presigned.uri().strip_prefix(&aws.endpoint()).unwrap();
    let host = aws.address.to_string();
    let (status, body) = raw::send(aws, "GET", path, &[("host", &host)], "").await;
    assert_eq!((status, body.as_str()), (200, "v"));
    let (status, _) = raw::send(aws, "GET", &path.replace("/k?", "/other?"), &[("host", &host)], "").await;
    assert_eq!(status, 403);

    let signature = path.split_once("X-Amz-Signature=").unwrap().1[..64].to_owned();
    let session = aws.storage.read_now(|connection| sessions::find(connection, &key));
    let printed = format!("{session:?}");
    assert!(printed.contains(&key) && !printed.contains(&secret) && !printed.contains(&token));
    [secret, token, signature, "external-id-to-hide".to_owned(), "sporlog-local".to_owned()]
}

#[tokio::test]
async fn the_trace_holds_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish()
        // What the clients of this test write is not the server's.
        .with(
            Targets::new()
                .with_targets(["s3s", "sporlog", "hyper", "hyper_util"].map(|target| (target, LevelFilter::TRACE))),
        );
    let _guard = tracing::subscriber::set_default(subscriber);
    let aws = Aws::start().await;
    let first = one_of_each(&aws).await;
    // A place that another test's thread reached first is marked as heard by nobody; asked again here, it is heard.
    tracing::callsite::rebuild_interest_cache();
    let second = one_of_each(&aws).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered"), "{log}");
    for secret in first.iter().chain(&second) {
        assert!(!log.contains(secret), "{log}");
    }
}
