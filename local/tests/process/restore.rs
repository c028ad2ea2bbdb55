use std::path::Path;
use std::process::{Command, Output};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use serde_json::Value;
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::stack::variables;
use tempfile::tempdir;

use crate::server::{Server, sporlog, stdout};

/// A tool of an operator, with the environment that `sporlog env` prints and nothing of the shell's own.
fn operator(server: &Server, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command: Command = sporlog(args);
    command.env_remove("AWS_SESSION_TOKEN").envs(endpoints(server));
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn endpoints(server: &Server) -> Vec<(&'static str, String)> {
    variables(server.address("Lambda, SQS"), server.address("DynamoDB"), server.address("S3, STS"))
}

fn dynamodb(server: &Server) -> Client {
    let variables = endpoints(server).into_iter().map(|(name, value)| (name.to_owned(), value));
    Client::new(&Aws::from_environment(&Environment::from_values(variables)).unwrap().service(AwsService::DynamoDb))
}

async fn create_table(client: &Client, name: &str) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for name in ["pk", "sk", "gsi1pk", "gsi1sk"] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(text.build().unwrap());
    }
    let index = GlobalSecondaryIndex::builder()
        .index_name("gsi1")
        .key_schema(key("gsi1pk", KeyType::Hash))
        .key_schema(key("gsi1sk", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    let request = request.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    request.global_secondary_indexes(index.build().unwrap()).send().await.unwrap();
}

async fn run_export(server: &Server) -> Value {
    let url = format!("http://{}/2015-03-31/functions/ExportRunFunction/invocations", server.address("Lambda, SQS"));
    let request = reqwest::Client::new().post(url).body(r#"{"orgId":"demo","trigger":"manual"}"#);
    request.send().await.unwrap().json().await.unwrap()
}

fn start(data: &Path) -> Server {
    Server::spawn(sporlog(["--no-schedule", "--settle-seconds", "0", "--data-dir"]).arg(data))
}

fn send(server: &Server, file: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/folio").join(file);
    stdout(&sporlog(["send", "--invoke-port", &server.invoke_port()]).arg(&file).output().unwrap());
}

/// The table is lost and restored to before the last export, under its old name.
#[tokio::test]
async fn an_operator_puts_the_export_of_a_restored_table_in_its_place() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    send(&server, "order.json");
    assert_eq!(run_export(&server).await["outcome"], "succeeded");
    let client = dynamodb(&server);
    let items = client.scan().table_name("Table").send().await.unwrap().items.unwrap();
    send(&server, "piece.json");
    assert_eq!(run_export(&server).await["outcome"], "succeeded");

    client.delete_table().table_name("Table").send().await.unwrap();
    create_table(&client, "Table").await;
    for item in items {
        client.put_item().table_name("Table").set_item(Some(item)).send().await.unwrap();
    }
    assert!(server.interrupt().success());
    let server = start(data.path());
    send(&server, "piece.json");
    send(&server, "invoice.json");
    let refused = run_export(&server).await;
    assert_eq!((&refused["outcome"], &refused["errorCode"]), (&"failed".into(), &"restored_table".into()));

    let resume = |more: &[&str]| {
        let args = ["resume-export", "s3://sporlog-demo", "--org", "demo", "--table", "Table"];
        operator(&server, &[&args[..], more].concat())
    };
    let (status, printed, told) = resume(&["--dry-run"]);
    assert!(status == Some(0) && printed.contains("goes on at      number 4 behind"), "{printed}{told}");
    assert_eq!(run_export(&server).await["errorCode"], "restored_table");
    for (more, told) in [
        (&["--nothing-exported"][..], "something was exported"),
        (&["--public-key", &"0".repeat(64)], "is not trusted"),
    ] {
        let (status, printed, error) = resume(more);
        assert!(
            status == Some(1) && printed.is_empty() && error.contains(told),
            "{more:?}: {status:?} {printed}{error}"
        );
    }
    let (status, printed, told) = resume(&[]);
    assert!(status == Some(0) && printed.ends_with("resumed         in the table Table\n"), "{printed}{told}");
    // The piece again, the invoice, and that the export was resumed.
    assert_eq!(run_export(&server).await["eventCount"], 3);
    let (status, printed, told) = operator(&server, &["verify", "s3://sporlog-demo", "--org", "demo"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(printed.contains("events          6, numbered without a gap, 1 of them again"), "{printed}");
    assert!(server.interrupt().success());
}

#[tokio::test]
async fn an_operator_copies_an_organization_and_hands_it_over() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    send(&server, "order.json");
    assert_eq!(run_export(&server).await["outcome"], "succeeded");
    create_table(&dynamodb(&server), "Other").await;
    let copy = |more: &[&str]| {
        let args = ["copy-org", "--org", "demo", "--from", "Table", "--to", "Other"];
        operator(&server, &[&args[..], more].concat())
    };
    let (status, printed, told) = copy(&["--dry-run"]);
    assert!(status == Some(1) && printed.contains(" 0 the same, "), "{printed}{told}");
    let (status, printed, told) = copy(&["--segments", "2"]);
    assert!(status == Some(0) && printed.contains(" 0 absent, 0 different"), "{printed}{told}");
    let (status, printed, told) = copy(&["--hand-over"]);
    assert!(status == Some(0) && printed.contains("copied          0 of "), "{printed}{told}");
    assert!(printed.contains("handed over     the export goes on in Other"), "{printed}");
    assert_eq!(run_export(&server).await["errorCode"], "restored_table");
    let args = ["resume-export", "s3://sporlog-demo", "--org", "demo", "--table", "Other"];
    let (status, printed, told) = operator(&server, &args);
    assert_eq!(status, Some(0), "{printed}{told}");
    // Back again: the table that is left exports no more, and the first one does.
    let args = ["resume-export", "s3://sporlog-demo", "--org", "demo", "--table", "Table", "--in-place-of", "Other"];
    let (status, printed, told) = operator(&server, &args);
    assert!(status == Some(0) && printed.contains("stopped         in the table Other\nresumed "), "{printed}{told}");
    assert_eq!(run_export(&server).await["outcome"], "succeeded");
    let (status, printed, told) = operator(&server, &[&args[..5], &["Other", "--dry-run"]].concat());
    assert!(status == Some(0) && printed.contains("dry run"), "{printed}{told}");
    // Now the rows differ, and nothing is handed over that is not all there.
    let (status, printed, _) = copy(&["--hand-over"]);
    assert!(status == Some(1) && printed.contains("different       ORG#demo#EXPORT STATE"), "{printed}");
    for args in [
        &["copy-org", "--org", "demo", "--from", "Table", "--to", "Table"][..],
        &["copy-org", "--org", "demo", "--from", "Table", "--to", "Missing"],
        &["resume-export", "s3://sporlog-demo", "--org", "unknown", "--table", "Table"],
    ] {
        let (status, printed, told) = operator(&server, args);
        assert!(status == Some(1) && printed.is_empty() && !told.is_empty(), "{args:?}: {printed}{told}");
    }
    assert!(server.interrupt().success());
}
