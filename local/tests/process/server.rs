use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that anything here may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// `sporlog` with these arguments.
pub(crate) fn sporlog<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sporlog"));
    command.args(args);
    command
}

/// What a command wrote to standard output; it must have succeeded.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A running `sporlog serve` on free ports.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// What it has printed up to `ready`.
    pub(crate) lines: Vec<String>,
    /// From its start to `ready`.
    pub(crate) took: Duration,
}

impl Server {
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::spawn(sporlog(["--data-dir"]).arg(data_dir))
    }

    /// Without anything that happens by itself.
    pub(crate) fn bare(data_dir: &Path) -> Self {
        Self::spawn(sporlog(["--no-demo", "--no-schedule", "--data-dir"]).arg(data_dir))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        for port in ["--port", "--invoke-port", "--dynamodb-port", "--s3-port"] {
            command.args([port, "0"]);
        }
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        // Ends with the process. Whoever no longer listens has read `ready`.
        thread::spawn(move || printed.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| line != "ready") {
            let line = receiver.recv_timeout(PATIENCE);
            lines.push(line.unwrap_or_else(|error| panic!("not ready ({error}): {lines:#?}")));
        }
        Self { child, lines, took: started.elapsed() }
    }

    /// The address that is printed behind `label`.
    pub(crate) fn address(&self, label: &str) -> SocketAddr {
        let line = self.lines.iter().find(|line| line.starts_with(label)).unwrap();
        line.rsplit('/').next().unwrap().parse().unwrap()
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.address("HTTP API")
    }

    pub(crate) fn invoke_port(&self) -> String {
        self.address("Lambda, SQS").port().to_string()
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        self.signal("-INT");
        self.child.wait().unwrap()
    }

    /// As the kernel does when memory is out: nothing of the process runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let killed = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Invokes ingest with one event. `None` when the server gave no answer.
    pub(crate) async fn ingest(&self, http: &reqwest::Client, event: &Value) -> Option<Value> {
        let address = self.address("Lambda, SQS");
        let url = format!("http://{address}/2015-03-31/functions/IngestFunction/invocations");
        let answer = http.post(url).body(json!({"events": [event]}).to_string()).send().await.ok()?;
        assert!(!answer.headers().contains_key("x-amz-function-error"), "{event}");
        answer.json().await.ok()
    }

    /// Status and body of an order's history for the bearer of a token.
    pub(crate) async fn history(&self, order: &str, org: &str, token: &str) -> (u16, Value) {
        let url = format!("http://{}/audit-data/acquisition/order/{order}?limit=10000", self.api());
        let request = reqwest::Client::new().get(url).header("x-okapi-tenant", org).header("x-okapi-token", token);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Has ended already, unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A token for everything that an auditor of an organization reads.
pub(crate) fn token(data_dir: &Path, org: &str) -> String {
    let mut command = sporlog(["token", "--org", org, "--scope", "audit.all", "--data-dir"]);
    stdout(&command.arg(data_dir).output().unwrap()).trim_end().to_owned()
}
