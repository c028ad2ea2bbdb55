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

/// Every file below a directory, into another one. What a killed server left beside its databases belongs to them.
fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The backup of a local run is a copy of its directory: log, keys, roles and buckets, as they were at one time. What was recorded and
/// exported later is gone from all of them alike, so the export goes on, and its chain is whole.
#[tokio::test]
async fn a_copy_of_the_data_directory_is_the_whole_system_as_it_was() {
    let (data, restored) = (tempdir().unwrap(), tempdir().unwrap());
    let run = |directory: &Path| {
        Server::spawn(sporlog(["--no-schedule", "--settle-seconds", "0", "--data-dir"]).arg(directory))
    };
    let folio = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/folio");
    let send = |server: &Server, name: &str| {
        let file = folio.join(name);
        let sent = stdout(&sporlog(["send", "--invoke-port", &server.invoke_port()]).arg(file).output().unwrap());
        assert!(sent.contains("1 stored"), "{sent}");
    };
    let whole = |server: &Server, digests: u64| {
        let printed = stdout(&verify(server, &["s3://sporlog-demo", "--org", "demo", "--json"]).output().unwrap());
        let report: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(report["digests"], digests, "{report}");
        report["newestDigestSha256"].as_str().unwrap().to_owned()
    };
    let server = run(data.path());
    send(&server, "order.json");
    export(&server).await;
    let exported = whole(&server, 1);
    send(&server, "piece.json");
    // In the middle of its work: what was acknowledged is there, in the databases or in what stands beside them.
    server.kill();
    copy_files(data.path(), restored.path());

    // The first one goes on, and is lost.
    let server = run(data.path());
    export(&server).await;
    send(&server, "invoice.json");
    export(&server).await;
    whole(&server, 3);
    assert!(server.interrupt().success());

    let server = run(restored.path());
    assert_eq!(whole(&server, 1), exported, "the bucket as it was");
    let order: Value = serde_json::from_slice(&std::fs::read(folio.join("order.json")).unwrap()).unwrap();
    let token = crate::server::token(restored.path(), "demo");
    let (status, history) = server.history(order["orderId"].as_str().unwrap(), "demo", &token).await;
    assert_eq!((status, &history["totalItems"]), (200, &1.into()), "{history}");
    export(&server).await;
    // The invoice is sent again by who sent it; and none is twice.
    send(&server, "invoice.json");
    export(&server).await;
    whole(&server, 3);
    assert!(server.interrupt().success());
}
