//! `trusts/relying-parties/*.toml`: one file a relying party trust.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Document;
use super::folder;
use super::reader::{At, Problems, Section};
use super::relying_party::{RelyingParties, RelyingPartyTrust};
use super::trust_check::TrustChanges;
use super::trust_reader::{self, Surroundings};

/// Folder of the trust files, beside `adfs.toml`.
const FOLDER: &str = "trusts/relying-parties";

/// Folder of the trust files of the configuration file.
pub(super) fn folder_of(configuration: &Path) -> PathBuf {
    configuration.parent().unwrap_or(Path::new("")).join(FOLDER)
}

/// Reads the trusts beside the configuration file.
pub(super) fn load(
    configuration: &Path,
    changes: &TrustChanges,
    surroundings: &Surroundings,
    problems: &Problems,
) -> RelyingParties {
    load_folder(&folder_of(configuration), changes, surroundings, problems)
}

/// Reads the trusts in a folder as they would be after `changes`.
pub(super) fn load_folder(
    folder: &Path,
    changes: &TrustChanges,
    surroundings: &Surroundings,
    problems: &Problems,
) -> RelyingParties {
    let mut files = match folder::toml_files_in(folder) {
        Ok(files) => files,
        Err(problem) => {
            problems.borrow_mut().push(*problem);
            return RelyingParties::default();
        }
    };
    files.extend(
        changes
            .keys()
            .filter(|file| file.parent() == Some(folder))
            .cloned(),
    );
    files.sort();
    files.dedup();
    files.retain(|file| changes.get(file) != Some(&None));
    let mut all = RelyingParties::default();
    let mut names = HashMap::new();
    for file in files {
        let document = match changes.get(&file) {
            Some(Some(text)) => Ok(Document::of_text(&file, text)),
            _ => Document::read(&file),
        };
        match document {
            Err(problem) => problems.borrow_mut().push(*problem),
            Ok(document) => {
                let Some(mut section) = Section::root(&document, None, problems) else {
                    continue;
                };
                let trust = trust_reader::trust(&mut section, surroundings, &file);
                if let Some(trust) = trust {
                    add(&mut all, &mut names, trust, &section);
                }
                section.finish();
            }
        }
    }
    all
}

/// Names and identifiers must be unique, or it would depend on the order of files who gets a token.
fn add(
    all: &mut RelyingParties,
    names: &mut HashMap<String, PathBuf>,
    trust: (RelyingPartyTrust, At),
    section: &Section<'_>,
) {
    let (trust, identifiers_at) = trust;
    let trust = Arc::new(trust);
    if let Some(other) = names.insert(trust.name.to_lowercase(), trust.file.clone()) {
        let message = format!(
            "{:?} is also the name of the trust in {}",
            trust.name,
            other.display()
        );
        section.complain(
            "name",
            &identifiers_at,
            message,
            "give every trust a name of its own".to_owned(),
        );
    }
    for identifier in &trust.identifiers {
        match all.by_identifier.entry(identifier.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Arc::clone(&trust));
            }
            Entry::Occupied(entry) => {
                let message = format!(
                    "{identifier:?} is also an identifier of the trust in {}",
                    entry.get().file.display()
                );
                section.complain(
                    "identifiers",
                    &identifiers_at,
                    message,
                    "remove it from one of the two".to_owned(),
                );
            }
        }
    }
    all.trusts.push(trust);
}
