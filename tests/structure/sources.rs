use serde_yaml_ng::Value;
use serde_yaml_ng::value::Tag;
use sporlog_local::template::EMBEDDED;

/// The value within `!Ref` and the like.
fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}

fn resources() -> Vec<(String, Value)> {
    let template: Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let resources = template["Resources"].as_mapping().unwrap().clone();
    resources.into_iter().map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource)).collect()
}

/// Every source that hands batches to a function, by name, with its properties.
fn sources_of(function: &str) -> Vec<(String, Value)> {
    let mut sources = Vec::new();
    for (name, resource) in resources() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap() {
            "AWS::Lambda::EventSourceMapping" if untagged(&properties["FunctionName"]) == function => {
                sources.push((name, properties.clone()));
            }
            "AWS::Serverless::Function" if name == function => {
                let events = properties["Events"].as_mapping().cloned().unwrap_or_default();
                for (event, source) in events {
                    sources.push((format!("{name}.{}", event.as_str().unwrap()), source["Properties"].clone()));
                }
            }
            _ => {}
        }
    }
    sources
}

/// Ingest answers which records failed. A source that does not listen takes any answer for success and forgets the batch.
#[test]
fn every_source_of_ingest_listens_to_what_failed() {
    let sources = sources_of("IngestFunction");
    let names: Vec<&str> = sources.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"IngestFunction.Queue") && names.contains(&"KafkaOrderSource"), "{names:?}");
    for (name, source) in &sources {
        let types = source["FunctionResponseTypes"].as_sequence().cloned().unwrap_or_default();
        assert_eq!(types, ["ReportBatchItemFailures"], "{name}");
    }
}

/// With a destination for failures Lambda gives a Kafka batch up after some attempts; without, never.
#[test]
fn no_kafka_source_gives_up() {
    let kafka = sources_of("IngestFunction").into_iter().filter(|(name, _)| name.starts_with("Kafka"));
    let kafka: Vec<_> = kafka.collect();
    assert_eq!(kafka.len(), 6);
    for (name, source) in kafka {
        for member in ["DestinationConfig", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds"] {
            assert!(source.get(member).is_none(), "{name} has {member}");
        }
        assert_eq!(source["StartingPosition"], "TRIM_HORIZON", "{name}");
    }
}

#[test]
fn tags_are_seen_through() {
    let reference: Value = serde_yaml_ng::from_str("!Ref Table").unwrap();
    assert!(matches!(&reference, Value::Tagged(tagged) if tagged.tag == Tag::new("Ref")));
    assert_eq!(untagged(&reference), "Table");
}
