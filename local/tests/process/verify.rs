use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::stack::variables;
use tempfile::tempdir;

use crate::server::{Server, sporlog, stdout};

/// With the environment that `sporlog env` prints, and nothing of the shell's own.
fn verify(server: &Server, args: &[&str]) -> Command {
    let (invoke, dynamodb, s3) = (server.address("Lambda, SQS"), server.address("DynamoDB"), server.address("S3, STS"));
    let mut command = sporlog(["verify"]);
    command.args(args).env_remove("AWS_SESSION_TOKEN").envs(variables(invoke, dynamodb, s3));
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn export(server: &Server) {
    let url = format!("http://{}/2015-03-31/functions/ExportRunFunction/invocations", server.address("Lambda, SQS"));
    let request = reqwest::Client::new().post(url).body(r#"{"orgId":"demo","trigger":"manual"}"#);
    let outcome: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(outcome["outcome"], "succeeded", "{outcome}");
}

/// As `aws s3 sync` does.
async fn copy(server: &Server, directory: &Path) {
    let (invoke, dynamodb, s3) = (server.address("Lambda, SQS"), server.address("DynamoDB"), server.address("S3, STS"));
    let variables = variables(invoke, dynamodb, s3).into_iter().map(|(name, value)| (name.to_owned(), value));
    let aws = Aws::from_environment(&Environment::from_values(variables)).unwrap();
    let config = aws_sdk_s3::config::Builder::from(&aws.service(AwsService::S3)).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let listed = client.list_objects_v2().bucket("sporlog-demo").send().await.unwrap();
    for object in listed.contents.unwrap() {
        let key = object.key.unwrap();
        let content = client.get_object().bucket("sporlog-demo").key(&key).send().await.unwrap();
        let file = directory.join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content.body.collect().await.unwrap().into_bytes()).unwrap();
    }
}

#[tokio::test]
async fn an_export_is_proven_where_it_is_and_in_a_copy() {
    let (data, copied) = (tempdir().unwrap(), tempdir().unwrap());
    let server = Server::spawn(sporlog(["--no-schedule", "--settle-seconds", "0", "--data-dir"]).arg(data.path()));
    let order = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/folio/order.json");
    stdout(&sporlog(["send", "--invoke-port", &server.invoke_port()]).arg(&order).output().unwrap());
    export(&server).await;
    copy(&server, copied.path()).await;
    let directory = copied.path().to_str().unwrap();

    for source in ["s3://sporlog-demo", "s3://sporlog-demo/", directory] {
        let (status, printed, told) = output(&mut verify(&server, &[source, "--org", "demo", "--max-age", "1"]));
        assert_eq!(status, Some(0), "{source}: {printed}{told}");
        assert!(
            printed.contains("complete        from 20") && printed.contains("signed          all digests"),
            "{printed}"
        );
    }
    let json = stdout(&verify(&server, &[directory, "--org", "demo", "--json"]).output().unwrap());
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["orgId"], &report["digests"]), (&"demo".into(), &1.into()), "{report}");

    // A proof for one event, which somebody else checks.
    let id = serde_json::from_slice::<Value>(&std::fs::read(&order).unwrap()).unwrap()["id"].clone();
    let (event, proof) = (data.path().join("event.json"), data.path().join("proof.json"));
    std::fs::write(&event, serde_json::json!({"id": id, "entityType": "order"}).to_string()).unwrap();
    let event = event.to_str().unwrap();
    let printed = stdout(&verify(&server, &["s3://sporlog-demo", "--org", "demo", "--event", event]).output().unwrap());
    std::fs::write(&proof, &printed).unwrap();
    let proof = proof.to_str().unwrap();
    let (status, printed, told) = output(&mut verify(&server, &["--proof", proof]));
    assert!(status == Some(0) && printed.contains(id.as_str().unwrap()), "{printed}{told}");
    assert_eq!(output(&mut verify(&server, &["--proof", proof, "--require-signature"])).0, Some(0));

    // What is wrong is named, with status 1; what cannot be read, with status 2.
    let key = report["newestDigestKey"].as_str().unwrap();
    std::fs::remove_file(copied.path().join(key)).unwrap();
    let (status, printed, told) = output(&mut verify(&server, &[directory, "--org", "demo"]));
    assert!(status == Some(1) && printed.is_empty() && told.contains("holds no digest"), "{told}");
    let (status, printed, _) = output(&mut verify(&server, &[directory, "--org", "demo", "--json"]));
    let fault: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((status, &fault["fault"]["kind"]), (Some(1), &"nothing_there".into()));
    for args in [
        &["s3://no-such-bucket", "--org", "demo"][..],
        &["/no/such/directory", "--org", "demo"],
        &[directory],
        &[directory, "--org", "-"],
        &[directory, "--org", "demo", "--public-key", "x"],
        &["--proof", "/no/such/file"],
        &["--proof", proof, directory],
    ] {
        let (status, printed, told) = output(&mut verify(&server, args));
        assert!(status == Some(2) && printed.is_empty() && !told.is_empty(), "{args:?}: {status:?} {told}");
    }
    assert!(server.interrupt().success());
}
