use std::collections::BTreeSet;

use serde_yaml_ng::Value as Yaml;
use sporlog_local::iam::{Call, Iam};
use sporlog_local::template::EMBEDDED;

use super::grants::{allowing, local_template, parse};

/// Whose roles are assumed; nobody else has any business with STS.
const ASSUME_ROLES: [&str; 2] = ["AuditExportFunction", "ExportRunFunction"];

/// Whether a function may assume a role, and AWS's reason if not.
fn assume(roles_of_own_account: &str, function: &str, role: &str) -> Result<(), String> {
    let iam = Iam::of(&parse(EMBEDDED, roles_of_own_account));
    let calls = [Call::on("sts:AssumeRole", role)];
    iam.allow(iam.role_of(function).unwrap(), &calls).map_err(|denied| denied.to_string())
}

#[test]
fn only_the_export_assumes_roles() {
    let template = local_template();
    let of_sts = allowing(&template).filter(|(_, statement)| {
        statement
            .actions()
            .iter()
            .any(|action| !["dynamodb:", "lambda:", "sqs:", "kms:"].iter().any(|service| action.starts_with(service)))
    });
    let found: BTreeSet<_> = of_sts.map(|(function, statement)| (function, statement.actions().join(" "))).collect();
    assert_eq!(found, ASSUME_ROLES.map(|function| (function, "sts:AssumeRole".to_owned())).into());
}

#[test]
fn no_role_of_the_account_itself_is_assumed_unless_that_is_allowed_and_none_of_a_service_ever() {
    let own = |name: &str| format!("arn:aws:iam::000000000000:role/{name}");
    let of_services =
        ["aws-service-role/x/y", "service-role/z", "ExportRunFunctionRole", "stack-AuthorizerFunctionRole-1A2B"];
    for function in ASSUME_ROLES {
        for setting in ["allowed", "refused"] {
            assert_eq!(assume(setting, function, "arn:aws:iam::123456789012:role/export"), Ok(()));
            for role in of_services {
                let refusal = assume(setting, function, &own(role)).unwrap_err();
                assert!(refusal.ends_with("with an explicit deny in an identity-based policy"), "{refusal}");
            }
        }
        assert_eq!(assume("allowed", function, &own("diku-export")), Ok(()));
        assert!(assume("refused", function, &own("diku-export")).is_err());
    }
}

/// Every statement of the template, in policies of functions and others.
fn statements<'a>(value: &'a Yaml, found: &mut Vec<&'a Yaml>) {
    match value {
        Yaml::Mapping(mapping) => {
            if mapping.contains_key("Effect") {
                found.push(value);
            }
            mapping.values().for_each(|value| statements(value, found));
        }
        Yaml::Sequence(sequence) => sequence.iter().for_each(|value| statements(value, found)),
        Yaml::Tagged(tagged) => statements(&tagged.value, found),
        _ => {}
    }
}

/// Also where [`super::grants`] does not look: what Lambda does in a function's role, such as reading Kafka.
#[test]
fn no_statement_is_about_everything() {
    // EC2 grants these on no narrower resource (Lambda Developer Guide, "Configuring cluster permissions"). The others are a key's
    // own policy, where `*` is that key (AWS KMS Developer Guide, "Key policies in AWS KMS").
    const EVERYWHERE: [&str; 3] = ["StandInItsNetwork", "LetTheAccountDecide", "LetAlarmsBeSent"];
    // The default of every key, and what CloudWatch needs to write to an encrypted topic (Amazon SNS Developer Guide).
    const WIDE: [&str; 2] = ["LetTheAccountDecide", "LetAlarmsBeSent"];
    let document: Yaml = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let mut found = Vec::new();
    statements(&document, &mut found);
    assert!(found.len() > 20, "{}", found.len());
    let is_everything = |value: &Yaml| value.as_str() == Some("*");
    let has = |statement: &Yaml, member: &str, is: &dyn Fn(&Yaml) -> bool| {
        let value = &statement[member];
        value.as_sequence().map_or_else(|| is(value), |values| values.iter().any(is))
    };
    let is_wide = |action: &Yaml| action.as_str().is_none_or(|action| action.contains('*'));
    for statement in found {
        let sid = statement["Sid"].as_str().unwrap();
        assert_eq!(has(statement, "Action", &is_wide), WIDE.contains(&sid), "{sid}");
        assert_eq!(has(statement, "Resource", &is_everything), EVERYWHERE.contains(&sid), "{sid}");
    }
}
