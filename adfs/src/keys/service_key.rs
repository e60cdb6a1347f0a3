//! The service key file: a header, then one key a line. The first seals; all open, so that a key can be replaced without
//! losing what was sealed under the one before it.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use super::KeyError;
use super::files::{self, Readers};
use crate::ids;

const HEADER: &str = "adfs service key 1";
/// The same for a lab. The mark travels with the keys, so that they cannot be put to use elsewhere by accident.
const LAB_HEADER: &str = "adfs service key 1 lab";
/// Far more generations than are ever kept.
const MAX_KEYS: usize = 32;

/// Names a key within sealed values; public.
pub(super) type KeyId = [u8; 4];

/// One key of 256 bits.
pub(super) struct ServiceKey {
    pub(super) id: KeyId,
    pub(super) secret: Zeroizing<[u8; 32]>,
}

/// The keys of one file, at least one.
pub(super) struct ServiceKeys {
    lab: bool,
    pub(super) current: ServiceKey,
    pub(super) older: Vec<ServiceKey>,
}

impl ServiceKeys {
    /// Reads the file, if there is one.
    pub(super) fn load(path: &Path) -> Result<Option<ServiceKeys>, KeyError> {
        let Some(text) = files::read(path, Readers::Owner)? else {
            return Ok(None);
        };
        if let Some(folder) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            files::check_folder(folder)?;
        }
        let keys = ServiceKeys::parse(&text).map_err(|line| KeyError::ServiceKey {
            path: path.to_owned(),
            line,
        })?;
        Ok(Some(keys))
    }

    /// Makes a key and the file.
    pub(super) fn make(path: &Path, lab: bool) -> Result<ServiceKeys, KeyError> {
        let current = ServiceKey {
            id: ids::random()?,
            secret: Zeroizing::new(ids::random()?),
        };
        let keys = ServiceKeys {
            lab,
            current,
            older: Vec::new(),
        };
        files::create(path, &keys.to_text(), Readers::Owner)?;
        Ok(keys)
    }

    /// Whether they were made for a lab.
    pub(super) fn are_lab_keys(&self) -> bool {
        self.lab
    }

    /// The error is the number of the line that does not fit.
    fn parse(text: &str) -> Result<ServiceKeys, usize> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let lab = match lines.next() {
            Some((_, HEADER)) => false,
            Some((_, LAB_HEADER)) => true,
            _ => return Err(1),
        };
        let mut keys = Vec::new();
        for (number, line) in lines {
            let key = ServiceKey::parse(line)
                .filter(|_| keys.len() < MAX_KEYS)
                .ok_or(number)?;
            if keys.iter().any(|other: &ServiceKey| other.id == key.id) {
                return Err(number);
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(2_usize)?;
        Ok(ServiceKeys {
            lab,
            current,
            older: keys.collect(),
        })
    }

    fn to_text(&self) -> Zeroizing<String> {
        // Room for all of it, so that growing leaves no copy of a key behind.
        let mut text = Zeroizing::new(String::with_capacity(64 * (2 + self.older.len())));
        text.push_str(if self.lab { LAB_HEADER } else { HEADER });
        text.push('\n');
        for key in std::iter::once(&self.current).chain(&self.older) {
            URL_SAFE_NO_PAD.encode_string(key.id, &mut text);
            text.push(' ');
            URL_SAFE_NO_PAD.encode_string(*key.secret, &mut text);
            text.push('\n');
        }
        text
    }
}

impl ServiceKey {
    fn parse(line: &str) -> Option<ServiceKey> {
        let (id, secret) = line.split_once(' ')?;
        let id: KeyId = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let mut octets = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let secret = octets.as_slice().try_into().map(Zeroizing::new).ok();
        octets.zeroize();
        Some(ServiceKey {
            id,
            secret: secret?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("service.key");
        assert!(ServiceKeys::load(&path).expect("no error").is_none());
        let made = ServiceKeys::make(&path, true).expect("made");
        assert!(
            ServiceKeys::make(&path, true).is_err(),
            "a key is never replaced"
        );
        let read = ServiceKeys::load(&path).expect("read").expect("there");
        assert_eq!(made.current.secret, read.current.secret);
        assert_eq!(made.current.id, read.current.id);
        assert!(read.are_lab_keys());
    }

    #[test]
    fn older_keys_follow_the_first() {
        let text = format!(
            "{HEADER}\nAAAAAQ {}\nAAAAAg {}\n",
            "A".repeat(43),
            "E".repeat(43)
        );
        let keys = ServiceKeys::parse(&text)
            .map_err(|line| format!("line {line}"))
            .expect("two keys");
        assert_eq!((keys.current.id, keys.older.len()), ([0, 0, 0, 1], 1));
        assert_eq!(keys.to_text().as_str(), text);
    }

    #[test]
    fn other_files_are_refused_with_the_line() {
        let good = format!("AAAAAQ {}", "A".repeat(43));
        for (text, line) in [
            (String::new(), 1),
            ("adfs service key 2\n".to_owned(), 1),
            (format!("{HEADER}\n"), 2),
            (format!("{HEADER}\n\n{good}\n"), 2),
            (format!("{HEADER}\n{good}\n{good}\n"), 3),
            (format!("{HEADER}\n{good} \n"), 2),
            (format!("{HEADER}\nAAAAAQ {}\n", "A".repeat(42)), 2),
            (format!("{HEADER}\nAAAA {}\n", "A".repeat(43)), 2),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("service.key");
            files::create(&path, &text, Readers::Owner).expect("made");
            let error = ServiceKeys::load(&path).map(|_| ()).expect_err(&text);
            assert!(
                matches!(error, KeyError::ServiceKey { line: found, .. } if found == line),
                "{text}: {error}"
            );
        }
    }
}
