//! The folder of trust files: which trust stands where, and changing files whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use openssl::sha::sha256;

use super::trust_file::is_untouched;
use super::{ImportError, TrustFile};
use crate::ids;

/// No trust file and no rule file is larger.
const MAX_FILE: u64 = 1024 * 1024;
/// A folder with more files is another folder than was meant.
const MAX_FILES: usize = 20_000;
const MAX_STEM: usize = 60;

/// The trusts of a folder.
#[derive(Debug)]
pub struct TrustFolder {
    path: PathBuf,
    trusts: Vec<Known>,
    rules: Vec<String>,
}

/// A trust that is in the folder.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its file.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// Its identifiers.
    pub identifiers: Vec<String>,
    /// The name as names are compared.
    folded: String,
}

/// What stands where a trust is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    Nothing,
    TheSame,
    /// An earlier import's, which nobody has changed.
    Untouched,
    /// Something that a person wrote.
    Edited,
}

impl TrustFolder {
    /// Reads names and identifiers of all trusts. A file that is no trust is left to the configuration to complain about.
    ///
    /// # Errors
    /// [`ImportError::File`].
    pub fn open(path: &Path) -> Result<TrustFolder, ImportError> {
        let mut folder = TrustFolder {
            path: path.to_owned(),
            trusts: Vec::new(),
            rules: Vec::new(),
        };
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(folder),
            other => other.map_err(failed(path, "read the folder"))?,
        };
        for entry in entries.take(MAX_FILES) {
            let file = entry.map_err(failed(path, "read the folder"))?.path();
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            if name.ends_with(".rules") {
                folder.rules.push(name.to_owned());
            } else if name.ends_with(".toml")
                && let Some(known) = read(&file)?
                    .as_deref()
                    .and_then(|text| Known::of(&file, text))
            {
                folder.trusts.push(known);
            }
        }
        folder.rules.sort();
        folder
            .trusts
            .sort_by(|left, right| left.file.cmp(&right.file));
        Ok(folder)
    }

    /// All trusts in the order of their files' names.
    pub fn trusts(&self) -> &[Known] {
        &self.trusts
    }

    /// The trust of this name, compared as the configuration does, or with this identifier.
    pub fn find(&self, name_or_identifier: &str) -> Option<&Known> {
        self.named(name_or_identifier).or_else(|| {
            let has = |known: &&Known| {
                known
                    .identifiers
                    .iter()
                    .any(|own| own == name_or_identifier)
            };
            self.trusts.iter().find(has)
        })
    }

    pub(super) fn named(&self, name: &str) -> Option<&Known> {
        let name = name.to_lowercase();
        self.trusts.iter().find(|known| known.folded == name)
    }

    /// Another trust that has one of these identifiers.
    pub(super) fn rival(&self, name: &str, identifiers: &[String]) -> Option<(&Known, &str)> {
        let name = name.to_lowercase();
        let others = self.trusts.iter().filter(|known| known.folded != name);
        others.into_iter().find_map(|known| {
            let shared = known
                .identifiers
                .iter()
                .find(|own| identifiers.contains(own))?;
            Some((known, shared.as_str()))
        })
    }

    /// Where the trust of this name stands or is to stand; no name leads out of the folder.
    pub fn place(&self, name: &str) -> PathBuf {
        if let Some(known) = self.named(name) {
            return known.file.clone();
        }
        let stem = stem(name);
        let plain = self.path.join(format!("{stem}.toml"));
        let is_taken = plain.exists() || self.trusts.iter().any(|known| known.file == plain);
        if !stem.is_empty() && !is_taken {
            return plain;
        }
        let digest: String = sha256(name.as_bytes())
            .iter()
            .take(6)
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let stem = if stem.is_empty() { "trust" } else { &stem };
        self.path.join(format!("{stem}-{digest}.toml"))
    }

    /// Remembers a trust that is going to be in the folder.
    pub(super) fn expect(&mut self, known: Known) {
        self.trusts.retain(|other| other.file != known.file);
        self.trusts.push(known);
    }

    pub(super) fn present(&self, path: &Path, new: &TrustFile) -> Result<Present, ImportError> {
        let Some(text) = read(path)? else {
            // A file that cannot be read as text is somebody's all the same.
            return Ok(if path.exists() {
                Present::Edited
            } else {
                Present::Nothing
            });
        };
        let mut beside = Vec::new();
        for name in self.beside(path) {
            match read(&self.path.join(&name))? {
                Some(content) => beside.push((name, content)),
                None => return Ok(Present::Edited),
            }
        }
        Ok(if text == new.text && beside == new.beside {
            Present::TheSame
        } else if is_untouched(&text, &beside) {
            Present::Untouched
        } else {
            Present::Edited
        })
    }

    /// Names of the rule files that belong to a trust file by their names.
    fn beside(&self, path: &Path) -> Vec<String> {
        let prefix = format!("{}.", stem_of(path));
        let own = |name: &&String| {
            let middle = name
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(".rules"));
            middle.is_some_and(|middle| !middle.contains('.'))
        };
        self.rules.iter().filter(own).cloned().collect()
    }

    /// Writes a trust file with what is beside it, and removes rule files that it no longer has.
    ///
    /// # Errors
    /// [`ImportError::File`].
    pub fn write(&self, path: &Path, new: &TrustFile) -> Result<(), ImportError> {
        fs::create_dir_all(&self.path).map_err(failed(&self.path, "make the folder"))?;
        for (name, content) in &new.beside {
            replace(&self.path.join(name), content)?;
        }
        replace(path, &new.text)?;
        for name in self.beside(path) {
            if !new.beside.iter().any(|(kept, _)| *kept == name) {
                remove(&self.path.join(name))?;
            }
        }
        sync(&self.path)
    }

    /// The text of a trust file; `None` when there is none, or it is no text of the size of a trust file.
    ///
    /// # Errors
    /// [`ImportError::File`].
    pub fn text(path: &Path) -> Result<Option<String>, ImportError> {
        read(path)
    }

    /// Replaces the text `before` of a trust file by `after` in one step. False, and nothing is done, when the file says
    /// something else by now.
    ///
    /// # Errors
    /// [`ImportError::File`].
    pub fn rewrite(path: &Path, before: &str, after: &str) -> Result<bool, ImportError> {
        if read(path)?.as_deref() != Some(before) {
            return Ok(false);
        }
        replace(path, after)?;
        sync(path.parent().unwrap_or(Path::new(".")))?;
        Ok(true)
    }

    /// Removes a trust file and the rule files beside it.
    ///
    /// # Errors
    /// [`ImportError::File`].
    pub fn remove(&self, path: &Path) -> Result<(), ImportError> {
        remove(path)?;
        for name in self.beside(path) {
            remove(&self.path.join(name))?;
        }
        sync(&self.path)
    }
}

impl Known {
    pub(super) fn new(file: PathBuf, name: String, identifiers: Vec<String>) -> Known {
        Known {
            folded: name.to_lowercase(),
            file,
            name,
            identifiers,
        }
    }

    fn of(file: &Path, text: &str) -> Option<Known> {
        let table: toml::Table = text.parse().ok()?;
        let name = table.get("name").and_then(toml::Value::as_str);
        let identifiers = table.get("identifiers").and_then(toml::Value::as_array);
        let texts = identifiers
            .into_iter()
            .flatten()
            // A claims provider has one.
            .chain(table.get("identifier"))
            .filter_map(toml::Value::as_str);
        Some(Known::new(
            file.to_owned(),
            name.map_or_else(|| stem_of(file), str::to_owned),
            texts.map(str::to_owned).collect(),
        ))
    }
}

/// Name of a trust file without its ending.
pub(super) fn stem_of(file: &Path) -> String {
    file.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Small letters, digits and hyphens, whatever the name holds.
fn stem(name: &str) -> String {
    let mut stem = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            stem.push(character.to_ascii_lowercase());
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
        if stem.len() >= MAX_STEM {
            break;
        }
    }
    stem.trim_end_matches('-').to_owned()
}

/// The text of a file; `None` when there is none, or it is no text of the size of a trust file.
pub(super) fn read(path: &Path) -> Result<Option<String>, ImportError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed(path, "open the file"))?,
    };
    let mut text = String::new();
    match file.take(MAX_FILE + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 <= MAX_FILE => Ok(Some(text)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(failed(path, "read the file")(error)),
    }
}

/// Puts a file in place in one step.
fn replace(path: &Path, text: &str) -> Result<(), ImportError> {
    let name = format!(".new-{}", u64::from_ne_bytes(ids::random()?));
    let unfinished = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|error| {
        // It is of no use to anybody, and begins with a dot, so nobody reads it if it stays.
        let _ = fs::remove_file(&unfinished);
        failed(path, "write the file")(error)
    })
}

fn remove(path: &Path) -> Result<(), ImportError> {
    fs::remove_file(path).map_err(failed(path, "remove the file"))
}

/// The names themselves must outlive a power failure, too.
fn sync(folder: &Path) -> Result<(), ImportError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(folder, "write the folder"))
}

pub(super) fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ImportError {
    let path = path.to_owned();
    move |source| ImportError::File { path, what, source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Setting;
    use super::*;

    fn trust(name: &str) -> TrustFile {
        TrustFile::new(
            "unused",
            &[
                Setting::new("name", name.into()),
                Setting::new("identifiers", toml::Value::Array(vec![name.into()])),
            ],
        )
    }

    #[test]
    fn names_that_look_alike_get_files_of_their_own_and_keep_them() {
        let temporary = tempfile::tempdir().unwrap();
        let names = ["Pay Roll", "pay/roll", "Zoë", "日本"];
        let place_all = || {
            let placed = names.map(|name| {
                let folder = TrustFolder::open(temporary.path()).unwrap();
                let place = folder.place(name);
                folder.write(&place, &trust(name)).unwrap();
                stem_of(&place)
            });
            placed.to_vec()
        };
        let first = place_all();
        assert_eq!(place_all(), first);
        assert_eq!([&first[0], &first[2]], ["pay-roll", "zo"]);
        assert!(first[1].starts_with("pay-roll-") && first[3].starts_with("trust-"));
        let folder = TrustFolder::open(temporary.path()).unwrap();
        assert_eq!(folder.trusts().len(), names.len());
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_the_folder(name in "\\PC{0,80}|[./\\\\\u{0}~: -]{0,20}(etc|passwd)?|\\PC{200}") {
            let folder = TrustFolder { path: PathBuf::from("/nowhere/trusts"), trusts: Vec::new(), rules: Vec::new() };
            let place = folder.place(&name);
            prop_assert_eq!(place.parent(), Some(Path::new("/nowhere/trusts")));
            let file = place.file_name().unwrap().to_str().unwrap();
            let stem = file.strip_suffix(".toml").unwrap();
            prop_assert!(!stem.is_empty() && stem.len() <= 80);
            prop_assert!(stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!stem.starts_with('-'));
        }
    }
}
