//! Trust files that are not on disk yet, checked before they are put there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::attribute_store_reader::StoreNames;
use super::claims_provider::ClaimsProviderTrust;
use super::document::Document;
use super::environment::Environment;
use super::error::{ConfigError, Problem};
use super::reader::{Problems, Section};
use super::relying_party::{RelyingParties, RelyingPartyTrust};
use super::trust_reader::{self, Surroundings};
use super::{attribute_store_reader, claims_provider_reader, directory_reader, trust_files};

/// Trust files that are to change: the new text, or `None` for a file that is removed.
pub type TrustChanges = BTreeMap<PathBuf, Option<String>>;

/// Reads single trusts as the configuration would.
#[derive(Debug)]
pub struct TrustCheck {
    surroundings: Surroundings,
}

impl TrustCheck {
    /// For trusts of the configuration at `path`; policies and directories that are wrong there are left out, and told
    /// when the whole is loaded. A file that is not there is an empty one.
    pub fn of(path: &Path) -> TrustCheck {
        let ignored = Problems::default();
        let environment = Environment::of_process();
        let (directories, stores) = Document::read(path)
            .ok()
            .and_then(|document| {
                let mut root = Section::root(&document, Some(&environment), &ignored)?;
                let directories = directory_reader::directories(root.section("directories"));
                let stores =
                    attribute_store_reader::attribute_stores(root.section("attribute_stores"));
                Some((directories, stores))
            })
            .unwrap_or_default();
        let stores = stores.as_deref().map(StoreNames::of);
        let mut surroundings = Surroundings::load(path, directories.as_deref(), stores, &ignored);
        // A folder that stands alone may be meant for a service that has others.
        if path.exists() {
            let none = TrustChanges::default();
            let providers = claims_provider_reader::load(path, &none, None, None, &[], &ignored);
            surroundings.claims_providers = Some(providers.names());
        }
        TrustCheck { surroundings }
    }

    /// The relying party trust `text`, which is to stand in `file`.
    ///
    /// # Errors
    /// Names every problem.
    pub fn relying_party(&self, file: &Path, text: &str) -> Result<RelyingPartyTrust, ConfigError> {
        self.one(file, text, |section| {
            Some(trust_reader::trust(section, &self.surroundings, file)?.0)
        })
    }

    /// The claims provider trust `text`, which is to stand in `file`.
    ///
    /// # Errors
    /// Names every problem.
    pub fn claims_provider(
        &self,
        file: &Path,
        text: &str,
    ) -> Result<ClaimsProviderTrust, ConfigError> {
        self.one(file, text, |section| {
            let stores = self.surroundings.stores.as_ref();
            Some(claims_provider_reader::trust(section, None, stores, file)?.0)
        })
    }

    fn one<T>(
        &self,
        file: &Path,
        text: &str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let document = Document::of_text(file, text);
        let problems = Problems::default();
        let mut trust = None;
        if let Some(mut section) = Section::root(&document, None, &problems) {
            trust = read(&mut section);
            section.finish();
        }
        match (trust, problems.into_inner()) {
            (Some(trust), problems) if problems.is_empty() => Ok(trust),
            (_, problems) => Err(ConfigError::new(problems)),
        }
    }

    /// What is wrong with the trust `text`, which is to stand in `file`.
    pub fn problems(&self, file: &Path, text: &str) -> Vec<Problem> {
        let document = Document::of_text(file, text);
        let problems = Problems::default();
        if let Some(mut section) = Section::root(&document, None, &problems) {
            trust_reader::trust(&mut section, &self.surroundings, file);
            section.finish();
        }
        problems.into_inner()
    }

    /// The trusts of a folder that stands alone, as they would be after `changes`.
    ///
    /// # Errors
    /// Names every problem of all files.
    pub fn folder(
        &self,
        folder: &Path,
        changes: &TrustChanges,
    ) -> Result<RelyingParties, ConfigError> {
        let problems = Problems::default();
        let trusts = trust_files::load_folder(folder, changes, &self.surroundings, &problems);
        match problems.into_inner() {
            problems if problems.is_empty() => Ok(trusts),
            problems => Err(ConfigError::new(problems)),
        }
    }
}
