//! The repository: what is built of it, and where.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    // This package is a folder of the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where the bench keeps what it made: peers, databases.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    let directory = root().join("target/bench");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// The packages of the functions, by the names of their folders.
pub(crate) fn functions() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("functions"))? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Builds every function and the `sporlog` command as they are released; from nothing, in a directory of its own, if `clean`, and
/// says then how many seconds that took.
pub(crate) fn build_released(clean: bool) -> Result<Option<f64>, Failure> {
    let taken = if clean {
        let directory = tempfile::tempdir_in(cache()?)?;
        let started = std::time::Instant::now();
        build(Some(directory.path()))?;
        Some(started.elapsed().as_secs_f64())
    } else {
        None
    };
    build(None)?;
    Ok(taken)
}

fn build(target: Option<&Path>) -> Result<(), Failure> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["build", "--release", "--locked", "--package", "sporlog"]);
    // What `cargo run` tells a program of its package. `ring` is built anew when any of it has changed, and what stands on it.
    #[expect(clippy::disallowed_methods, reason = "what cargo has put there for this process")]
    let told = std::env::vars().map(|(name, _)| name);
    for name in told.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        command.env_remove(name);
    }
    for name in functions()? {
        command.args(["--package", &name]);
    }
    if let Some(target) = target {
        command.arg("--target-dir").arg(target);
    }
    run(&mut command)
}

/// A binary that [`build_released`] has made.
pub(crate) fn binary(name: &str) -> PathBuf {
    root().join("target/release").join(name)
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// The first line that a command prints.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}
