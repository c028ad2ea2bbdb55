//! What Sporlog is measured against, installed under `target/bench` from the lock files in `bench/peers`.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Failure;
use crate::process::Program;
use crate::workspace::{cache, root, run};

/// The bundle of the Node.js peer, as one deploys it.
const BUNDLE: &str = "history.bundle.mjs";

/// The handlers of the peers, ready to start.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) python_history: Program,
    pub(crate) python_export: Program,
    pub(crate) node_history: Program,
}

impl Peers {
    /// Installs what is not there in the version that the lock files name.
    pub(crate) fn install() -> Result<Self, Failure> {
        let (python, node) = (install_python()?, install_node()?);
        let sources = root().join("bench/peers/python");
        let script =
            |name: &str| Program { path: python.clone(), arguments: vec![sources.join(name).display().to_string()] };
        Ok(Self {
            python_history: script("history.py"),
            python_export: script("export.py"),
            node_history: Program { path: "/usr/bin/env".into(), arguments: vec!["node".to_owned(), node] },
        })
    }
}

/// A virtual environment with boto3; answers its interpreter.
fn install_python() -> Result<PathBuf, Failure> {
    let (target, requirements) = (cache()?.join("python"), root().join("bench/peers/python/requirements.txt"));
    unless_installed(&target, &[&requirements], || {
        run(Command::new("python3.11").args(["-m", "venv", "--clear"]).arg(&target))?;
        run(Command::new(target.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements))
    })?;
    Ok(target.join("bin/python"))
}

/// The SDK and the handler in one file, bundled and minified by esbuild; answers its path.
fn install_node() -> Result<String, Failure> {
    let (target, sources) = (cache()?.join("node"), root().join("bench/peers/node"));
    let files = ["package.json", "package-lock.json", "lambda-runtime.mjs", "history.mjs"];
    let inputs = files.map(|name| sources.join(name));
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    unless_installed(&target, &inputs, || {
        std::fs::create_dir_all(&target)?;
        for name in files {
            std::fs::copy(sources.join(name), target.join(name))?;
        }
        run(Command::new("npm").current_dir(&target).args(["ci", "--no-audit", "--no-fund", "--silent"]))?;
        let esbuild = target.join("node_modules/.bin/esbuild");
        let options =
            ["--bundle", "--minify", "--platform=node", "--target=node20", "--format=esm", "--log-level=warning"];
        // What the SDK brings of CommonJS asks for `require`, which a module does not have.
        let banner = "--banner:js=import{createRequire}from'module';const require=createRequire(import.meta.url);";
        let outfile = format!("--outfile={BUNDLE}");
        run(Command::new(esbuild).current_dir(&target).arg("history.mjs").args(options).args([banner, &outfile]))
    })?;
    Ok(target.join(BUNDLE).display().to_string())
}

/// Installs again when one of these files has changed since the last time.
fn unless_installed(
    target: &Path,
    inputs: &[&Path],
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut hasher = Sha256::new();
    for input in inputs {
        hasher.update(std::fs::read(input)?);
    }
    let (wanted, mark) = (hex::encode(hasher.finalize()), target.join("installed"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    std::fs::write(mark, wanted)?;
    Ok(())
}
