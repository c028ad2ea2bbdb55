use std::process::ExitCode;

use clap::Parser;
use sporlog_local::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("sporlog: {}", sporlog_model::error_chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
