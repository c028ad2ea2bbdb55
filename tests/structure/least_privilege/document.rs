use std::fmt::Write;
use std::fs;
use std::path::Path;

use sporlog_local::iam::{Effect, Policy, Statement};
use sporlog_local::template::{ACCOUNT, EMBEDDED, FunctionSpec};

use super::grants::parse;
use crate::structure::root;

const INTRODUCTION: &str = "\
# What each function may do

Made from `template.yaml`, as it is deployed with a `SigningKeyArn` and without `RolesOfOwnAccount`; a test compares. Another test
records what the functions ask of AWS in a run through everything, and fails when that is not exactly what is granted here. The local
run refuses the rest, as AWS does.

*Keys* are DynamoDB's partition keys: every one that a request names has to be like one of these (`dynamodb:LeadingKeys`).
*AWS itself* is what Lambda and the scheduler do, which SAM grants without a line in the function's `Policies`. Beside it every function
may write its own log.
";

/// The page, from the template.
fn document() -> String {
    let mut page = INTRODUCTION.to_owned();
    for function in &parse(EMBEDDED, "refused").functions {
        let _ = write!(page, "\n## {}\n\n", function.logical_id);
        page.push_str("| statement | | actions | on | keys |\n|---|---|---|---|---|\n");
        for statement in function.policies.iter().flat_map(Policy::statements) {
            page.push_str(&row(statement));
        }
        for (actions, on) in of_aws_itself(function) {
            let _ = writeln!(page, "| *AWS itself* | allow | {actions} | {on} | |");
        }
    }
    page
}

fn row(statement: &Statement) -> String {
    let effect = match statement.effect() {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    let list =
        |items: &[String], shown: &dyn Fn(&String) -> String| items.iter().map(shown).collect::<Vec<_>>().join(", ");
    let code = |text: &String| format!("`{text}`");
    let (actions, on) = (list(statement.actions(), &code), list(statement.resources(), &resource));
    let keys = list(statement.leading_keys().unwrap_or_default(), &code);
    format!(
        "| {} | {effect} | {actions} | {on} |{} |\n",
        statement.sid().unwrap(),
        if keys.is_empty() { keys } else { format!(" {keys}") }
    )
}

/// A resource without what is the same in every ARN.
fn resource(arn: &String) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", _, "*", role] => format!("`{role}` of any account"),
        ["arn", _, "iam", _, ACCOUNT, role] => format!("`{role}` of this account"),
        ["arn", _, "sqs", _, _, name] => format!("`sqs:{name}`"),
        ["arn", _, "kms", ..] => "`SigningKeyArn`".to_owned(),
        ["arn", _, _, _, _, name] => format!("`{name}`"),
        _ => format!("`{arn}`"),
    }
}

fn of_aws_itself(function: &FunctionSpec) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for source in &function.queue_sources {
        let poll = "`sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:GetQueueAttributes`: its poller".to_owned();
        rows.push((poll, format!("`sqs:{}`", source.queue)));
    }
    if let Some(queue) = &function.asynchronous.on_failure {
        rows.push(("`sqs:SendMessage`: invocations that failed for good".to_owned(), format!("`sqs:{queue}`")));
    }
    for schedule in &function.schedules {
        let minutes = schedule.every.as_secs() / 60;
        let start = format!("`lambda:InvokeFunction`: the schedule, every {minutes} minutes, with a role of its own");
        rows.push((start, format!("`function:{}`", function.logical_id)));
    }
    rows
}

#[test]
fn the_document_is_what_the_template_says() {
    let (page, expected) = (root().join("docs/permissions.md"), document());
    if fs::read_to_string(&page).is_ok_and(|text| text == expected) {
        return;
    }
    let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("permissions.md");
    fs::write(&renewed, expected).unwrap();
    panic!("the policies have changed; renew their document with: cp {} {}", renewed.display(), page.display());
}
