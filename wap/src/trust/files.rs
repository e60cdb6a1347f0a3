//! The folder of what must survive a restart. Every file is replaced as a whole or not at all, so that a crash at any
//! moment leaves the old or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{TrustError, TrustIdentity, file_error};

const IDENTITY: &str = "trust.pem";
const SUCCESSOR: &str = "trust.next.pem";
const CONFIGURATION: &str = "configuration.json";
const APPLICATIONS: &str = "applications.json";
/// Larger files are not ours.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The folder.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Names it; nothing is touched yet.
    pub fn new(path: &Path) -> StateFolder {
        StateFolder(path.to_owned())
    }

    /// The trust certificate with its key.
    ///
    /// # Errors
    /// When it is absent, unreadable or damaged.
    pub fn identity(&self) -> Result<TrustIdentity, TrustError> {
        self.pem(IDENTITY)?.ok_or_else(|| TrustError::Absent {
            path: self.0.join(IDENTITY),
        })
    }

    /// The certificate that a renewal, which may have been interrupted, offered to the server.
    ///
    /// # Errors
    /// When it is unreadable or damaged.
    pub fn successor(&self) -> Result<Option<TrustIdentity>, TrustError> {
        self.pem(SUCCESSOR)
    }

    /// Replaces the trust certificate. What was remembered of a renewal goes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_identity(&self, identity: &TrustIdentity) -> Result<(), TrustError> {
        self.replace(IDENTITY, &identity.to_pem()?)?;
        self.remove(SUCCESSOR)
    }

    /// Remembers a certificate before it is offered to the server.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_successor(&self, identity: &TrustIdentity) -> Result<(), TrustError> {
        self.replace(SUCCESSOR, &identity.to_pem()?)
    }

    /// Forgets the certificate of a renewal.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_successor(&self) -> Result<(), TrustError> {
        self.remove(SUCCESSOR)
    }

    /// Last good configuration, as the server sent it.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn configuration(&self) -> Result<Option<Vec<u8>>, TrustError> {
        self.read(CONFIGURATION)
    }

    /// Keeps a good configuration.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_configuration(&self, json: &[u8]) -> Result<(), TrustError> {
        self.replace(CONFIGURATION, json)
    }

    /// Last good list of published applications.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn applications(&self) -> Result<Option<Vec<u8>>, TrustError> {
        self.read(APPLICATIONS)
    }

    /// Keeps a good list of published applications.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_applications(&self, json: &[u8]) -> Result<(), TrustError> {
        self.replace(APPLICATIONS, json)
    }

    /// Makes the folder, if need be, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> Result<(), TrustError> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0);
        made.map_err(|source| file_error(&self.0, "making the folder", source))
    }

    fn pem(&self, name: &str) -> Result<Option<TrustIdentity>, TrustError> {
        let Some(pem) = self.read(name)?.map(zeroize::Zeroizing::new) else {
            return Ok(None);
        };
        let path = self.0.join(name);
        TrustIdentity::from_pem(&pem)
            .map(Some)
            .map_err(|reason| TrustError::Damaged { path, reason })
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, TrustError> {
        let path = self.0.join(name);
        let failed = |source| file_error(&path, "reading", source);
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
            Ok(data) if data.len() > MAX_FILE => Err(failed(ErrorKind::FileTooLarge.into())),
            Ok(_) => fs::read(&path).map(Some).map_err(failed),
        }
    }

    fn replace(&self, name: &str, content: &[u8]) -> Result<(), TrustError> {
        let path = self.0.join(name);
        let new = self.0.join(format!("{name}.new"));
        // A crash may have left one; it is nobody's.
        let _ = fs::remove_file(&new);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| File::open(&self.0).and_then(|folder| folder.sync_all()));
        written.map_err(|source| file_error(&path, "writing", source))
    }

    fn remove(&self, name: &str) -> Result<(), TrustError> {
        let path = self.0.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(file_error(&path, "removing", error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use time::macros::datetime;

    use super::*;

    fn identity() -> TrustIdentity {
        TrustIdentity::make("wap", 60, datetime!(2026-01-01 00:00 UTC)).unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::new(&folder.path().join("deep/state"));
        state.make().unwrap();
        assert!(matches!(state.identity(), Err(TrustError::Absent { .. })));
        let first = identity();
        state.save_identity(&first).unwrap();
        state.save_successor(&identity()).unwrap();
        assert_eq!(state.identity().unwrap().thumbprint(), first.thumbprint());
        for name in ["deep/state/trust.pem", "deep/state/trust.next.pem"] {
            let mode = fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let second = state.successor().unwrap().unwrap();
        state.save_identity(&second).unwrap();
        assert_eq!(state.identity().unwrap().thumbprint(), second.thumbprint());
        assert!(state.successor().unwrap().is_none());
    }

    #[test]
    fn a_leftover_of_a_crash_does_not_stop_the_next_write() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::new(folder.path());
        fs::write(folder.path().join("configuration.json.new"), "half").unwrap();
        state.save_configuration(b"whole").unwrap();
        assert_eq!(state.configuration().unwrap().unwrap(), b"whole");
    }

    #[test]
    fn a_damaged_file_is_told_from_an_absent_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::new(folder.path());
        let other = [
            identity().key().private_key_to_pem_pkcs8().unwrap(),
            identity().certificate().to_pem().unwrap(),
        ]
        .concat();
        for (content, reason) in [
            (b"".to_vec(), "no private key"),
            (
                identity().key().private_key_to_pem_pkcs8().unwrap(),
                "no certificate",
            ),
            (other, "not the certificate's"),
        ] {
            fs::write(folder.path().join("trust.pem"), content).unwrap();
            let error = state.identity().unwrap_err().to_string();
            assert!(
                error.contains(reason) && error.contains("wap install"),
                "{error}"
            );
        }
    }
}
