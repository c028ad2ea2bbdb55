use export_run::RunOutcome;
use sporlog_model::RoleArn;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Exporter, MORNING};
use crate::harness::{LogLines, ManualClock, System, scope_of};

/// On one thread, because the subscriber is that thread's.
#[tokio::test]
async fn a_failed_run_tells_the_log_what_aws_said_and_names_no_role() {
    let lines = LogLines::default();
    let writer = lines.clone();
    // What a deployed function logs at its most talkative.
    let loud = ["export_run", "sporlog_export", "sporlog_store"].map(|target| (target, LevelFilter::TRACE));
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(loud);
    let subscribed = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(move || writer.clone());
    let subscriber = subscribed.finish().with(filter);
    let system = System::start().await;
    let clock = ManualClock::at(MORNING);
    system.enable_export("diku").await;
    let exporter = Exporter::of(&system, "diku", &clock);
    exporter.record(1).await;
    let mut config = system.stack.store.export_config(&scope_of("diku")).await.unwrap().unwrap();
    config.destination.role_arn = RoleArn::parse("arn:aws:iam::000000000000:role/unknown-role").unwrap();
    exporter.store.put_export_config(&exporter.scope, &config).await.unwrap();

    let outcome = {
        let _guard = tracing::subscriber::set_default(subscriber);
        exporter.run().await
    };
    assert!(matches!(outcome, RunOutcome::Failed { .. }));
    let text = lines.text();
    for told in ["diku", "assume_role_denied", "AccessDenied"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for secret in ["arn:aws", "unknown-role", config.destination.external_id.as_str(), "bucket-of"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    system.stop().await;
}
