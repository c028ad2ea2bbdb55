use serde_json::{Value, json};
use sporlog_model::settings::{SETTINGS, SettingDefinition, SettingRange};

use super::{assert_error, body, configurer, put, setting, setting_path};
use crate::harness::System;

/// Values that a setting takes, of another type, and of the type but out of its range.
fn values(definition: &SettingDefinition) -> [Vec<Value>; 3] {
    match definition.range {
        SettingRange::Any => [vec![json!(true), json!(false)], vec![json!("true"), json!(1)], vec![]],
        SettingRange::PageSize => {
            [vec![json!(1), json!(1000)], vec![json!("10"), json!(true)], vec![json!(0), json!(1001), json!(-1)]]
        }
        SettingRange::Days => {
            let out = [json!(0), json!(-2), json!(36_501), json!(i64::MAX)];
            [vec![json!(1), json!(36_500), json!(-1)], vec![json!("-1"), json!(false)], out.to_vec()]
        }
        SettingRange::Paths => {
            let good = [json!("[\"personal.email\", \"metadata\"]"), json!("[]")];
            let out = [json!(""), json!("personal.email"), json!("[\"a..b\"]"), json!("{}"), json!("[1]")];
            [good.to_vec(), vec![json!(1), json!(true)], out.to_vec()]
        }
        SettingRange::SnapshotFormat => {
            let out = [json!(""), json!("Wrapped"), json!("map")];
            [vec![json!("wrapped"), json!("plain")], vec![json!(0), json!(true)], out.to_vec()]
        }
    }
}

fn noun(definition: &SettingDefinition) -> &'static str {
    match definition.kind().name() {
        "STRING" => "a string",
        "INTEGER" => "an integer",
        _ => "a boolean",
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_setting_takes_what_is_in_its_range_and_nothing_else() {
    let system = System::start().await;
    let caller = configurer("diku");
    for definition in &SETTINGS {
        let (name, path) = (definition.full_name(), setting_path(definition));
        let shown = || setting(&system, "diku", definition.group.id(), definition.key);
        let [good, wrong_type, out_of_range] = values(definition);
        for value in wrong_type {
            let answer = put(&system, &caller, &path, &body(definition, &value)).await;
            let message = format!("Setting value should be {}", noun(definition));
            assert_error(&answer, 422, "validationError", &message, &json!([]));
        }
        for value in out_of_range {
            let answer = put(&system, &caller, &path, &body(definition, &value)).await;
            let message = format!("value must be {}", definition.range.describe());
            assert_error(&answer, 422, "validationError", &message, &json!([]));
        }
        let mut other_key = body(definition, &good[0]);
        other_key["key"] = json!(format!("{}.x", definition.key));
        let answer = put(&system, &caller, &path, &other_key).await;
        assert_error(&answer, 422, "validationError", "key must be the one in the path", &json!([]));
        assert_eq!(shown().await.get("metadata"), None, "{name}: nothing has changed");
        for value in good {
            let answer = put(&system, &caller, &path, &body(definition, &value)).await;
            assert_eq!((answer.status, answer.text()), (204, ""), "{name} {value}");
            assert_eq!(shown().await["value"], value, "{name}");
        }
    }
    system.stop().await;
}
