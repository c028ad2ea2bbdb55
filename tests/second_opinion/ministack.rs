use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

/// Where [`Ministack::call`] is made, and where the buckets are.
pub(super) const REGION: &str = "eu-north-1";

/// Sporlog's own AWS account.
pub(super) const SPORLOG: &str = "111111111111";

/// The account of a customer.
pub(super) const CUSTOMER: &str = "222222222222";

/// Access key, secret and, of a session, its token.
pub(super) type Credentials = Vec<String>;

/// A server of one test, with nothing in it. It ends when this is dropped, and also if the test process is killed.
#[derive(Debug)]
pub(super) struct Ministack {
    pub(super) endpoint: String,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    process: Child,
}

impl Ministack {
    pub(super) fn start() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = repository.join("target/second-opinion/bin/python");
        assert!(python.exists(), "MiniStack is not installed: run tests/second_opinion/install");
        let mut process = Command::new(python)
            .arg(repository.join("tests/second_opinion/serve.py"))
            .arg(SPORLOG)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        stdout.read_line(&mut port).unwrap();
        let endpoint = format!("http://127.0.0.1:{}", port.trim());
        Self { endpoint, pipes: Mutex::new((stdin, stdout)), process }
    }

    /// A call of AWS's own Python client, which must succeed.
    pub(super) fn call(&self, credentials: &[String], service: &str, operation: &str, parameters: &Value) -> Value {
        let call = json!({
            "as": credentials, "region": REGION, "service": service, "operation": operation, "parameters": parameters,
        });
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{call}").unwrap();
        let mut answer = String::new();
        pipes.1.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"].is_null(), "{call}: {answer}");
        answer["ok"].take()
    }

    /// A session of a role.
    pub(super) fn assume(&self, credentials: &[String], role: &str) -> Credentials {
        let parameters = json!({"RoleArn": role, "RoleSessionName": "lambda"});
        let answer = self.call(credentials, "sts", "assume_role", &parameters);
        let part = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
        vec![part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")]
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about either failure.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The root user of an account: `MiniStack` tells accounts apart by an access key of twelve digits.
pub(super) fn root(account: &str) -> Credentials {
    vec![account.to_owned(), "test".to_owned()]
}
