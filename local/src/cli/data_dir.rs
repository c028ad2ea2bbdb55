use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::identity::Issuer;

/// Where the local run keeps its data.
#[derive(Debug, Args)]
pub(super) struct DataDir {
    /// The directory of the server's data.
    #[arg(long, default_value = ".sporlog", value_name = "DIR")]
    data_dir: PathBuf,
}

impl DataDir {
    pub(super) fn path(&self) -> &Path {
        &self.data_dir
    }

    /// The directory, if a server has used it. In any other a token would be signed with a key that no server trusts, and a role
    /// would be defined where none looks.
    pub(super) fn of_a_server(&self) -> Result<&Path, Failure> {
        if Issuer::has_key_in(&self.data_dir) {
            return Ok(&self.data_dir);
        }
        let directory = std::path::absolute(&self.data_dir)?;
        Err(format!("no server has kept its data in {}; name its directory with --data-dir", directory.display())
            .into())
    }
}
