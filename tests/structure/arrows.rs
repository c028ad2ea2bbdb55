//! Which crate may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::root;

/// The shared crates that each shared crate uses: these, no more and no fewer.
const SHARED: [(&str, &[&str]); 7] = [
    ("sporlog-model", &[]),
    ("sporlog-auth", &["sporlog-model"]),
    ("sporlog-store", &["sporlog-auth", "sporlog-model"]),
    ("sporlog-http", &["sporlog-auth", "sporlog-model"]),
    ("sporlog-export", &["sporlog-model"]),
    ("sporlog-verify", &["sporlog-model"]),
    ("sporlog-boot", &[]),
];

/// Who may use functions.
const ABOVE_FUNCTIONS: [&str; 2] = ["sporlog", "sporlog-tests"];

/// Crates that are pure, and what none of their dependencies, however far, may be.
const PURE: [&str; 3] = ["sporlog-model", "sporlog-auth", "sporlog-verify"];
const IMPURE: [&str; 6] = ["aws-", "axum", "tokio", "hyper", "lambda", "reqwest"];

/// The platform of the compiler, `x86_64-unknown-linux-gnu`.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    fn read() -> &'static Self {
        static READ: LazyLock<Workspace> = LazyLock::new(|| {
            // Of this platform only, for which everything has been downloaded to build this test.
            let options = ["--offline", "--filter-platform", &host()].map(str::to_owned);
            let manifest = root().join("Cargo.toml");
            Workspace {
                metadata: MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap(),
            }
        });
        &READ
    }

    /// The names of the packages in a folder.
    fn packages_in(&self, folder: &str) -> BTreeSet<&str> {
        let folder = root().join(folder);
        let packages = self.metadata.workspace_packages();
        let inside = |package: &&Package| package.manifest_path.as_std_path().starts_with(&folder);
        packages.into_iter().filter(inside).map(|package| package.name.as_str()).collect()
    }

    /// What a package uses when it is built, tests aside; of the test package, what its tests use.
    fn used_by(&self, name: &str) -> BTreeSet<&str> {
        let package = self.metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap();
        let used = package.dependencies.iter();
        let used = used.filter(|used| used.kind != DependencyKind::Development || name == "sporlog-tests");
        used.map(|used| used.name.as_str()).collect()
    }

    /// Everything that a package is built from.
    fn reached_by(&self, name: &str) -> BTreeSet<&str> {
        let nodes = &self.metadata.resolve.as_ref().unwrap().nodes;
        let nodes: BTreeMap<&PackageId, _> = nodes.iter().map(|node| (&node.id, node)).collect();
        let names: BTreeMap<&PackageId, &str> =
            self.metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let start = self.metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap();
        let (mut reached, mut left) = (BTreeSet::new(), vec![&start.id]);
        while let Some(id) = left.pop() {
            let used = nodes[id].deps.iter();
            let used = used.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            left.extend(used.map(|dep| &dep.pkg).filter(|id| reached.insert(names[id])));
        }
        reached
    }
}

#[test]
fn shared_crates_use_each_other_as_the_table_says() {
    let workspace = Workspace::read();
    let shared = workspace.packages_in("shared");
    assert_eq!(shared, SHARED.map(|(name, _)| name).into());
    for (name, expected) in SHARED {
        let used: BTreeSet<&str> = workspace.used_by(name).intersection(&shared).copied().collect();
        assert_eq!(used, expected.iter().copied().collect(), "{name}");
    }
}

#[test]
fn functions_use_shared_crates_and_never_each_other() {
    let workspace = Workspace::read();
    let (functions, shared) = (workspace.packages_in("functions"), workspace.packages_in("shared"));
    for function in &functions {
        let used = workspace.used_by(function);
        assert!(used.is_disjoint(&functions), "{function}");
        assert!(!used.is_disjoint(&shared), "{function}");
        assert!(ABOVE_FUNCTIONS.iter().all(|above| !used.contains(above)), "{function}");
    }
}

/// Calls the read of histories beside a bare query, in one process.
const BENCH: (&str, &str) = ("sporlog-bench", "acquisition-audit");

#[test]
fn only_the_local_run_and_the_tests_use_functions() {
    let workspace = Workspace::read();
    let functions = workspace.packages_in("functions");
    for package in workspace.metadata.workspace_packages() {
        let used: BTreeSet<&str> = workspace.used_by(&package.name).intersection(&functions).copied().collect();
        let expected = match package.name.as_str() {
            name if ABOVE_FUNCTIONS.contains(&name) => functions.clone(),
            name if name == BENCH.0 => BTreeSet::from([BENCH.1]),
            _ => BTreeSet::new(),
        };
        assert_eq!(used, expected, "{}", package.name);
    }
}

#[test]
fn pure_crates_reach_nothing_that_is_not() {
    let workspace = Workspace::read();
    for name in PURE {
        let reached = workspace.reached_by(name);
        assert!(reached.contains("serde"), "{name}: {reached:?}");
        let impure = |crate_name: &&&str| IMPURE.iter().any(|impure| crate_name.starts_with(impure));
        let found: Vec<_> = reached.iter().filter(impure).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
    // What the check can see.
    assert!(workspace.reached_by("sporlog-store").contains("aws-sdk-dynamodb"));
    assert!(workspace.reached_by("sporlog-boot").contains("hyper"));
}

#[test]
fn functions_start_without_aws_lc() {
    // It gathers jitter entropy at its first use: tens of milliseconds of every cold start.
    let workspace = Workspace::read();
    for function in workspace.packages_in("functions") {
        let reached = workspace.reached_by(function);
        assert!(!reached.contains("aws-lc-sys") && !reached.contains("aws-lc-rs"), "{function}");
        assert!(reached.contains("ring"), "{function}: the check sees the TLS library");
    }
}
