//! `trusts/relying-parties/*.toml`: one file a relying party trust.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Document;
use super::error::{Place, Problem};
use super::reader::{At, Problems, Section};
use super::relying_party::{RelyingParties, RelyingPartyTrust};
use super::trust_reader;

/// Folder of the trust files, beside `adfs.toml`.
const FOLDER: &str = "trusts/relying-parties";
/// A folder with more files is a mistake.
const MAX_FILES: usize = 10_000;

/// Reads the trusts beside the configuration file.
pub(super) fn load(configuration: &Path, problems: &Problems) -> RelyingParties {
    let folder = configuration.parent().unwrap_or(Path::new("")).join(FOLDER);
    let files = match trust_files(&folder) {
        Ok(files) => files,
        Err(problem) => {
            problems.borrow_mut().push(*problem);
            return RelyingParties::default();
        }
    };
    let mut all = RelyingParties::default();
    let mut names = HashMap::new();
    for file in files {
        match Document::read(&file) {
            Err(problem) => problems.borrow_mut().push(*problem),
            Ok(document) => {
                let Some(mut section) = Section::root(&document, None, problems) else {
                    continue;
                };
                let trust = trust_reader::trust(&mut section, &file);
                if let Some(trust) = trust {
                    add(&mut all, &mut names, trust, &section);
                }
                section.finish();
            }
        }
    }
    all
}

fn trust_files(folder: &Path) -> Result<Vec<PathBuf>, Box<Problem>> {
    let problem = |message: String, remedy: &str| {
        Box::new(Problem {
            place: Place::File {
                path: folder.to_owned(),
                line: None,
            },
            key: String::new(),
            message,
            remedy: remedy.to_owned(),
            excerpt: None,
        })
    };
    let unreadable = |error: std::io::Error| {
        problem(
            format!("the folder cannot be read ({error})"),
            "let the service's user read it",
        )
    };
    let entries = match std::fs::read_dir(folder) {
        // A server without relying parties is of little use, but it starts; they are added later.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden
            && path
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    if files.len() > MAX_FILES {
        return Err(problem(
            format!("there are more than {MAX_FILES} trust files"),
            "name the folder that is meant",
        ));
    }
    files.sort();
    Ok(files)
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
