use serde_json::{Value, json};
use sporlog_model::{EntityType, folio};

use super::{ENTITY, assert_error, events, order_event, path};
use crate::harness::{Caller, FolioEvent, System, kafka_event, kafka_record, topic};

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_snapshot_is_plain_or_wrapped_as_the_header_says() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for entity_type in EntityType::ACQUISITION {
        let mut filled = FolioEvent::nth(entity_type, ENTITY, 3);
        filled.snapshot = json!({"map": {"a": 1}, "receivingStatus": "Late"});
        let empty = FolioEvent { snapshot: json!({}), ..FolioEvent::nth(entity_type, ENTITY, 2) };
        let none = FolioEvent { snapshot: Value::Null, ..FolioEvent::nth(entity_type, ENTITY, 1) };
        system.ingest([&filled, &empty, &none].map(|event| event.in_batch("diku")).to_vec()).await;

        let (snapshot, path) = (folio::snapshot_member(entity_type), path(entity_type));
        let shown = |answer| events(&answer).iter().map(|event| event.get(snapshot).cloned()).collect::<Vec<_>>();
        let plain = [Some(filled.snapshot.clone()), Some(json!({})), None];
        let wrapped =
            [Some(json!({"map": filled.snapshot, "empty": false})), Some(json!({"map": {}, "empty": true})), None];
        assert_eq!(shown(system.get(&caller, &path).await), plain);
        for (value, expected) in [("plain", &plain), ("PLAIN", &plain), ("wrapped", &wrapped), ("Wrapped", &wrapped)] {
            let answer = system.get_with(&caller, &path, &[("X-Snapshot-Format", value)]).await;
            assert_eq!(&shown(answer), expected, "{value}");
        }
    }
    let changes = format!("{}/status-change-history", path(EntityType::Piece));
    let answer = system.get_with(&caller, &changes, &[("X-Snapshot-Format", "wrapped")]).await;
    let expected = json!({"map": {"map": {"a": 1}, "receivingStatus": "Late"}, "empty": false});
    assert_eq!(events(&answer)[0]["pieceSnapshot"], expected);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn other_formats_are_refused_by_name() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for path in [path(EntityType::Order), format!("{}/status-change-history", path(EntityType::Piece))] {
        for value in ["", "map", "wrapped,plain", "plain;q=1"] {
            let answer = system.get_with(&caller, &path, &[("X-Snapshot-Format", value)]).await;
            let parameters = json!([{"key": "X-Snapshot-Format", "value": value}]);
            let message = "X-Snapshot-Format must be plain or wrapped";
            assert_error(&answer, 422, "validationError", message, &parameters);
        }
    }
    system.stop().await;
}

/// Numbers keep their digits, members their order and their doubles, text its escapes; only white space goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_comes_back_to_the_digit() {
    let system = System::start().await;
    let bucket = system.enable_export("diku").await;
    let snapshot = r#"{"z":4.50,"a":12345678901234567890123,"e":1E+2,"neg":-0.0,"z":"twice","t":"å ☃ \u00e5 \"\\\/ \n","n":null,"l":[ ],"o":{ }}"#;
    let kept = r#"{"z":4.50,"a":12345678901234567890123,"e":1E+2,"neg":-0.0,"z":"twice","t":"å ☃ \u00e5 \"\\\/ \n","n":null,"l":[],"o":{}}"#;
    let event = order_event(1, json!("SNAPSHOT")).payload().to_string().replace("\"SNAPSHOT\"", snapshot);
    let record = kafka_record(&topic("diku", EntityType::Order), 0, event.as_bytes());
    assert_eq!(system.invoke("IngestFunction", &kafka_event(vec![record])).await["stored"], 1);

    let caller = Caller::auditor("diku");
    let plain = system.get(&caller, &path(EntityType::Order)).await;
    assert!(plain.text().contains(&format!(r#""orderSnapshot":{kept}}}],"totalItems":1}}"#)), "{}", plain.text());
    let headers = [("x-snapshot-format", "wrapped")];
    let wrapped = system.get_with(&caller, &path(EntityType::Order), &headers).await;
    assert!(
        wrapped.text().contains(&format!(r#""orderSnapshot":{{"map":{kept},"empty":false}}}}]"#)),
        "{}",
        wrapped.text()
    );
    system.export("diku").await;
    let line = system.exported_text(&bucket);
    assert!(line.ends_with(&format!("\"data\":{kept}}}\n")), "{line}");
    system.stop().await;
}
