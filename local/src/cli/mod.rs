//! The `sporlog` command.

mod api_key;
mod copy_org;
mod credentials;
mod data_dir;
mod output;
mod ports;
mod resume_export;
mod role;
mod send;
mod serve;
mod table;
mod token;
mod verify;

use clap::{Parser, Subcommand};

use self::data_dir::DataDir;

type Failure = Box<dyn std::error::Error>;

/// An audit trail service: the whole system on this machine, and the tools around it.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole system (the default).
    Serve(serve::ServeArgs),
    /// Send event files through ingest.
    Send(send::SendArgs),
    /// Print a bearer token of the development issuer.
    Token(token::TokenArgs),
    /// Make an API key of an organization and print it, this once.
    ApiKey(api_key::ApiKeyArgs),
    /// Define a local IAM role and its bucket.
    Role(role::RoleArgs),
    /// Show that an export is whole and unchanged, or what is wrong with it.
    Verify(verify::VerifyArgs),
    /// Copy an organization's rows into another table, and compare.
    CopyOrg(copy_org::CopyOrgArgs),
    /// Let an export go on from where its bucket ends, in a table that was restored or moved to.
    ResumeExport(resume_export::ResumeExportArgs),
    /// Print the endpoints and the administrator's credentials as shell exports.
    Env(credentials::EnvArgs),
}

impl Cli {
    /// Runs the command; the number is the exit status.
    pub fn run(self) -> Result<u8, Failure> {
        match self.command.unwrap_or(Command::Serve(self.serve)) {
            Command::Serve(args) => serve::run(&args),
            Command::Send(args) => send::run(&args),
            Command::Token(args) => token::run(args),
            Command::ApiKey(args) => api_key::run(&args),
            Command::Role(args) => role::run(&args),
            Command::Verify(args) => Ok(verify::run(args)),
            Command::CopyOrg(args) => copy_org::run(&args),
            Command::ResumeExport(args) => resume_export::run(&args),
            Command::Env(args) => credentials::run(&args),
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
