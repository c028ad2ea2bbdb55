use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::primitives::Blob;
use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::folio;

use super::output::print;
use super::ports::{Host, InvokePort};
use super::{Failure, runtime};
use crate::demo::DEMO_ORG;
use crate::stack::variables;

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// JSON files: FOLIO payloads, whose kind is recognized, or whole Lambda events (Kafka, SQS or a plain batch).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The organization of FOLIO payloads, which do not name one.
    #[arg(long, default_value = DEMO_ORG)]
    org: String,
    #[command(flatten)]
    invoke: InvokePort,
    #[command(flatten)]
    host: Host,
}

/// What ingest answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    stored: usize,
    duplicates: usize,
    skipped: usize,
    rejected: Vec<Rejected>,
    batch_item_failures: Vec<Value>,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
    reason: String,
}

/// Sends each file as one invocation. The exit status is 1 when anything was not stored.
pub(super) fn run(args: &SendArgs) -> Result<u8, Failure> {
    let at = args.host.at(args.invoke.invoke_port);
    let variables = variables(at, at, at).into_iter().map(|(name, value)| (name.to_owned(), value));
    let aws = Aws::from_environment(&Environment::from_values(variables))?;
    // One attempt, and longer than the function may take: the time-outs of a deployment are for handing an event over, not for
    // waiting until it is dealt with.
    let config = aws_sdk_lambda::config::Builder::from(&aws.service(AwsService::Lambda))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(90)).build());
    let client = aws_sdk_lambda::Client::from_conf(config.build());
    runtime()?.block_on(async {
        let mut all_stored = true;
        for file in &args.files {
            match send(&client, file, &args.org).await {
                Ok(answer) => all_stored &= report(file, &answer)?,
                Err(error) => {
                    all_stored = false;
                    eprintln!("{}: {error}", file.display());
                }
            }
        }
        Ok(u8::from(!all_stored))
    })
}

async fn send(client: &aws_sdk_lambda::Client, file: &Path, org: &str) -> Result<Answer, Failure> {
    let event = event(&fs::read_to_string(file)?, org)?;
    let output = client.invoke().function_name("IngestFunction").payload(Blob::new(event)).send().await;
    let output = output.map_err(|error| match error {
        SdkError::DispatchFailure(_) => {
            "no sporlog answers there: start it, or say where it is with --host and --invoke-port".to_owned()
        }
        error => sporlog_model::error_chain(&error),
    })?;
    let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
    if output.function_error.is_some() {
        let error: Value = serde_json::from_slice(&payload)?;
        return Err(error["errorMessage"].as_str().unwrap_or("ingest failed").into());
    }
    Ok(serde_json::from_slice(&payload)?)
}

/// The Lambda event for a file's content.
fn event(content: &str, org: &str) -> Result<String, Failure> {
    if let Some(entity_type) = folio::recognize(content.as_bytes()) {
        let payload: &RawValue = serde_json::from_str(content)?;
        // Not through `Value`, which would not keep every digit of the payload's numbers.
        let (org, entity_type) = (json!(org), json!(entity_type.name()));
        return Ok(format!(r#"{{"events":[{{"orgId":{org},"type":{entity_type},"payload":{payload}}}]}}"#));
    }
    let value: Value = serde_json::from_str(content)?;
    if ["records", "Records", "events"].iter().any(|member| value.get(member).is_some()) {
        return Ok(content.to_owned());
    }
    Err("neither a FOLIO acquisition event nor a Lambda event with records, Records or events".into())
}

fn report(file: &Path, answer: &Answer) -> std::io::Result<bool> {
    let Answer { stored, duplicates, skipped, rejected, batch_item_failures } = answer;
    print(format_args!("{}: {stored} stored, {duplicates} known before", file.display()))?;
    if *skipped > 0 {
        eprintln!("{}: {skipped} events were not stored: the organization has switched its audit off", file.display());
    }
    for Rejected { index, reason } in rejected {
        eprintln!("{}: event {index} was rejected: {reason}", file.display());
    }
    if !batch_item_failures.is_empty() {
        eprintln!("{}: {} events were not stored; send the file again", file.display(), batch_item_failures.len());
    }
    Ok(*skipped == 0 && rejected.is_empty() && batch_item_failures.is_empty())
}
