//! Key files: written whole or not at all, readable by their owner alone.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::KeyError;
use crate::ids;

/// Keys and certificates are a few kilobytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Owner,
    Everyone,
}

/// Makes the folder if need be and holds it for this process until the result is dropped, so that two processes that
/// start at once make one set of keys.
pub(super) fn lock(folder: &Path) -> Result<File, KeyError> {
    make_folder(folder)?;
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path);
    file.and_then(|file| file.lock().map(|()| file))
        .map_err(failed(&path, "lock"))
}

/// Whether a file of this user is ours. Root could change anything anyway.
fn is_owner_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

fn make_folder(folder: &Path) -> Result<(), KeyError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed(folder, "make the folder of"))?;
    check_folder(folder)
}

/// Refuses a folder in which others can replace files.
pub(super) fn check_folder(folder: &Path) -> Result<(), KeyError> {
    let mode = fs::metadata(folder)
        .map_err(failed(folder, "look at"))?
        .mode();
    // In a sticky folder, such as /tmp, others cannot replace a file either.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Err(KeyError::Exposed {
            path: folder.to_owned(),
            what: "replace files in it",
            remedy: "go-w",
        });
    }
    Ok(())
}

/// The content of a file, or `None` when there is no such file.
pub(super) fn read(path: &Path, readers: Readers) -> Result<Option<Zeroizing<String>>, KeyError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "open")(error)),
    };
    let metadata = file.metadata().map_err(failed(path, "look at"))?;
    if !is_owner_trusted(metadata.uid()) {
        return Err(KeyError::Owner {
            path: path.to_owned(),
        });
    }
    let mode = metadata.permissions().mode();
    let (unwanted, what, remedy) = match readers {
        Readers::Owner => (0o077, "read or change it", "600"),
        Readers::Everyone => (0o022, "change it", "go-w"),
    };
    if mode & unwanted != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            what,
            remedy,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(failed(path, "read"))?;
    Ok(Some(text))
}

/// Makes a file in one step. A file that is there already is an error and stays: a key that is overwritten is lost.
pub(super) fn create(path: &Path, text: &str, readers: Readers) -> Result<(), KeyError> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut name = OsString::from(".new-");
    name.push(u64::from_ne_bytes(ids::random()?).to_string());
    let unfinished = folder.join(name);
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everyone => 0o644,
    };
    let written =
        write_new(&unfinished, text, mode).and_then(|()| fs::hard_link(&unfinished, path));
    // Its other name is the file by now, or it has never been in use; should it stay behind, nothing is lost.
    let _ = fs::remove_file(&unfinished);
    // The name itself must outlive a power failure, too.
    written
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(failed(path, "make"))
}

/// Puts `text` in the place of a file in one step: whoever reads it, even after a power failure, finds all of the old text
/// or all of the new one.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = folder.join(format!(".new-{}", u64::from_ne_bytes(ids::random()?)));
    write_new(&unfinished, text, 0o644)
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| {
            // It has never been in use; should it stay behind, nothing is lost.
            let _ = fs::remove_file(&unfinished);
            failed(path, "replace")(error)
        })
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), KeyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed(path, "remove")),
    }
}

/// Gives a file another name, if there is one, and returns that name.
pub(super) fn move_aside(path: &Path, now: OffsetDateTime) -> Result<Option<PathBuf>, KeyError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", now.unix_timestamp()));
    let aside = PathBuf::from(name);
    // A second name first, which never replaces another file; then the first one can go.
    match fs::hard_link(path, &aside).and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "put aside")(error)),
        Ok(()) => Ok(Some(aside)),
    }
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }

    #[test]
    fn private_files_are_for_their_owner_alone_from_the_first_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/below/key");
        create(&path, "one", Readers::Owner).expect("made");
        assert_eq!(fs::metadata(&path).expect("metadata").mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().expect("parent"))
                .expect("metadata")
                .mode()
                & 0o777,
            0o700
        );
        assert!(matches!(
            create(&path, "two", Readers::Owner),
            Err(KeyError::File { .. })
        ));
        assert_eq!(
            read(&path, Readers::Owner)
                .expect("read")
                .expect("there")
                .as_str(),
            "one"
        );
        let names = fs::read_dir(path.parent().expect("parent"))
            .expect("listing")
            .count();
        assert_eq!(names, 1, "nothing unfinished stays behind");
    }

    #[test]
    fn exposed_files_and_folders_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        assert!(read(&path, Readers::Owner).expect("no error").is_none());
        create(&path, "one", Readers::Owner).expect("made");
        for mode in [0o640, 0o604, 0o620] {
            set_mode(&path, mode);
            assert!(
                matches!(read(&path, Readers::Owner), Err(KeyError::Exposed { .. })),
                "{mode:o}"
            );
        }
        set_mode(&path, 0o644);
        assert!(read(&path, Readers::Everyone).is_ok());
        set_mode(folder.path(), 0o777);
        assert!(matches!(lock(folder.path()), Err(KeyError::Exposed { .. })));
    }
}
