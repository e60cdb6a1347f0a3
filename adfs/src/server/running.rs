//! What commands can learn about a running server: a lock that it holds, and beside its store a file that says which
//! configuration it has taken. Commands and server must see the same disk; nothing goes over a network.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use openssl::sha::Sha256;
use serde::{Deserialize, Serialize};

/// Name of the file that tells what was taken.
const STATUS: &str = "reload-status.json";
/// Name of the lock file.
const LOCK: &str = "server.lock";
/// Folders beside `adfs.toml` that belong to the configuration.
const FOLDERS: [&str; 3] = ["trusts", "policies", "web"];
const MAX_FILES: usize = 50_000;
const MAX_DEPTH: usize = 4;
const MAX_STATUS: u64 = 256 * 1024;
const PAUSE: Duration = Duration::from_millis(50);
/// Tries to get the lock.
const TRIES: usize = 4;

/// What a server says about the configuration on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// [`digest`] of what it tried.
    pub(super) digest: String,
    /// Why it was refused; `None` when it is in force.
    pub(super) error: Option<String>,
}

/// Whether a running server has taken the configuration on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// No server runs on this store.
    NoServer,
    /// It is in force.
    Yes,
    /// The server goes on with the old one, for this reason.
    Refused(String),
    /// The server has not said anything in time.
    Late,
}

/// Waits for a running server to take the configuration at `config`. `store` is the path of the server's store.
///
/// # Errors
/// When the lock or the configuration cannot be read.
pub fn await_taken(config: &Path, store: &Path, patience: Duration) -> io::Result<Taken> {
    let until = Instant::now() + patience;
    loop {
        if !is_server_running(store)? {
            return Ok(Taken::NoServer);
        }
        // Read anew each time: somebody else may change the configuration meanwhile.
        let wanted = digest(config)?;
        match read_status(store) {
            Some(status) if status.digest == wanted => {
                return Ok(status.error.map_or(Taken::Yes, Taken::Refused));
            }
            _ if Instant::now() >= until => return Ok(Taken::Late),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

fn is_server_running(store: &Path) -> io::Result<bool> {
    let lock = match File::open(store.with_file_name(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read_status(store: &Path) -> Option<Status> {
    let file = File::open(store.with_file_name(STATUS)).ok()?;
    serde_json::from_reader(file.take(MAX_STATUS)).ok()
}

/// Held for as long as the server runs. `None` when another process holds it, whose word then counts.
pub(super) fn lock(store: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o644)
        .open(store.with_file_name(LOCK))?;
    // A command that looks whether a server runs holds it for an instant.
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// Says what was taken, in one step.
pub(super) fn write_status(store: &Path, status: &Status) -> io::Result<()> {
    let path = store.with_file_name(STATUS);
    let unfinished = store.with_file_name(format!(".{STATUS}.new"));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o644)
        .open(&unfinished)?;
    serde_json::to_writer(&mut file, status)?;
    file.flush()?;
    fs::rename(unfinished, path)
}

/// A digest of the content of the configuration: `adfs.toml` and all files in the folders beside it that belong to it.
///
/// # Errors
/// When one cannot be read.
pub fn digest(config: &Path) -> io::Result<String> {
    let mut sha = Sha256::new();
    for file in files(config)? {
        let content = match fs::read(&file) {
            // It was removed since the listing; the next look tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for part in [file.as_os_str().as_encoded_bytes(), &content] {
            sha.update(&part.len().to_be_bytes());
            sha.update(part);
        }
    }
    Ok(hexadecimal(&sha.finish()))
}

/// A cheap value that changes whenever one of those files does.
pub(super) fn fingerprint(config: &Path) -> io::Result<[u8; 32]> {
    use std::os::unix::fs::MetadataExt;
    let mut sha = Sha256::new();
    for file in files(config)? {
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        sha.update(file.as_os_str().as_encoded_bytes());
        let numbers = [
            metadata.ino(),
            metadata.len(),
            metadata.mtime().cast_unsigned(),
            metadata.mtime_nsec().cast_unsigned(),
            metadata.ctime().cast_unsigned(),
            metadata.ctime_nsec().cast_unsigned(),
        ];
        numbers
            .iter()
            .for_each(|number| sha.update(&number.to_be_bytes()));
    }
    Ok(sha.finish())
}

/// Sorted; names that begin with a dot are not configuration.
fn files(config: &Path) -> io::Result<Vec<PathBuf>> {
    let config = std::path::absolute(config)?;
    let mut files = vec![config.clone()];
    for folder in FOLDERS {
        walk(&config.with_file_name(folder), MAX_DEPTH, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            if depth > 1 {
                walk(&path, depth - 1, files)?;
            }
        } else if files.len() < MAX_FILES {
            files.push(path);
        }
    }
    Ok(())
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_seen_by_its_lock_and_answers_by_its_status() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("adfs.toml");
        let store = folder.path().join("adfs.sqlite");
        fs::write(&config, "a").unwrap();
        let ask = || await_taken(&config, &store, Duration::ZERO).unwrap();
        assert_eq!(ask(), Taken::NoServer);
        let held = lock(&store).unwrap().expect("free");
        assert!(lock(&store).unwrap().is_none());
        assert_eq!(ask(), Taken::Late);
        let mut status = Status {
            digest: digest(&config).unwrap(),
            error: None,
        };
        write_status(&store, &status).unwrap();
        assert_eq!(ask(), Taken::Yes);
        status.error = Some("bad".to_owned());
        write_status(&store, &status).unwrap();
        assert_eq!(ask(), Taken::Refused("bad".to_owned()));
        fs::write(&config, "b").unwrap();
        assert_eq!(ask(), Taken::Late);
        drop(held);
        assert_eq!(ask(), Taken::NoServer);
    }

    #[test]
    fn every_file_of_the_configuration_counts_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("adfs.toml");
        let trusts = folder.path().join("trusts/relying-parties");
        fs::create_dir_all(&trusts).unwrap();
        fs::write(&config, "").unwrap();
        let look = || (digest(&config).unwrap(), fingerprint(&config).unwrap());
        let mut seen = vec![look()];
        for (file, text) in [
            ("a.toml", "1"),
            ("a.toml", "2"),
            ("a.x.rules", "1"),
            ("b.toml", "2"),
        ] {
            fs::write(trusts.join(file), text).unwrap();
            let now = look();
            assert!(
                !seen
                    .iter()
                    .any(|before| before.0 == now.0 || before.1 == now.1),
                "{file}"
            );
            seen.push(now);
        }
        let before = look();
        fs::write(trusts.join(".new-1"), "1").unwrap();
        fs::write(folder.path().join("other"), "1").unwrap();
        assert_eq!(look(), before);
        fs::remove_file(trusts.join("b.toml")).unwrap();
        assert_ne!(look(), before);
    }
}
