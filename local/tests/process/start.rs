use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::tempdir;

use crate::server::{Server, sporlog, stdout, token};

/// The entity of the printed example.
pub(crate) const EXAMPLE_ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

/// The goal is a second; a debug build on a busy machine is given more.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// The order of the printed example, as an event of the demo organization.
pub(crate) fn example() -> Value {
    let payload: Value = serde_json::from_str(include_str!("../../../events/folio/order.json")).unwrap();
    serde_json::json!({"orgId": "demo", "type": "order", "payload": payload})
}

fn shell(line: &str) -> Output {
    Command::new("sh").args(["-c", line]).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn the_printed_lines_work_as_they_stand() {
    let directory = tempdir().unwrap();
    // A path that a shell would take apart.
    let data_dir = directory.path().join("it's data");
    let server = Server::start(&data_dir);
    let curls: Vec<&String> = server.lines.iter().filter(|line| line.starts_with("curl ")).collect();
    let [send, read, export] = curls[..] else { panic!("{:#?}", server.lines) };
    assert_eq!(json(&shell(send))["stored"], 1);
    let history = json(&shell(read));
    assert_eq!(
        (&history["totalItems"], &history["orderAuditEvents"][0]["orderId"]),
        (&1.into(), &EXAMPLE_ORDER.into())
    );
    // Both demo organizations.
    assert_eq!(json(&shell(export)), serde_json::json!({"started": 2}));
    assert!(server.interrupt().success());
}

#[tokio::test]
async fn an_interrupt_ends_it_well_and_the_next_start_is_quick_and_has_the_data() {
    let directory = tempdir().unwrap();
    let data_dir = directory.path();
    let first = Server::start(data_dir);
    assert_eq!(first.ingest(&reqwest::Client::new(), &example()).await.unwrap()["stored"], 1);
    assert_eq!(first.interrupt().code(), Some(0));

    let second = Server::start(data_dir);
    println!("ready after {:?}", second.took);
    assert!(second.took < READY_WITHIN, "{:?}", second.took);
    let (status, history) = second.history(EXAMPLE_ORDER, "demo", &token(data_dir, "demo")).await;
    assert_eq!((status, &history["totalItems"]), (200, &1.into()));
    second.signal("-TERM");
    assert_eq!(second.interrupt().code(), Some(0));
}

/// A repeat is no fault, although the engine answers the conditional write with an error.
#[tokio::test]
async fn a_run_in_which_nothing_goes_wrong_logs_nothing() {
    let directory = tempdir().unwrap();
    let log = directory.path().join("log");
    let mut command = sporlog(["--data-dir"]);
    command.arg(directory.path().join("data")).stderr(fs::File::create(&log).unwrap());
    let server = Server::spawn(&mut command);
    let http = reqwest::Client::new();
    for member in ["stored", "duplicates"] {
        assert_eq!(server.ingest(&http, &example()).await.unwrap()[member], 1);
    }
    assert!(server.interrupt().success());
    assert_eq!(fs::read_to_string(&log).unwrap(), "");
}

#[test]
fn a_port_in_use_is_named() {
    let directory = tempdir().unwrap();
    for flag in ["--port", "--invoke-port", "--dynamodb-port", "--s3-port"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let mut command = sporlog(["--data-dir"]);
        command.arg(directory.path());
        for other in ["--port", "--invoke-port", "--dynamodb-port", "--s3-port"] {
            command.args([other, if other == flag { port.as_str() } else { "0" }]);
        }
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{flag}: {told}");
        assert!(told.starts_with("sporlog: ") && told.contains(&format!("port {port} ")), "{flag}: {told}");
        assert_eq!(told.lines().count(), 1, "{flag}: {told}");
        assert!(output.stdout.is_empty(), "{flag}");
    }
}

#[test]
fn an_ephemeral_run_leaves_nothing_behind() {
    let (working, temporary) = (tempdir().unwrap(), tempdir().unwrap());
    let mut command = sporlog(["--ephemeral"]);
    let server = Server::spawn(command.current_dir(working.path()).env("TMPDIR", temporary.path()));
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1, "it has its data somewhere");
    assert!(server.interrupt().success());
    for directory in [&working, &temporary] {
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// It keeps nothing, so there is nothing it could do with a directory.
#[test]
fn an_ephemeral_run_takes_no_directory() {
    let directory = tempdir().unwrap();
    let output = sporlog(["--ephemeral", "--data-dir"]).arg(directory.path().join("data")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("--ephemeral"), "{told}");
    assert!(!directory.path().join("data").exists());
}
