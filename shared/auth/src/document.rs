use std::fmt::Write;

use crate::{Action, KeyScope, PLATFORM_ADMIN, Role};

const INTRODUCTION: &str = "\
# Who may do what

Made from the policy in `shared/auth/src/policy.rs`; do not edit it here. The test that compares the two says how to renew it.

A caller needs one of the scopes or one of the roles, in the organization that the credential is for. Another organization's \
data does not exist for the caller: it is answered as what is unknown is answered.
";

/// `docs/authorization.md`, as the policy has it.
pub fn authorization_document() -> String {
    let mut text = INTRODUCTION.to_owned();
    let roles = Role::ALL.map(Role::name).join(" | ");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n| action | route | any of the scopes | {roles} | `{PLATFORM_ADMIN}` |");
    let _ = writeln!(text, "|---|---|---|{}---|", ":-:|".repeat(Role::ALL.len()));
    for action in Action::ALL {
        let rule = action.rule();
        let routes = list(action.routes());
        let besides =
            action.resource_permission("…").map(|permission| format!(" and `{permission}`")).unwrap_or_default();
        let scopes = list(rule.scopes) + &besides;
        let _ = write!(text, "| {} | {routes} | {scopes} |", action.title());
        for role in Role::ALL {
            text.push_str(if rule.roles.contains(&role) { " yes |" } else { " – |" });
        }
        text.push_str(if rule.platform { " in every organization |\n" } else { " – |\n" });
    }
    let grantable = list(&KeyScope::ALL.map(KeyScope::name));
    let _ = writeln!(
        text,
        "\nAn API key has no role. The scopes it can be given: {grantable}. `{PLATFORM_ADMIN}` belongs to those who run Sporlog: \
         a trusted issuer of a customer must not be able to issue it."
    );
    text
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "–".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
