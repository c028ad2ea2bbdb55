use std::path::Path;

use serde_json::json;
use sporlog_model::{EntityType, KeyPrefix};
use sporlog_verify::{Backfill, Options};
use tempfile::tempdir;

use super::verify_all;
use crate::harness::{FolioEvent, SAMPLES, System, in_batch, scope_of};

/// As `aws s3 sync` copies a bucket.
fn copy(system: &System, bucket: &str, directory: &Path) {
    for key in system.keys(bucket) {
        let file = directory.join(&key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, system.object(bucket, &key)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_exports_are_whole() {
    let system = System::start().await;
    for (id, prefix) in [("diku", ""), ("other", "logs/sporlog")] {
        let bucket = system.enable_export(id).await;
        let mut config = system.stack.store.export_config(&scope_of(id)).await.unwrap().unwrap();
        config.destination.prefix = KeyPrefix::parse(prefix).unwrap();
        system.stack.store.put_export_config(&scope_of(id), &config).await.unwrap();
        let samples =
            SAMPLES.map(|(entity_type, payload)| in_batch(id, entity_type, &serde_json::from_str(payload).unwrap()));
        system.ingest(samples.to_vec()).await;
        for round in 0..5 {
            let of = |entity_type| FolioEvent {
                snapshot: json!({"text": "Blåbær \"\u{2028}\" \\ \u{7f}", "deep": [[[{"a": 1.50}]]], "n": round}),
                ..FolioEvent::of(entity_type, &uuid::Uuid::new_v4().to_string())
            };
            let events = EntityType::ACQUISITION.into_iter().map(|entity_type| of(entity_type).in_batch(id));
            system.ingest(events.collect()).await;
            assert_eq!(system.export(id).await["outcome"], "succeeded");
        }
        let directory = tempdir().unwrap();
        copy(&system, &bucket, directory.path());
        let report = verify_all(&[directory.path()], id, &Options::default()).unwrap();
        assert_eq!((report.events, report.objects, report.digests), (36, 5, 5));
        // The first of the exports is the history, and the local run signs.
        assert!(matches!(report.backfill, Backfill::Finished { .. }), "{report:?}");
        assert_eq!((report.signed, report.left_behind), (5, 0));
    }
    system.stop().await;
}
