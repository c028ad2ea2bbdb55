use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::server::{Server, sporlog, stdout, token};
use super::start::{EXAMPLE_ORDER, example};

/// Stands in every text of the event that is sent.
const BODY: &str = "bodymark";

/// What every kind of credential and of mistake leaves in the log: that it happened, never what it held.
#[tokio::test]
async fn no_credential_no_role_and_no_body_reaches_the_log() {
    let directory = tempdir().unwrap();
    let (log, data) = (directory.path().join("log"), directory.path().join("data"));
    let mut command = sporlog(["--log-level", "debug", "--settle-seconds", "0", "--data-dir"]);
    command.arg(&data).stderr(fs::File::create(&log).unwrap());
    let server = Server::spawn(&mut command);
    let (http, api) = (reqwest::Client::new(), server.api());

    let reader = token(&data, "demo");
    let admin = sporlog(["token", "--org", "demo", "--role", "admin", "--data-dir"]).arg(&data).output().unwrap();
    let admin = stdout(&admin).trim_end().to_owned();
    let tampered = format!("{}x", &reader[..reader.len() - 4]);
    for (header, credential) in [("x-okapi-token", &reader), ("x-okapi-token", &tampered), ("x-okapi-token", &admin)] {
        let url = format!("http://{api}/audit-data/acquisition/order/{EXAMPLE_ORDER}?limit=-1");
        http.get(url).header("x-okapi-tenant", "demo").header(header, credential).send().await.unwrap();
    }
    let keys = format!("http://{api}/orgs/demo/api-keys");
    let created = http.post(keys).bearer_auth(&admin).json(&json!({"name": "ci", "scopes": ["kyc:read"]})).send();
    let created: Value = serde_json::from_slice(&created.await.unwrap().bytes().await.unwrap()).unwrap();
    let key = created["key"].as_str().unwrap();

    let mut event = example();
    event["payload"]["orderSnapshot"] = json!({"note": BODY});
    server.ingest(&http, &event).await.unwrap();
    event["payload"]["id"] = json!(BODY);
    server.ingest(&http, &event).await.unwrap();
    for org in ["demo", "demo-refused"] {
        let url =
            format!("http://{}/2015-03-31/functions/ExportRunFunction/invocations", server.address("Lambda, SQS"));
        http.post(url).body(json!({"orgId": org, "trigger": "manual"}).to_string()).send().await.unwrap();
    }
    assert!(server.interrupt().success());

    let log = fs::read_to_string(&log).unwrap();
    for told in ["credential refused", "status=422", "status=403", "status=201", "record set aside", "export failed"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    let parts = reader.split('.').chain(admin.split('.')).map(ToOwned::to_owned);
    let secrets = parts.chain([key.to_owned(), BODY.to_owned(), "arn:aws:iam".to_owned(), "sporlog-local".to_owned()]);
    for secret in secrets {
        let telling: Vec<&str> = log.lines().filter(|line| line.contains(&secret)).collect();
        assert!(telling.is_empty(), "{secret}: {telling:#?}");
    }
}
