//! What the log of the process tells.

use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Exports, ORG, with, with_orgs, working};
use crate::harness::LogLines;

/// On one thread, because the subscriber is that thread's.
#[tokio::test]
async fn no_role_no_bucket_and_no_external_id_is_logged() {
    let lines = LogLines::default();
    let writer = lines.clone();
    let loud =
        ["audit_export", "sporlog_export", "sporlog_store", "sporlog_http"].map(|target| (target, LevelFilter::TRACE));
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(loud);
    let subscribed = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(move || writer.clone());
    let subscriber = subscribed.finish().with(filter);
    let system = with_orgs(&[ORG]).await;
    let body = working(&system, ORG).await;
    let function = Exports::of(&system, &[("EXPORT_RUN_FUNCTION", "NoFunction")]);
    {
        let _guard = tracing::subscriber::set_default(subscriber);
        assert_eq!(function.call("POST", "config", Some(&body)).await.0, 201);
        assert_eq!(function.call("POST", "test-connection", None).await.0, 200);
        let unknown = json!({"roleArn": "arn:aws:iam::000000000000:role/unknown-role"});
        assert_eq!(function.call("POST", "test-connection", Some(&with(&body, &unknown))).await.0, 200);
        assert_eq!(function.call("POST", "runs", None).await.0, 503);
        assert_eq!(function.call("GET", "setup", None).await.0, 200);
    }
    let text = lines.text();
    // What is said below `error` may be silenced by another test's thread.
    for told in ["the first export was not started", "AccessDeniedException", ORG] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let external_id = super::stored(&system, ORG).await.destination.external_id;
    for secret in ["arn:aws:iam", "unknown-role", "role-of", "bucket-of", external_id.as_str()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    system.stop().await;
}
