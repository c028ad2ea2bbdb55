use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sporlog_model::EntityType;

/// The topic on which FOLIO tells of a tenant's changes: `folio.Default.diku.ACQ_ORDER_LINE_CHANGED`.
pub(crate) fn topic(tenant: &str, entity_type: EntityType) -> String {
    format!("folio.Default.{tenant}.ACQ_{}_CHANGED", entity_type.name().to_uppercase().replace('-', "_"))
}

/// A record of partition 0 as Lambda hands it over, without headers.
pub(crate) fn kafka_record(topic: &str, offset: usize, value: &[u8]) -> Value {
    json!({
        "topic": topic, "partition": 0, "offset": offset, "timestamp": 1_668_072_600_333_i64, "timestampType": "CREATE_TIME",
        "key": STANDARD.encode("key"), "value": STANDARD.encode(value), "headers": [],
    })
}

/// The Lambda event of an MSK cluster with these records.
pub(crate) fn kafka_event(records: Vec<Value>) -> Value {
    let mut partitions: Map<String, Value> = Map::new();
    for record in records {
        let partition = format!("{}-{}", record["topic"].as_str().unwrap(), record["partition"]);
        partitions.entry(partition).or_insert_with(|| json!([])).as_array_mut().unwrap().push(record);
    }
    json!({"eventSource": "aws:kafka", "records": partitions})
}
