use serde_yaml_ng::Value;
use sporlog_auth::operation;
use sporlog_local::template::EMBEDDED;

/// `ReadCaseAuditLog` → `readCaseAuditLog`.
fn lower_camel(name: &str) -> String {
    name[..1].to_lowercase() + &name[1..]
}

#[test]
fn every_route_is_called_in_the_log_as_its_event_in_the_template() {
    let template: Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let mut routes = 0;
    for (_, resource) in template["Resources"].as_mapping().unwrap() {
        for (name, event) in resource["Properties"]["Events"].as_mapping().into_iter().flatten() {
            if event["Type"] == "HttpApi" {
                let [method, path] = ["Method", "Path"].map(|member| event["Properties"][member].as_str().unwrap());
                assert_eq!(
                    operation(method, path),
                    Some(lower_camel(name.as_str().unwrap()).as_str()),
                    "{method} {path}"
                );
                routes += 1;
            }
        }
    }
    assert!(routes >= 36, "{routes}");
}
