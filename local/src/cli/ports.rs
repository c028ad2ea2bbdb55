//! Where a server of this machine listens: declared once, for `serve` and for the commands that talk to it.
//!
//! Each has a variable of the environment too, so that a shell in which a port is another one needs no flag with every command.
//! clap reads these, and names them in `--help`; functions know nothing of them.

use std::net::{IpAddr, SocketAddr};

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Host {
    /// The address that the server listens on.
    #[arg(long, env = "SPORLOG_HOST", default_value = "127.0.0.1")]
    pub(super) host: IpAddr,
}

impl Host {
    pub(super) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host, port)
    }
}

#[derive(Debug, Args)]
pub(super) struct ApiPort {
    /// The port of the HTTP API. `serve` takes 0 for any free one, here and with the other ports.
    #[arg(long, env = "SPORLOG_PORT", default_value_t = 3000)]
    pub(super) port: u16,
}

#[derive(Debug, Args)]
pub(super) struct InvokePort {
    /// The port of the Lambda and SQS endpoint.
    #[arg(long, env = "SPORLOG_INVOKE_PORT", default_value_t = 3001)]
    pub(super) invoke_port: u16,
}

#[derive(Debug, Args)]
pub(super) struct DynamoDbPort {
    /// The port of DynamoDB.
    #[arg(long, env = "SPORLOG_DYNAMODB_PORT", default_value_t = 8000)]
    pub(super) dynamodb_port: u16,
}

#[derive(Debug, Args)]
pub(super) struct S3Port {
    /// The port of S3 and STS.
    #[arg(long, env = "SPORLOG_S3_PORT", default_value_t = 9000)]
    pub(super) s3_port: u16,
}
