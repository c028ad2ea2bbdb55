use std::collections::BTreeSet;

use sporlog_local::iam::{Effect, Policy, Statement, Used};
use sporlog_local::kms::SigningKey;
use sporlog_local::template::{Deployment, EMBEDDED, Template};

/// Statements whose resource has a wildcard, and why nothing narrower can stand there.
const WILDCARDS: [(&str, &str); 2] = [
    // The roles are the customers', in accounts that no template knows.
    ("ExportRunFunction", "BecomeTheCustomersRole"),
    ("AuditExportFunction", "BecomeTheCustomersRole"),
];

/// The template, where roles of the own account are `allowed` or `refused`.
pub(super) fn parse(text: &str, roles_of_own_account: &str) -> Template {
    let parameters = [("SigningKeyArn", SigningKey::arn()), ("RolesOfOwnAccount", roles_of_own_account.to_owned())];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
    Template::parse(text, &Deployment { parameters, ..Deployment::default() }).unwrap()
}

/// The template with the parameters of the local run.
pub(super) fn local_template() -> Template {
    parse(EMBEDDED, "allowed")
}

/// The statements that allow something, with their functions.
pub(super) fn allowing(template: &Template) -> impl Iterator<Item = (&str, &Statement)> {
    template.functions.iter().flat_map(|function| {
        let statements = function.policies.iter().flat_map(Policy::statements);
        let allowing = statements.filter(|statement| statement.effect() == Effect::Allow);
        allowing.map(|statement| (function.logical_id.as_str(), statement))
    })
}

/// What is granted: each action on each resource, with the patterns for its partition keys.
fn granted(template: &Template) -> BTreeSet<Used> {
    let mut granted = BTreeSet::new();
    for (function, statement) in allowing(template) {
        for resource in statement.resources() {
            granted.extend(statement.actions().iter().map(|action| Used {
                function: function.to_owned(),
                sid: statement.sid().unwrap().to_owned(),
                action: action.clone(),
                resource: resource.clone(),
                leading_keys: statement.leading_keys().unwrap_or_default().to_vec(),
            }));
        }
    }
    granted
}

/// Each with one pattern at most: two calls may have used one of a statement's patterns each.
fn by_key(all: &BTreeSet<Used>) -> BTreeSet<Used> {
    let split = |used: &Used| match used.leading_keys.as_slice() {
        [] => vec![used.clone()],
        keys => keys.iter().map(|key| Used { leading_keys: vec![key.clone()], ..used.clone() }).collect(),
    };
    all.iter().flat_map(split).collect()
}

/// What is granted and was not used, what was used and is not granted, and what is granted too widely.
pub(super) fn differences(template: &Template, used: &BTreeSet<Used>) -> Vec<String> {
    let (granted, used) = (by_key(&granted(template)), by_key(used));
    let told = |what: &str, Used { function, sid, action, resource, leading_keys }: &Used| {
        let keys = leading_keys.first().map(|key| format!(" with keys like {key}")).unwrap_or_default();
        format!("{function}: {sid}: {what}: {action} on {resource}{keys}")
    };
    let is_wide = |grant: &&Used| {
        grant.resource.contains(['*', '?']) && !WILDCARDS.contains(&(grant.function.as_str(), grant.sid.as_str()))
    };
    let wide = granted.iter().filter(is_wide).map(|grant| told("a wildcard without a reason in WILDCARDS", grant));
    let unused = granted.difference(&used).map(|grant| told("granted and never used", grant));
    let ungranted = used.difference(&granted).map(|used| told("used and not granted", used));
    wide.chain(unused).chain(ungranted).collect()
}

#[test]
fn a_difference_is_noticed() {
    let perfect = granted(&local_template());
    assert_eq!(differences(&local_template(), &perfect), [""; 0]);
    let read_the_log = "Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Query]";
    for (place, instead, expected) in [
        (
            read_the_log,
            "Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Query, dynamodb:Scan]",
            "AcquisitionAuditFunction: ReadTheLog: granted and never used: dynamodb:Scan on",
        ),
        (
            read_the_log,
            "Action: [dynamodb:GetItem, dynamodb:Query]",
            "AcquisitionAuditFunction: ReadTheLog: used and not granted: dynamodb:BatchGetItem on",
        ),
        (
            read_the_log,
            "Action: dynamodb:*",
            "AcquisitionAuditFunction: ReadTheLog: granted and never used: dynamodb:* on",
        ),
        (
            "!Sub \"${Table.Arn}/index/gsi1\"",
            "!Sub \"${Table.Arn}/index/*\"",
            "ExportDispatchFunction: FindWhoIsDue: a wildcard without a reason in WILDCARDS: dynamodb:Query on",
        ),
        (
            "!Sub \"${Table.Arn}/index/gsi1\"",
            "[!Sub \"${Table.Arn}/index/gsi1\", !GetAtt Table.Arn]",
            "RetentionFunction: FindWhatIsDue: granted and never used: dynamodb:Query on",
        ),
        (
            "dynamodb:LeadingKeys: [\"DUE#*\", \"BEHIND#*\"]",
            "dynamodb:LeadingKeys: [\"DUE#*\", \"BEHIND#*\", \"ORG#*\"]",
            "ExportDispatchFunction: FindWhoIsDue: granted and never used: dynamodb:Query on",
        ),
        (
            "Action: [kms:Sign, kms:GetPublicKey]",
            "Action: [kms:Sign, kms:GetPublicKey, kms:DescribeKey]",
            "ExportRunFunction: SignDigests: granted and never used: kms:DescribeKey on",
        ),
    ] {
        assert!(EMBEDDED.contains(place), "{place}");
        let found = differences(&parse(&EMBEDDED.replace(place, instead), "allowed"), &perfect);
        assert!(found.iter().any(|difference| difference.starts_with(expected)), "{expected}: {found:#?}");
    }
}
