//! The state folder: everything that one lab keeps, and the lock that says whether it runs.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Mode of folders that only the owner may look into.
const PRIVATE: u32 = 0o700;

/// Why a state folder cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// Reading or writing failed.
    #[error("{}: {source}; name a folder that you may write with --state", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody holds the lock.
    #[error("a lab is already running in {} (process {pid}); stop it with `lab down --state {}`, or give this one another --state and --base-port", path.display(), path.display())]
    Running {
        /// The folder.
        path: PathBuf,
        /// From the lock file.
        pid: u32,
    },
}

/// Paths of a state folder. Making one creates nothing.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// The folder at `path`, as an absolute path, since processes are started with it.
    ///
    /// # Errors
    /// When there is no current folder.
    pub fn at(path: &Path) -> Result<StateFolder, StateError> {
        std::path::absolute(path)
            .map(StateFolder)
            .map_err(|source| StateError::File {
                path: path.to_owned(),
                source,
            })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The contract's file.
    pub fn lab_json(&self) -> PathBuf {
        self.0.join("lab.json")
    }

    /// A sub-folder, made when missing, for the owner only.
    ///
    /// # Errors
    /// When it cannot be made or belongs to somebody else.
    pub fn folder(&self, name: &str) -> Result<PathBuf, StateError> {
        let path = self.0.join(name);
        create(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(PRIVATE)))
            .map_err(|source| StateError::File {
                path: path.clone(),
                source,
            })?;
        Ok(path)
    }

    /// Whether an earlier lab got as far as keeping something here for `adfs`.
    pub fn has_been_used(&self) -> bool {
        self.0.join("adfs").exists()
    }

    /// Takes the lock; it is given back when the value is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// When a lab runs here.
    pub fn lock(&self) -> Result<Lock, StateError> {
        let path = self.lock_file();
        let failed = |source| StateError::File {
            path: path.clone(),
            source,
        };
        // A folder that is there already stays as its owner made it; what is inside is closed off by itself.
        create(&self.0).map_err(|source| StateError::File {
            path: self.0.clone(),
            source,
        })?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Running {
                    path: self.0.clone(),
                    pid: self.running().unwrap_or_default(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(failed)?;
        Ok(Lock(file))
    }

    /// Process id of the lab that runs here.
    pub fn running(&self) -> Option<u32> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(self.lock_file())
            .ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).ok()?;
                text.trim().parse().ok()
            }
            _ => None,
        }
    }

    /// Waits until no lab runs here. Blocks.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn wait_until_free(&self) -> io::Result<()> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(self.lock_file())?;
        file.lock()
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }
}

fn create(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE)
        .create(folder)
}

/// Held while a lab runs.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "dropping it gives the lock back")] File);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_an_open_folder_is_closed() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let open = Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open.clone()).unwrap();
        fs::create_dir(folder.path().join("pki")).unwrap();
        fs::set_permissions(folder.path().join("pki"), open).unwrap();
        let state = StateFolder::at(folder.path()).unwrap();
        let _lock = state.lock().unwrap();
        assert_eq!(mode(folder.path()), 0o755, "it is not ours");
        for name in ["pki", "adfs"] {
            assert_eq!(mode(&state.folder(name).unwrap()), 0o700, "{name}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().join("state");
        let message = StateFolder::at(&folder)
            .unwrap()
            .lock()
            .unwrap_err()
            .to_string();
        let said = format!("{}: ", folder.display());
        assert!(message.starts_with(&said), "{message}");
    }

    #[test]
    fn one_lab_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(&folder.path().join("deep/state")).unwrap();
        assert_eq!(state.running(), None);
        let lock = state.lock().unwrap();
        assert_eq!(state.running(), Some(std::process::id()));
        let message = state.lock().unwrap_err().to_string();
        assert!(
            message.contains(&std::process::id().to_string()) && message.contains("lab down"),
            "{message}"
        );
        drop(lock);
        assert_eq!(state.running(), None);
        state.wait_until_free().unwrap();
        let _again = state.lock().unwrap();
    }
}
