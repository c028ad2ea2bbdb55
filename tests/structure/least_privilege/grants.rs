use std::collections::{BTreeMap, BTreeSet};

use sporlog_local::iam::{Effect, Statement, Used};
use sporlog_local::kms::SigningKey;
use sporlog_local::template::{Deployment, EMBEDDED, Template};

/// Statements whose resource has a wildcard, and why AWS or the matter allows nothing narrower.
const WILDCARDS: [(&str, &str); 2] = [
    // The roles are the customers', in accounts that no template knows.
    ("ExportRunFunction", "BecomeTheCustomersRole"),
    ("AuditExportFunction", "BecomeTheCustomersRole"),
];

/// One action on one resource, as a statement grants it.
type Grant = (String, String, String, String);

pub(super) fn parse(text: &str) -> Template {
    let parameters = [("SigningKeyArn", SigningKey::arn()), ("RolesOfOwnAccount", "allowed".to_owned())];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
    Template::parse(text, &Deployment { parameters, ..Deployment::default() }).unwrap()
}

/// The template with the parameters of the local run.
pub(super) fn local_template() -> Template {
    parse(EMBEDDED)
}

/// The statements that allow something, with their functions.
pub(super) fn allowing(template: &Template) -> impl Iterator<Item = (&str, &Statement)> {
    template.functions.iter().flat_map(|function| {
        let statements = function.policies.iter().flat_map(|policy| policy.statements());
        let allowing = statements.filter(|statement| statement.effect() == Effect::Allow);
        allowing.map(|statement| (function.logical_id.as_str(), statement))
    })
}

/// What is granted and was not used, what was used otherwise than it is granted, and what is granted too widely.
pub(super) fn differences(template: &Template, used: &BTreeSet<Used>) -> Vec<String> {
    let mut granted: BTreeSet<Grant> = BTreeSet::new();
    let mut keys: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut differences = Vec::new();
    for (function, statement) in allowing(template) {
        let sid = statement.sid().unwrap();
        keys.insert((function, sid), statement.leading_keys().unwrap_or_default().iter().map(String::as_str).collect());
        for resource in statement.resources() {
            if resource.contains(['*', '?']) && !WILDCARDS.contains(&(function, sid)) {
                differences.push(format!("{function}: {sid} is on {resource}, which has no reason in WILDCARDS"));
            }
            let grant = |action: &String| (function.to_owned(), sid.to_owned(), action.clone(), resource.clone());
            granted.extend(statement.actions().iter().map(grant));
        }
    }
    let of_used = |used: &Used| (used.function.clone(), used.sid.clone(), used.action.clone(), used.resource.clone());
    let used_grants: BTreeSet<Grant> = used.iter().map(of_used).collect();
    let told = |what: &str, (function, sid, action, resource): &Grant| format!("{function}: {sid}: {what}: {action} on {resource}");
    differences.extend(granted.difference(&used_grants).map(|grant| told("granted and never used", grant)));
    differences.extend(used_grants.difference(&granted).map(|grant| told("used and not granted", grant)));
    for Used { function, sid, leading_keys, .. } in used {
        let patterns = keys.entry((function, sid)).or_default();
        patterns.retain(|pattern| !leading_keys.iter().any(|used| used == pattern));
    }
    for ((function, sid), patterns) in keys {
        let unused = patterns.iter().map(|pattern| format!("{function}: {sid}: no key was ever like {pattern}"));
        differences.extend(unused);
    }
    differences
}

/// A run in which everything was used that is granted.
fn perfect(template: &Template) -> BTreeSet<Used> {
    let used = allowing(template).flat_map(|(function, statement)| {
        let on = move |resource: &String| {
            statement.actions().iter().map(move |action| Used {
                function: function.to_owned(),
                sid: statement.sid().unwrap().to_owned(),
                action: action.clone(),
                resource: resource.clone(),
                leading_keys: statement.leading_keys().unwrap_or_default().to_vec(),
            }).collect::<Vec<_>>()
        };
        statement.resources().iter().flat_map(on).collect::<Vec<_>>()
    });
    used.collect()
}
