//! What pages say of this repository.

use std::collections::BTreeSet;
use std::fs;

use pulldown_cmark::{Event, Parser};
use serde_yaml_ng::Value;
use sporlog_local::template::EMBEDDED;

use super::root;

/// Every test that the checklist names is there, so that whoever forgets a step is told by the one that it says.
#[test]
fn the_checklist_names_tests_that_are_there() {
    let page = fs::read_to_string(root().join("docs/adding-an-endpoint.md")).unwrap();
    let (mut named, mut module) = (0, String::new());
    for event in Parser::new(&page) {
        let Event::Code(code) = event else { continue };
        let Some((path, test)) = code.rsplit_once("::") else { continue };
        if path != "…" {
            path.clone_into(&mut module);
        }
        let file = root().join("tests").join(module.replace("::", "/"));
        let source = fs::read_to_string(file.with_extension("rs")).or_else(|_| fs::read_to_string(file.join("mod.rs")));
        let source = source.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert!(source.contains(&format!("fn {test}(")), "{code}");
        named += 1;
    }
    assert!(named >= 15, "{named}");
}

/// The newest section of the changelog is the notes of the version that is built.
#[test]
fn the_changelog_has_a_section_of_this_version_and_one_of_what_is_to_come() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let sections: Vec<&str> = changelog.lines().filter_map(|line| line.strip_prefix("## [")).collect();
    let [to_come, newest, ..] = sections[..] else { panic!("{sections:?}") };
    assert_eq!(to_come, "Unreleased]");
    assert_eq!(newest.split(']').next(), Some(env!("CARGO_PKG_VERSION")));
}

/// Whoever deploys finds every parameter, with its default, and none that is not there.
#[test]
fn the_page_about_deploying_has_every_parameter() {
    let template: Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let parameters = template["Parameters"].as_mapping().unwrap().keys().map(|name| name.as_str().unwrap().to_owned());
    let page = fs::read_to_string(root().join("docs/deploy.md")).unwrap();
    let table = page.split_once("| parameter | default |").unwrap().1.split_once("\n\n").unwrap().0;
    let names = table.lines().filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(','));
    let names = names.filter_map(|name| name.trim().strip_prefix('`')?.strip_suffix('`')).map(str::to_owned);
    assert_eq!(names.collect::<BTreeSet<_>>(), parameters.collect::<BTreeSet<_>>());
}

/// A link to a page or a place in the tree leads somewhere.
#[test]
fn what_the_readme_links_to_is_there() {
    for (page, folder) in [
        ("README.md", "."),
        ("CONTRIBUTING.md", "."),
        ("docs/adding-an-endpoint.md", "docs"),
        ("docs/compliance.md", "docs"),
        ("docs/deploy.md", "docs"),
        ("docs/operations.md", "docs"),
        ("docs/restore.md", "docs"),
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for event in Parser::new(&text) {
            let Event::Start(pulldown_cmark::Tag::Link { dest_url, .. }) = event else { continue };
            let file = dest_url.split('#').next().unwrap();
            let outside = file.is_empty() || file.starts_with("https://");
            assert!(outside || root().join(folder).join(file).exists(), "{page}: {dest_url}");
        }
    }
}
