use clap::Args;

use super::Failure;
use super::output::print;
use super::ports::{DynamoDbPort, Host, InvokePort, S3Port};
use crate::s3::DEFAULT_REGION;
use crate::stack::variables;

#[derive(Debug, Args)]
pub(super) struct EnvArgs {
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    invoke: InvokePort,
    #[command(flatten)]
    dynamodb: DynamoDbPort,
    #[command(flatten)]
    s3: S3Port,
}

/// For `eval "$(sporlog env)"`.
pub(super) fn run(args: &EnvArgs) -> Result<u8, Failure> {
    let EnvArgs { host, invoke, dynamodb, s3 } = args;
    // What a shell still has of a real account would come first, or lead the calls there.
    print("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?;
    for (name, value) in variables(host.at(invoke.invoke_port), host.at(dynamodb.dynamodb_port), host.at(s3.s3_port)) {
        print(format_args!("export {name}={value}"))?;
    }
    // boto3 and the first AWS CLI read the other name.
    print(format_args!("export AWS_DEFAULT_REGION={DEFAULT_REGION}"))?;
    Ok(0)
}
