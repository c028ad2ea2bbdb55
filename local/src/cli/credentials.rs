use std::net::{IpAddr, SocketAddr};

use clap::Args;

use crate::s3::DEFAULT_REGION;
use crate::stack::variables;

#[derive(Debug, Args)]
pub(super) struct EnvArgs {
    /// The address that `serve` listens on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port of its Lambda and SQS endpoint.
    #[arg(long, default_value_t = 3001)]
    invoke_port: u16,
    /// The port of its DynamoDB.
    #[arg(long, default_value_t = 8000)]
    dynamodb_port: u16,
    /// The port of its S3 and STS.
    #[arg(long, default_value_t = 9000)]
    s3_port: u16,
}

/// For `eval "$(sporlog env)"`.
pub(super) fn run(args: &EnvArgs) -> u8 {
    let at = |port| SocketAddr::new(args.host, port);
    // What a shell still has of a real account would come first, or lead the calls there.
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    for (name, value) in variables(at(args.invoke_port), at(args.dynamodb_port), at(args.s3_port)) {
        println!("export {name}={value}");
    }
    // boto3 and the first AWS CLI read the other name.
    println!("export AWS_DEFAULT_REGION={DEFAULT_REGION}");
    0
}
