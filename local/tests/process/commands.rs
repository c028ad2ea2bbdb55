use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::ProvideErrorMetadata;
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::stack::variables;
use tempfile::tempdir;

use crate::server::{Server, sporlog, stdout, token};

/// As the printed variables have it: the administrator of the local run.
fn aws(server: &Server) -> Aws {
    let (invoke, dynamodb, s3) = (server.address("Lambda, SQS"), server.address("DynamoDB"), server.address("S3, STS"));
    let variables = variables(invoke, dynamodb, s3).into_iter().map(|(name, value)| (name.to_owned(), value));
    Aws::from_environment(&Environment::from_values(variables)).unwrap()
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/folio");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 6);
    files
}

fn send(server: &Server, files: &[PathBuf]) -> Output {
    sporlog(["send", "--invoke-port", &server.invoke_port()]).args(files).output().unwrap()
}

fn code<E: ProvideErrorMetadata>(error: &E) -> Option<&str> {
    error.code()
}

#[tokio::test]
async fn a_token_is_one_line_that_its_own_server_accepts() {
    let (directory, other) = (tempdir().unwrap(), tempdir().unwrap());
    let server = Server::bare(directory.path());
    let mut command = sporlog(["token", "--org", "diku", "--scope", "audit.all", "--role", "member", "--data-dir"]);
    let printed = stdout(&command.arg(directory.path()).output().unwrap());
    assert_eq!(printed.lines().count(), 1);
    let order = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
    assert_eq!(server.history(order, "diku", printed.trim_end()).await.0, 200);
    // Of an issuer that this server does not know.
    let mut command = sporlog(["token", "--org", "diku", "--scope", "audit.all", "--data-dir"]);
    let foreign = stdout(&command.arg(other.path()).output().unwrap());
    let (status, body) = server.history(order, "diku", foreign.trim_end()).await;
    assert_eq!((status, body), (401, serde_json::json!({"message": "Unauthorized"})));
    // Of an organization other than the one in the request's header.
    assert_eq!(server.history(order, "diku", &token(directory.path(), "other")).await.0, 401);
    assert!(server.interrupt().success());
}

/// Elsewhere a token would be signed with a key that no server knows, and a role would be defined where none looks.
#[test]
fn where_no_server_was_that_is_said() {
    let directory = tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let run = |args: &[&str]| {
        let output = sporlog(args).arg("--data-dir").arg(&data_dir).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), false), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for args in [&["role", "writer", "--bucket", "own-bucket", "--any-external-id"][..], &["token", "--org", "diku"]] {
        let told = run(args);
        assert!(told.contains("no server") && told.contains(data_dir.to_str().unwrap()), "{args:?}: {told}");
    }
    // From now on there is a key, which a server that is started there takes for its own.
    assert_eq!(run(&["token", "--org", "diku"]), "");
}

/// As `sporlog … | head -c0` closes it: the command has done its work, and nobody wants to hear of it.
#[test]
fn a_reader_that_has_gone_is_no_fault() {
    let directory = tempdir().unwrap();
    stdout(&sporlog(["token", "--org", "diku", "--data-dir"]).arg(directory.path()).output().unwrap());
    for args in [&["token", "--org", "diku"][..], &["env"], &["role", "writer", "--bucket", "b-b", "--any-external-id"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sporlog(args);
        if args[0] != "env" {
            command.arg("--data-dir").arg(directory.path());
        }
        let output = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap().wait_with_output();
        let output = output.unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
fn a_role_that_takes_the_place_of_another_says_so() {
    let directory = tempdir().unwrap();
    stdout(&sporlog(["token", "--org", "diku", "--data-dir"]).arg(directory.path()).output().unwrap());
    let role = |args: &[&str]| {
        let mut command = sporlog(["role", "writer", "--any-external-id", "--data-dir"]);
        let output = command.arg(directory.path()).args(args).output().unwrap();
        assert_eq!(stdout(&output), "arn:aws:iam::000000000000:role/writer\n");
        String::from_utf8(output.stderr).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(role(&["--bucket", "own-bucket"]), "");
    }
    for other in [&["--bucket", "other-bucket"][..], &["--bucket", "own-bucket", "--deny", "put"]] {
        assert_eq!(role(other), "sporlog: this takes the place of another role writer\n");
        assert_eq!(role(other), "");
    }
}

/// What a shell says of the ports once holds for every command.
#[test]
fn ports_can_come_from_the_environment() {
    let directory = tempdir().unwrap();
    let server = Server::bare(directory.path());
    let invoke_port = server.invoke_port();
    let mut send = sporlog(["send", "--org", "diku"]);
    send.env("SPORLOG_INVOKE_PORT", &invoke_port).env("SPORLOG_PORT", "1");
    assert!(stdout(&send.arg(&samples()[0]).output().unwrap()).ends_with("1 stored, 0 known before\n"));
    let printed = stdout(&sporlog(["env", "--s3-port", "2"]).env("SPORLOG_S3_PORT", "1").output().unwrap());
    assert!(printed.contains("export AWS_ENDPOINT_URL_S3=http://127.0.0.1:2\n"), "the flag counts: {printed}");
    let printed = stdout(&sporlog(["env"]).env("SPORLOG_HOST", "192.0.2.1").output().unwrap());
    assert!(printed.contains("export AWS_ENDPOINT_URL_S3=http://192.0.2.1:9000\n"), "{printed}");
    assert!(server.interrupt().success());
}

#[tokio::test]
async fn an_api_key_is_one_line_that_its_server_knows() {
    let directory = tempdir().unwrap();
    let server = Server::spawn(sporlog(["--no-schedule", "--data-dir"]).arg(directory.path()));
    let port = server.address("DynamoDB").port().to_string();
    let make = |args: &[&str]| sporlog(["api-key", "--dynamodb-port", &port]).args(args).output().unwrap();
    let printed =
        stdout(&make(&["--org", "demo", "--scope", "kyc:read", "--name", "a", "--expires-at", "2099-01-01T00:00:00Z"]));
    let key = printed.trim_end();
    assert!(key.starts_with("ap_live_") && printed.lines().count() == 1);

    let lambda = aws_sdk_lambda::Client::new(&aws(&server).service(AwsService::Lambda));
    let event = serde_json::json!({"identitySource": [key], "headers": {"x-api-key": key}}).to_string();
    let asked = lambda.invoke().function_name("AuthorizerFunction").payload(event.into_bytes().into());
    let answer = asked.send().await.unwrap().payload.unwrap().into_inner();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["isAuthorized"], true, "{answer}");

    for (args, told) in [
        (&["--org", "unknown", "--scope", "kyc:read"][..], "there is no organization unknown"),
        (&["--org", "demo", "--scope", "audit.all"], "kyc:read, kyc:write"),
        (&["--org", "demo"], "--scope"),
        (&["--org", "demo", "--scope", "kyc:read", "--expires-at", "2020-01-01T00:00:00Z"], "must be in the future"),
        (&["--org", "demo", "--scope", "kyc:read", "--expires-at", "tomorrow"], "--expires-at"),
        (&["--org", "demo", "--scope", "kyc:read", "--name", " "], "name"),
    ] {
        let output = make(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty() && error.contains(told), "{args:?}: {error}");
    }
    assert!(server.interrupt().success());
}

#[tokio::test]
async fn a_role_can_be_assumed_while_the_server_runs() {
    let directory = tempdir().unwrap();
    let server = Server::bare(directory.path());
    let defined = |name: &str, bucket: &str| {
        let mut command = sporlog(["role", name, "--bucket", bucket, "--external-id", "right-id", "--data-dir"]);
        stdout(&command.arg(directory.path()).output().unwrap()).trim_end().to_owned()
    };
    let arn = defined("writer", "own-bucket");
    defined("neighbour", "other-bucket");
    assert_eq!(arn, "arn:aws:iam::000000000000:role/writer");

    let aws = aws(&server);
    let sts = aws_sdk_sts::Client::new(&aws.service(AwsService::Sts));
    let assume =
        |external_id: &str| sts.assume_role().role_arn(&arn).role_session_name("test").external_id(external_id);
    let refused = assume("wrong-id").send().await.unwrap_err().into_service_error();
    assert_eq!(code(&refused), Some("AccessDenied"));
    let session = assume("right-id").send().await.unwrap().credentials.unwrap();

    let credentials = Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        None,
        "AssumeRole",
    );
    let config = aws_sdk_s3::config::Builder::from(&aws.service(AwsService::S3)).credentials_provider(credentials);
    let s3 = aws_sdk_s3::Client::from_conf(config.force_path_style(true).build());
    let put = |bucket: &str| s3.put_object().bucket(bucket).key("key").body(b"text".to_vec().into());
    put("own-bucket").send().await.unwrap();
    let refused = put("other-bucket").send().await.unwrap_err().into_service_error();
    assert_eq!(code(&refused), Some("AccessDenied"));
    assert!(server.interrupt().success());
}

#[test]
fn env_prints_what_a_shell_can_take_in() {
    let args = ["--invoke-port", "1001", "--dynamodb-port", "1002", "--s3-port", "1003"];
    let printed = stdout(&sporlog(["env"]).args(args).output().unwrap());
    let (unset, exports) = printed.split_once('\n').unwrap();
    assert!(unset.starts_with("unset AWS_SESSION_TOKEN AWS_PROFILE "), "{printed}");
    assert!(exports.lines().all(|line| line.starts_with("export AWS_")), "{printed}");
    let expected = [
        ("AWS_ACCESS_KEY_ID", "sporlog"),
        ("AWS_SECRET_ACCESS_KEY", "sporlog-local"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_DEFAULT_REGION", "eu-north-1"),
        ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1001"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1001"),
        ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1001"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1002"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1003"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1003"),
    ];
    assert_eq!(exports.lines().count(), expected.len(), "{printed}");
    for (name, value) in expected {
        let script = format!("set -eu; {printed}\nprintf %s \"${name}\"");
        assert_eq!(stdout(&Command::new("sh").args(["-c", &script]).output().unwrap()), value, "{name}");
    }
}

#[test]
fn send_stores_files_and_names_those_it_cannot() {
    let directory = tempdir().unwrap();
    let server = Server::bare(directory.path());
    let files = samples();
    for expected in ["1 stored, 0 known before", "0 stored, 1 known before"] {
        let printed = stdout(&send(&server, &files));
        assert_eq!(printed.lines().count(), 6, "{printed}");
        assert!(printed.lines().all(|line| line.ends_with(expected)), "{printed}");
    }
    for (name, content) in
        [("empty.json", ""), ("other.json", r#"{"some": "thing"}"#), ("order.json", r#"{"orderId": "x"}"#)]
    {
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        // One bad file does not keep the others out.
        let output = send(&server, &[file.clone(), files[0].clone()]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {told}");
        assert!(told.contains(file.to_str().unwrap()), "{name}: {told}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("1 known before"), "{name}");
    }
    let missing = directory.path().join("missing.json");
    let output = send(&server, std::slice::from_ref(&missing));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("missing.json"));
    let invoke_port = server.invoke_port();
    assert!(server.interrupt().success());

    // Nobody is there any more.
    let output = sporlog(["send", "--invoke-port", &invoke_port]).arg(&files[0]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}
