use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::identity::Issuer;
use crate::stack;

/// Where the local run keeps its data.
#[derive(Debug, Args)]
pub(super) struct DataDir {
    /// The directory of the server's data.
    #[arg(long, default_value = ".sporlog", value_name = "DIR")]
    data_dir: PathBuf,
}

impl DataDir {
    /// The directory, made if it is not there. Where no server was, it is most often the wrong one: a token would be signed with a
    /// key that no running server trusts, and a role would be defined where none looks. So that is said.
    pub(super) fn made(&self) -> Result<&Path, Failure> {
        if !Issuer::has_key_in(&self.data_dir) {
            stack::create_data_dir(&self.data_dir)?;
            let directory = std::path::absolute(&self.data_dir)?;
            eprintln!(
                "sporlog: no server has kept its data in {} yet; that of another is named with --data-dir",
                directory.display()
            );
        }
        Ok(&self.data_dir)
    }
}
