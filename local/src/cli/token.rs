use clap::Args;
use sporlog_auth::Role;
use sporlog_model::{Clock, OrgId};

use super::output::print;
use super::{DataDir, Failure};
use crate::identity::{Issuer, TokenRequest};

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The organization (in FOLIO, the tenant).
    #[arg(long)]
    org: String,
    /// A role in it: member, service, admin or owner. May be given more than once.
    #[arg(long = "role", value_parser = parse_role)]
    roles: Vec<Role>,
    /// A permission, such as audit.all. May be given more than once.
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// Who the token is for.
    #[arg(long, default_value = "developer")]
    sub: String,
    /// How long it is valid.
    #[arg(long, default_value_t = 12 * 3600, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=315_360_000))]
    lifetime_seconds: i64,
    #[command(flatten)]
    data: DataDir,
}

pub(super) fn run(args: TokenArgs) -> Result<u8, Failure> {
    let issuer = Issuer::open(Some(args.data.made()?))?;
    let request = TokenRequest {
        org: OrgId::parse(&args.org)?,
        subject: args.sub,
        roles: args.roles,
        scopes: args.scopes,
        issued_at: Clock::system().now(),
        lifetime_seconds: args.lifetime_seconds,
    };
    print(issuer.token(&request)?)?;
    Ok(0)
}

fn parse_role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| "must be member, service, admin or owner".to_owned())
}
