use clap::{Args, ValueEnum};

use sporlog_model::ExternalId;

use super::output::print;
use super::{DataDir, Failure};
use crate::s3::{Deny, RoleDefinition, Storage};

#[derive(Debug, Args)]
pub(super) struct RoleArgs {
    /// The role's name; its ARN is `arn:aws:iam::000000000000:role/NAME`.
    name: String,
    /// The bucket it may use; created when absent.
    #[arg(long)]
    bucket: String,
    /// The external id that whoever assumes it must send.
    #[arg(long, value_parser = ExternalId::parse, required_unless_present = "any_external_id")]
    external_id: Option<ExternalId>,
    /// Whoever assumes it need not send an external id, and may send any: what a test of the connection warns of.
    #[arg(long, conflicts_with = "external_id")]
    any_external_id: bool,
    /// Something it refuses.
    #[arg(long)]
    deny: Option<Denied>,
    #[command(flatten)]
    data: DataDir,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Denied {
    Assume,
    Put,
    Delete,
    Kms,
}

/// Defines the role; a running server sees it at its next request.
pub(super) fn run(args: &RoleArgs) -> Result<u8, Failure> {
    let storage = Storage::open(&args.data.made()?.join("s3.sqlite"))?;
    let deny = args.deny.map(|denied| match denied {
        Denied::Assume => Deny::Assume,
        Denied::Put => Deny::Put,
        Denied::Delete => Deny::Delete,
        Denied::Kms => Deny::Kms,
    });
    let role = RoleDefinition {
        name: args.name.clone(),
        bucket: args.bucket.clone(),
        external_id: args.external_id.clone().map(String::from),
        deny,
    };
    if storage.replace_role(&role)? {
        eprintln!("sporlog: this takes the place of another role {}", args.name);
    }
    print(role.arn())?;
    Ok(0)
}
