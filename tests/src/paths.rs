//! Where the programs under test and the repository's files are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// One of the built programs, found beside the running test: cargo puts both under the same profile's folder.
///
/// # Errors
/// When it is not there.
pub fn program(name: &str) -> Result<PathBuf> {
    let executable = env::current_exe().context("the running test has no path")?;
    executable
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("there is no program `{name}` beside {}; build it first: cargo build --workspace --bins", executable.display()))
}

/// The repository's root folder.
pub fn repository() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}
