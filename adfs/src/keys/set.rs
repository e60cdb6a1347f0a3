//! Which certificates are in use: a list in the key folder, the primary one of each role first.
//!
//! The list is replaced whole, in one step, after the files that it names are on disk. So a crash at any moment leaves
//! either the old set or the new one, and at worst a pair that no list names. A folder without a list has one pair a role,
//! those of the first start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::files::{self, Readers};
use super::{CertificateType, KeyError, pair};

const FILE: &str = "certificates.json";
const VERSION: u32 = 1;
/// Certificates of one role: the primary one, its successor and those before it. AD FS keeps two.
pub(super) const MAX_CERTIFICATES: usize = 8;
const THUMBPRINT_LENGTH: usize = 40;

/// A pair of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Name of both files, without extension.
    pub(super) file: String,
    /// Since when partners can see the certificate, in seconds since 1970; its begin when nothing else is known.
    pub(super) published: Option<i64>,
}

impl Entry {
    /// The pair of the first start.
    pub(super) fn first(role: CertificateType) -> Entry {
        Entry {
            file: role.file_stem().to_owned(),
            published: None,
        }
    }

    /// A later pair.
    pub(super) fn later(role: CertificateType, thumbprint: &str, now: OffsetDateTime) -> Entry {
        Entry {
            file: format!("{}-{thumbprint}", role.file_stem()),
            published: Some(now.unix_timestamp()),
        }
    }

    /// Only names that this module gives: a list cannot lead to files elsewhere.
    fn is_sound(&self, role: CertificateType) -> bool {
        self.file == role.file_stem() || is_later_name(&self.file, role)
    }
}

fn is_later_name(name: &str, role: CertificateType) -> bool {
    name.strip_prefix(role.file_stem())
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|thumbprint| {
            thumbprint.len() == THUMBPRINT_LENGTH
                && thumbprint
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
        })
}

/// The entries of both roles, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    version: u32,
    token_signing: Vec<Entry>,
    token_decrypting: Vec<Entry>,
}

impl Set {
    fn first() -> Set {
        Set {
            version: VERSION,
            token_signing: vec![Entry::first(CertificateType::TokenSigning)],
            token_decrypting: vec![Entry::first(CertificateType::TokenDecrypting)],
        }
    }

    /// The list in `folder`, or the one that a folder without a list means.
    pub(super) fn read(folder: &Path) -> Result<Set, KeyError> {
        let path = path(folder);
        let Some(text) = files::read(&path, Readers::Everyone)? else {
            return if has_later_pairs(folder) {
                Err(KeyError::SetMissing { path })
            } else {
                Ok(Set::first())
            };
        };
        serde_json::from_str::<Set>(&text)
            .ok()
            .filter(Set::is_sound)
            .ok_or(KeyError::Set { path })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), KeyError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|_| KeyError::Set { path: path(folder) })?;
        files::replace(&path(folder), &text)
    }

    /// Primary first.
    pub(super) fn of(&self, role: CertificateType) -> &[Entry] {
        match role {
            CertificateType::TokenSigning => &self.token_signing,
            CertificateType::TokenDecrypting => &self.token_decrypting,
        }
    }

    pub(super) fn of_mut(&mut self, role: CertificateType) -> &mut Vec<Entry> {
        match role {
            CertificateType::TokenSigning => &mut self.token_signing,
            CertificateType::TokenDecrypting => &mut self.token_decrypting,
        }
    }

    fn is_sound(&self) -> bool {
        self.version == VERSION
            && CertificateType::ALL.into_iter().all(|role| {
                let entries = self.of(role);
                let distinct = entries.iter().enumerate().all(|(at, entry)| {
                    entries
                        .iter()
                        .take(at)
                        .all(|other| other.file != entry.file)
                });
                (1..=MAX_CERTIFICATES).contains(&entries.len())
                    && distinct
                    && entries.iter().all(|entry| entry.is_sound(role))
            })
    }
}

/// Its file.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Whether pairs after the first ones lie there.
fn has_later_pairs(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let stem = name
            .to_str()
            .and_then(|name| name.strip_suffix(pair::CERTIFICATE_SUFFIX));
        stem.is_some_and(|stem| {
            CertificateType::ALL
                .into_iter()
                .any(|role| is_later_name(stem, role))
        })
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_and_a_folder_without_one_has_the_first_pairs() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut set = Set::read(folder.path()).expect("none yet");
        assert_eq!(set, Set::first());
        set.of_mut(CertificateType::TokenSigning).push(Entry::later(
            CertificateType::TokenSigning,
            &"A0".repeat(20),
            datetime!(2026-11-25 12:00 UTC),
        ));
        set.write(folder.path()).expect("written");
        assert_eq!(Set::read(folder.path()).expect("read"), set);
    }

    #[test]
    fn a_lost_list_is_not_taken_for_a_first_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!("token-signing-{}.pem", "A0".repeat(20));
        std::fs::write(folder.path().join(name), "").expect("written");
        assert!(matches!(
            Set::read(folder.path()),
            Err(KeyError::SetMissing { .. })
        ));
    }

    #[test]
    fn other_lists_are_refused() {
        let entry = |file: &str| format!("{{\"file\":\"{file}\",\"published\":null}}");
        let list = |signing: &str| {
            format!(
                "{{\"version\":1,\"token_signing\":[{signing}],\"token_decrypting\":[{}]}}",
                entry("token-decrypting")
            )
        };
        let good = entry("token-signing");
        assert!(serde_json::from_str::<Set>(&list(&good)).is_ok_and(|set| set.is_sound()));
        let many = (0..9)
            .map(|n| entry(&format!("token-signing-{n:040X}")))
            .collect::<Vec<_>>()
            .join(",");
        for text in [
            String::new(),
            "{}".to_owned(),
            list(""),
            list(&format!("{good},{good}")),
            list(&entry("token-decrypting")),
            list(&entry("../token-signing")),
            list(&entry("token-signing-../../x")),
            list(&entry("token-signing-abc")),
            list(&many),
            list(&good).replace("\"version\":1", "\"version\":2"),
            list(&good).replace("\"version\"", "\"more\":1,\"version\""),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            files::replace(&path(folder.path()), &text).expect("written");
            assert!(
                matches!(Set::read(folder.path()), Err(KeyError::Set { .. })),
                "{text}"
            );
        }
    }
}
