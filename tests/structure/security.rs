//! SECURITY.md, and what it says of how Sporlog is built.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Parser};

use super::root;

/// Where the tests are whose names begin with this: of these crates beside the code, of all others in `tests`.
fn folder(first: &str) -> PathBuf {
    let function = root().join("functions").join(first).join("src");
    if function.is_dir() && first == "authorizer" { function } else { root().join("tests").join(first) }
}

/// The source of a module: of a file, or of the folder's `mod.rs`; of `tests` within a file that file itself.
fn source(folder: &Path, modules: &[&str]) -> Option<String> {
    let path = modules.iter().fold(folder.to_owned(), |path, module| path.join(module));
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    read(path.with_extension("rs")).or_else(|| read(path.join("mod.rs"))).or_else(|| {
        let (last, within) = modules.split_last()?;
        (*last == "tests").then(|| source(folder, within)).flatten().filter(|text| text.contains("mod tests {"))
    })
}

/// Whether the source has a test of that name: its attribute stands close before it.
fn has_test(source: &str, name: &str) -> bool {
    let named = |(before, _): (&str, &str)| {
        let close = before.rsplit("\n\n").next().unwrap_or_default();
        close.contains("#[test]") || close.contains("#[tokio::test")
    };
    source.split_once(&format!("fn {name}(")).is_some_and(named)
}

/// Whether there are such tests: one, or those of a whole module.
fn exists(name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let folder = folder(first);
    let of_module = |source: String| source.contains("#[test]") || source.contains("#[tokio::test");
    let Some((test, modules)) = rest.split_last() else { return false };
    source(&folder, modules).is_some_and(|source| has_test(&source, test))
        || source(&folder, rest).is_some_and(of_module)
}

#[test]
fn every_test_that_the_threats_name_is_there() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut named = 0;
    for event in Parser::new(&page) {
        let Event::Code(code) = event else { continue };
        // Two that name no test: where they are explained, and a form of names.
        if code.contains("::") && &*code != "authorization::tokens" {
            assert!(exists(&code), "SECURITY.md: there is no test {code}");
            named += 1;
        }
    }
    assert!(named >= 50, "{named}");
    for row in page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2) {
        let tests = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
        assert!(tests.trim() == "shown by" || tests.contains("::") || tests.contains("`audit_export"), "{row}");
    }
    for wrong in [
        "authorization::tokens::nothing",
        "authorization::nothing",
        "nothing::at_all",
        "authorizer::token::tests::none",
    ] {
        assert!(!exists(wrong), "{wrong}");
    }
    // A function that is no test does not do.
    assert!(!exists("authorization::forge::symmetric") && !exists("authorization::wire"));
}

/// Links of SECURITY.md lead somewhere, as those of the other pages.
#[test]
fn its_links_are_there() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    for event in Parser::new(&page) {
        let Event::Start(pulldown_cmark::Tag::Link { dest_url, .. }) = event else { continue };
        let (file, place) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{dest_url}: {error}"));
        let slug = |heading: &str| heading.to_lowercase().replace(['.', ',', '`'], "").replace(' ', "-");
        let headings =
            text.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#').trim()));
        assert!(place.is_empty() || headings.into_iter().any(|heading| heading == place), "{dest_url}");
    }
}

#[test]
fn no_crate_of_ours_has_unsafe_code() {
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    assert!(metadata.packages.len() >= 20);
    for package in metadata.packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{}", package.name);
    }
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lints = workspace.split_once("[workspace.lints.rust]\n").unwrap().1.split_once("\n\n").unwrap().0;
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
}

#[test]
fn the_gate_checks_what_is_built_in() {
    let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(gate.lines().any(|line| line == ".ci/supply-chain"));
    let chain = fs::read_to_string(root().join(".ci/supply-chain")).unwrap();
    for check in ["check --deny unmatched-skip bans licenses sources\n", "check advisories\n"] {
        assert!(chain.contains(&format!("\"$tools/bin/cargo-deny\" --locked --config deny.toml {check}")), "{check}");
    }
    let config = fs::read_to_string(root().join("deny.toml")).unwrap();
    for line in [
        "multiple-versions = \"deny\"",
        "wildcards = \"deny\"",
        "unknown-registry = \"deny\"",
        "unknown-git = \"deny\"",
        "yanked = \"deny\"",
    ] {
        assert!(config.lines().any(|found| found == line), "{line}");
    }
    // And what is locked comes from nowhere else, whatever the tool says.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let sources: BTreeSet<&str> = lock.lines().filter(|line| line.starts_with("source = ")).collect();
    assert_eq!(sources, BTreeSet::from(["source = \"registry+https://github.com/rust-lang/crates.io-index\""]));
    assert_eq!(lock.matches("\nchecksum = ").count(), lock.matches("\nsource = ").count());
}

#[test]
fn every_tool_of_the_gate_has_a_version() {
    let digits = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('.') && !text.contains(['*', ',', ' '])
    };
    for file in [".ci/requirements.txt", "tests/second_opinion/requirements.txt"] {
        let list = fs::read_to_string(root().join(file)).unwrap();
        let tools: Vec<&str> = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(!tools.is_empty(), "{file}");
        for tool in tools {
            assert!(tool.split_once("==").is_some_and(|(_, version)| digits(version)), "{file}: {tool}");
        }
    }
    let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
    let (_, npm) = gate.split_once("redocly=@redocly/cli@").unwrap();
    assert!(digits(npm.split_whitespace().next().unwrap()));
    let chain = fs::read_to_string(root().join(".ci/supply-chain")).unwrap();
    for tool in ["deny=", "cyclonedx="] {
        let (_, version) = chain.split_once(tool).unwrap();
        assert!(digits(version.split_whitespace().next().unwrap()), "{tool}");
    }
    // Nothing else installs: neither of the scripts fetches anything by itself.
    for script in [&gate, &chain] {
        for word in ["curl ", "wget ", "npx ", "@latest", "rustup "] {
            assert!(!script.contains(word), "{word}");
        }
    }
}
