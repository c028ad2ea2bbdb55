use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sporlog_auth::{Action, authorization_document};

use super::{PUBLIC_ROUTES, root, template};

#[test]
fn the_document_is_what_the_policy_says() {
    let (document, expected) = (root().join("docs/authorization.md"), authorization_document());
    if fs::read_to_string(&document).is_ok_and(|text| text == expected) {
        return;
    }
    let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authorization.md");
    fs::write(&renewed, expected).unwrap();
    panic!("the policy has changed; renew its document with: cp {} {}", renewed.display(), document.display());
}

#[test]
fn every_route_that_is_not_public_is_an_action_of_the_policy_and_the_reverse() {
    let template = template();
    let routes = template.functions.iter().flat_map(|function| &function.routes);
    let in_template: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    let in_policy = Action::ALL.into_iter().flat_map(Action::routes).chain(&PUBLIC_ROUTES);
    let in_policy = in_policy.map(ToString::to_string).collect();
    assert_eq!(in_template, in_policy);
}
