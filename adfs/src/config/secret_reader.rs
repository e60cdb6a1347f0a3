//! Reads secrets, which come from a file or from the environment, never from `adfs.toml`: that is kept with others' files
//! and shown in reviews.

use std::path::PathBuf;

use super::document::read_text;
use super::reader::{At, Found, Section};
use super::secret::Secret;

/// What a secret's settings are called.
pub(super) struct SecretKeys {
    /// Key of the secret itself, which only a variable may give.
    pub(super) value: &'static str,
    /// Key of the path of the file that holds it.
    pub(super) file: &'static str,
    /// What the file is, to end the sentence "write ...".
    pub(super) expected: &'static str,
}

/// A secret that must be there.
pub(super) fn required(section: &mut Section<'_>, keys: &SecretKeys) -> Option<Secret> {
    let is_set = [keys.value, keys.file]
        .into_iter()
        .any(|key| section.is_written(key) || section.is_overridden(key));
    let secret = optional(section, keys);
    if !is_set {
        section.missing(keys.file, keys.expected);
    }
    secret
}

/// A secret that may be absent; `None` also when it is wrong, which is noted.
pub(super) fn optional(section: &mut Section<'_>, keys: &SecretKeys) -> Option<Secret> {
    let written = section.take_place(keys.value);
    if let Some(at) = written {
        let remedy = format!(
            "put it into a file of its own and name that in `{}`, or set the environment variable",
            keys.file
        );
        section.complain(
            keys.value,
            &at,
            "a password must not stand here".to_owned(),
            remedy,
        );
        return None;
    }
    let (at, text) = if section.is_overridden(keys.value) {
        // The override stands for the file too, wherever that is named.
        section.take_place(keys.file);
        section.is_overridden(keys.file);
        let found = section.find::<String>(keys.value, keys.expected)?;
        (found.at, found.value)
    } else {
        let Found { value, at } = section.path(keys.file)?;
        let found = Found {
            value,
            at: at.clone(),
        };
        let read = |path: PathBuf| {
            read_text(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        (
            at,
            section.check(keys.file, found, keys.expected, read)?.value,
        )
    };
    secret(section, keys, &at, text)
}

fn secret(section: &Section<'_>, keys: &SecretKeys, at: &At, text: String) -> Option<Secret> {
    let text = zeroize::Zeroizing::new(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // A directory takes a bind with an empty password for an anonymous one and lets it succeed (RFC 4513 section 5.1.2).
    if line.is_empty() || line.contains(['\0', '\n', '\r']) {
        let message = "the password is empty or has more than one line".to_owned();
        let remedy = "write the password and nothing else".to_owned();
        section.complain(keys.value, at, message, remedy);
        return None;
    }
    Some(Secret::new(line.to_owned()))
}
