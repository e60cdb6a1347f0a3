//! The configuration files that the lab writes for the programs it starts. They are ordinary ones: whoever wants to try a
//! setting edits the file and starts the program by hand.

mod adfs;
mod wap;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

pub use adfs::{DirectoryAccess, RELYING_PARTY_NAME, write_adfs};
pub use wap::write_wap;

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The rules of the relying party trust.
    #[error("the claim rules for Entra ID cannot be made: {0}")]
    Rules(#[from] claim_rules::entra::DomainError),
    /// The state folder.
    #[error("{}: {source}; the state folder must be writable", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text.
    #[error("{}: {source}", path.display())]
    Text {
        /// Which.
        path: PathBuf,
        /// What cannot be written as TOML.
        source: toml::ser::Error,
    },
}

fn write_toml(path: &Path, heading: &str, content: &impl Serialize) -> Result<(), WriteError> {
    let text = toml::to_string_pretty(content).map_err(|source| WriteError::Text {
        path: path.to_owned(),
        source,
    })?;
    write_text(
        path,
        &format!("# {heading}\n# Written by `lab up`, anew at each start.\n\n{text}"),
    )
}

/// For the owner only, since a directory password may stand in it.
fn write_text(path: &Path, text: &str) -> Result<(), WriteError> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let attempt = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        // The mode above counts only for a file that was not there.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    attempt().map_err(|source| WriteError::File {
        path: path.to_owned(),
        source,
    })
}
