use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use serde_json::json;
use sporlog_boot::{Aws, AwsService};
use sporlog_local::kms::SigningKey;
use sporlog_local::stack::Options;
use sporlog_local::template::EMBEDDED;
use sporlog_model::EntityType;

use crate::harness::{FolioEvent, System};

/// The code and the message of a refusal.
fn refusal<T: Debug, E: aws_sdk_sts::error::ProvideErrorMetadata + Debug>(
    answer: Result<T, SdkError<E, Response>>,
) -> (String, String) {
    let error = answer.unwrap_err();
    let error = error.as_service_error().unwrap_or_else(|| panic!("{error:?}"));
    (error.code().unwrap().to_owned(), error.message().unwrap().to_owned())
}

/// A refusal in AWS's words.
fn denied(code: &str, function: &str, action: &str, resource: &str) -> (String, String) {
    let user = format!("arn:aws:sts::000000000000:assumed-role/{function}Role/{function}");
    let message = format!(
        "User: {user} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
         allows the {action} action"
    );
    (code.to_owned(), message)
}

fn aws(system: &System, function: &str) -> Aws {
    Aws::from_environment(&system.environment_of(function, &[])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_refuses_what_a_function_is_not_granted() {
    const CODE: &str = "AccessDeniedException";
    let system = System::start().await;
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-north-1:000000000000:{rest}");

    let dynamodb = aws_sdk_dynamodb::Client::new(&aws(&system, "AuthorizerFunction").service(AwsService::DynamoDb));
    let table = arn("dynamodb", "table/Table");
    let scan = dynamodb.scan().table_name("Table").send().await;
    assert_eq!(refusal(scan), denied(CODE, "AuthorizerFunction", "dynamodb:Scan", &table));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let get = |pk: &str| dynamodb.get_item().table_name("Table").key("pk", text(pk)).key("sk", text("META")).send();
    assert!(get("KEY#1").await.unwrap().item.is_none());
    assert_eq!(refusal(get("ORG#diku").await), denied(CODE, "AuthorizerFunction", "dynamodb:GetItem", &table));

    let lambda = aws_sdk_lambda::Client::new(&aws(&system, "ExportDispatchFunction").service(AwsService::Lambda));
    let invoke = lambda.invoke().function_name("RetentionFunction").send().await;
    let function = arn("lambda", "function:RetentionFunction");
    assert_eq!(refusal(invoke), denied(CODE, "ExportDispatchFunction", "lambda:InvokeFunction", &function));

    let sqs = aws_sdk_sqs::Client::new(&aws(&system, "IngestFunction").service(AwsService::Sqs));
    let url = system.queue_url("DeadLetterQueue").await;
    let receive = sqs.receive_message().queue_url(&url).send().await;
    let queue = arn("sqs", "DeadLetterQueue");
    assert_eq!(refusal(receive), denied(CODE, "IngestFunction", "sqs:ReceiveMessage", &queue));
    sqs.send_message().queue_url(&url).message_body("{}").send().await.unwrap();

    let kms = aws_sdk_kms::Client::new(&aws(&system, "AuditExportFunction").service(AwsService::Kms));
    let public_key = kms.get_public_key().key_id(SigningKey::arn()).send().await;
    assert_eq!(refusal(public_key), denied(CODE, "AuditExportFunction", "kms:GetPublicKey", &SigningKey::arn()));

    let sts = aws_sdk_sts::Client::new(&aws(&system, "IngestFunction").service(AwsService::Sts));
    let role = "arn:aws:iam::000000000000:role/role-of-diku";
    let assume = sts.assume_role().role_arn(role).role_session_name("test").send().await;
    let (code, message) = refusal(assume);
    assert_eq!((code.as_str(), message), ("AccessDenied", denied("", "IngestFunction", "sts:AssumeRole", role).1));
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::000000000000:assumed-role/IngestFunctionRole/IngestFunction"));

    let s3 = aws_sdk_s3::Client::new(&aws(&system, "ExportRunFunction").service(AwsService::S3));
    assert_eq!(refusal(s3.list_buckets().send().await).0, "AccessDenied");
    assert_eq!(system.stack.iam.refused().len(), 7);
    system.stop().await;
}

/// What a deployment would do whose template lacks an action that the code has come to need.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_its_action_fails() {
    for (function, granted, less, action) in [
        (
            "IngestFunction",
            "[dynamodb:Query, dynamodb:PutItem, dynamodb:UpdateItem]",
            "[dynamodb:Query, dynamodb:PutItem]",
            "dynamodb:UpdateItem",
        ),
        ("ExportDispatchFunction", "Action: dynamodb:Query\n", "Action: dynamodb:GetItem\n", "dynamodb:Query"),
    ] {
        assert!(EMBEDDED.contains(granted), "{granted}");
        let template = EMBEDDED.replace(granted, less).into();
        let system = System::with(Options { template, ..Options::default() }).await;
        let event = FolioEvent::of(EntityType::Order, "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9").in_batch("diku");
        system.try_invoke(function, &json!({"events": [event]})).await.unwrap_err();
        let refused = system.stack.iam.refused();
        let expected = format!("{function} is not authorized to perform: {action} on resource: ");
        assert!(refused[0].to_string().contains(&expected), "{refused:?}");
        system.stop().await;
    }
}
